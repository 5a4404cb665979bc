"""A file that was saved, as something to click: a link beside the text that names it.

A file's address means something on this machine only, and so does every server there is: on stdio, or on loopback.
"""

from pathlib import Path

from anyio import to_thread
from mcp.types import CallToolResult, ResourceLink

from flipsnack_mcp.server.safety.heading import Heading

KINDS_OF_FILES = {".csv": "text/csv", ".md": "text/markdown", ".html": "text/html", ".zip": "application/zip"}


async def with_link(result: CallToolResult, outcome: object, heading: Heading) -> CallToolResult:
    """An answer, with a link to the file that it names where there is one."""
    path = getattr(outcome, "path", None)
    # An address with a credential taken out of it leads nowhere.
    if not path or heading.redactor.text(path) != path:
        return result
    link = await to_thread.run_sync(link_to, Path(path))
    return result.model_copy(update={"content": [*result.content, link]}) if link else result


def link_to(file: Path) -> ResourceLink | None:
    """The link; None where the file is gone by now."""
    try:
        size, address = file.stat().st_size, file.as_uri()
    except (OSError, ValueError):
        return None
    return ResourceLink(name=file.name, uri=address, mime_type=KINDS_OF_FILES.get(file.suffix), size=size)
