"""Resources as they are listed: a collection and the account's totals as JSON, for clients that attach them, and a skill."""

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote

from mcp.types import Resource, ResourceTemplate

from flipsnack_mcp.server.callers.accounts import ARGUMENT
from flipsnack_mcp.settings import Settings

COLLECTION_ADDRESS, ACCOUNT_ADDRESS = "flipsnack://collections/", "flipsnack://stats/account"
JSON = "application/json"
RESOURCE = Resource(
    uri=ACCOUNT_ADDRESS,
    name="account_stats",
    title="Account statistics",
    description="Totals of the whole account and the uploads by API that are left.",
    mime_type=JSON,
)
"""What can be read without knowing anything."""
TEMPLATE = ResourceTemplate(
    uri_template=f"{COLLECTION_ADDRESS}{{hash}}",
    name="collection",
    title="Collection",
    description="One collection: title, status, size and the conversion of its flipbooks.",
    mime_type=JSON,
)
"""What can be read once its hash is known."""
KINDS = {"hash": "collection"}
"""What the parts of its address are, for who is typing."""
SKILL_FILE = Path(__file__).with_name("skill.md")
SKILL_ADDRESS, MARKDOWN = "skill://flipsnack/SKILL.md", "text/markdown"
SKILL = Resource(
    uri=SKILL_ADDRESS,
    name="skill",
    title="Working in a Flipsnack account",
    description="How to publish, report, export and clean up well: for assistants, and for people who want to know.",
    mime_type=MARKDOWN,
)
"""The same text as the plugins bring. It is nobody's, so there is one however many accounts there are."""
SCHEME = "flipsnack://"


def listed_resources(every: Sequence[Settings], *, several: bool) -> list[Resource]:
    """What can be read without knowing anything, of each account; they have names where the server has several."""
    if not several:
        return [RESOURCE for _ in every]
    return [
        RESOURCE.model_copy(
            update={
                "uri": address_of(one.name, ACCOUNT_ADDRESS),
                "name": f"{RESOURCE.name}_{one.name}",
                "title": f"{RESOURCE.title}: {one.name}",
            }
        )
        for one in every
    ]


def account_in_template(uri: str) -> dict[str, str]:
    """The account that an address being typed begins with, as an argument; none where that is to be filled in, or it has none."""
    name, _ = split_address(uri)
    return {ARGUMENT: name} if name and name != f"{{{ARGUMENT}}}" else {}


def listed_templates(every: Sequence[Settings], *, several: bool) -> list[ResourceTemplate]:
    """What can be read once its hash is known, and of which account it is, where the server has several."""
    if not every:
        return []
    name = every[0].name if len(every) == 1 else f"{{{ARGUMENT}}}"
    address = address_of(name, TEMPLATE.uri_template) if several else TEMPLATE.uri_template
    return [TEMPLATE.model_copy(update={"uri_template": address})]


def address_of(account: str, address: str) -> str:
    """An address of ours, of this account."""
    return f"{SCHEME}{account}/{address.removeprefix(SCHEME)}"


def split_address(uri: str) -> tuple[str, str]:
    """The name of the account that an address begins with, and the address without it; no name where it has none."""
    name, _, rest = uri.removeprefix(SCHEME).partition("/")
    named = uri.startswith(SCHEME) and not uri.startswith((COLLECTION_ADDRESS, ACCOUNT_ADDRESS))
    return (unquote(name), f"{SCHEME}{rest}") if named else ("", uri)
