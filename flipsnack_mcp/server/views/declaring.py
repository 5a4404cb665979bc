"""How the view is declared: its address, what a tool says of it, and what it may load."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from mcp.server.apps import APP_MIME_TYPE, EXTENSION_ID
from mcp.server.extension import Extension
from mcp.server.lowlevel.helper_types import ReadResourceContents
from mcp.types import Resource

from flipsnack_mcp.settings import Settings

VIEW_ADDRESS = "ui://flipsnack/view.html"
VIEW_FILE = Path(__file__).with_name("view.html")
OF_A_TOOL = {"ui": {"resourceUri": VIEW_ADDRESS}, "ui/resourceUri": VIEW_ADDRESS}
"""What a tool with a view says of it; hosts of early 2026 read the second."""


class Views(Extension):
    """Says that there is a view. Nothing else: tools, resources and calls stay with the menu and the dispatcher."""

    identifier = EXTENSION_ID


def listed_view(every: Sequence[Settings]) -> Resource:
    """The view as it is listed."""
    return Resource(
        uri=VIEW_ADDRESS, name="view", title="Flipsnack view", mime_type=APP_MIME_TYPE, _meta=of_the_page(every)
    )


def read_view(every: Sequence[Settings]) -> ReadResourceContents:
    """The view as it is read."""
    return ReadResourceContents(content=view_page(), mime_type=APP_MIME_TYPE, meta=of_the_page(every))


def of_the_page(every: Sequence[Settings]) -> dict[str, Any]:
    """What the page asks of its host: pictures from the hosts of all accounts, and no other address at all.

    Covers of an imitation travel as data.
    """
    hosts = dict.fromkeys(host for one in every if not one.sandbox for host in one.file_hosts)
    policy = {"csp": {"resourceDomains": [f"https://{one}" for one in hosts]}} if hosts else {}
    return {"ui": {**policy, "prefersBorder": True}}


@cache
def view_page() -> str:
    """The page itself."""
    return VIEW_FILE.read_text(encoding="utf-8")
