"""An MCP client that shows progress and lets a person confirm: uploads a PDF, deletes it again.

    python examples/answer_confirmations.py path/to/document.pdf

Starts the server against its built-in sandbox; take FLIPSNACK_SANDBOX out and put your key in to use an account.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import anyio
from mcp import Client, StdioServerParameters
from mcp.types import ElicitRequestFormParams, ElicitResult, TextContent


async def ask_person(context: Any, params: Any) -> ElicitResult:  # noqa: ARG001  # the SDK's signature
    """Show the form in the terminal. Only the person's own typing goes back."""
    assert isinstance(params, ElicitRequestFormParams)
    print(f"\n  {params.message}")
    typed = await anyio.to_thread.run_sync(input, "  > ")
    return ElicitResult(action="accept", content={"title": typed}) if typed else ElicitResult(action="cancel")


async def show_progress(progress: float, total: float | None, message: str | None) -> None:  # noqa: ARG001  # likewise
    print(f"  ... {message}")


async def main(document: Path) -> None:
    environment = {**os.environ, "FLIPSNACK_SANDBOX": "1", "FLIPSNACK_UPLOAD_DIRS": str(document.parent)}
    server = StdioServerParameters(command=sys.executable, args=["-m", "flipsnack_mcp"], env=environment)
    async with Client(server, elicitation_callback=ask_person) as client:

        async def call(tool: str, **arguments: Any) -> dict[str, Any]:
            result = await client.call_tool(tool, arguments, progress_callback=show_progress)
            print("\n".join(one.text for one in result.content if isinstance(one, TextContent)))
            return dict(result.structured_content or {})

        made = await call("create_collection", file_path=str(document), title="Example catalogue")
        if "collection_hash" in made:  # otherwise it was said why nothing was uploaded
            await call("delete_collection", collection_hash=made["collection_hash"])


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("Give the path of a PDF.")
    anyio.run(main, Path(sys.argv[1]).absolute())
