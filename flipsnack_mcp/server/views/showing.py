"""What only the view is told. It travels beside an answer's text and data, which stay what they are for everybody."""

import base64
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice

import anyio
from mcp.types import CallToolResult

from flipsnack_mcp.api import Flipsnack, JsonObject, picture_address
from flipsnack_mcp.files.fetching import fetch_picture
from flipsnack_mcp.server.app import App
from flipsnack_mcp.server.safety.cleaning import clean
from flipsnack_mcp.server.safety.heading import Heading
from flipsnack_mcp.server.safety.redaction import log_unexpected
from flipsnack_mcp.server.wording import PLAIN_LINK

IN_META = "flipsnack-mcp/view"
MOST_ROWS, MOST_COVERS = 1000, 100
LONGEST_ADDRESS = 500
TIME_FOR_COVERS = 1.0
"""Seconds: pictures come beside an answer, never before it."""
COVERS_AT_ONCE = 10
"""The imitation draws in this thread: between so many the clock is looked at."""
LARGEST_COVER, BEGINS_A_PNG = 20_000, b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True)
class Aside:
    """What a tool has for the view alone. Rows are made only for a client that shows them."""

    covers: Mapping[str, str | None] = field(default_factory=dict[str, str | None])
    """Addresses of pictures, by the collection's hash."""
    links: Mapping[str, str | None] = field(default_factory=dict[str, str | None])
    """Readers' addresses that the data does not have, by the collection's hash."""
    rows: Iterable[JsonObject] = ()
    """All of a table of which the data has only the ends."""
    measure: str = ""
    """By which the rows are sorted."""


async def with_view(result: CallToolResult, aside: Aside, app: App, heading: Heading) -> CallToolResult:
    """An answer, and beside it what the view is told; the answer alone where that cannot be made."""
    try:
        told = told_aside(aside, await covers_of(aside, app), heading)
    except Exception as error:  # noqa: BLE001  # what was done is done, and has to be told
        log_unexpected("the view", error)
        return result
    return result.model_copy(update={"meta": {**(result.meta or {}), IN_META: told}})


def told_aside(aside: Aside, covers: Mapping[str, str], heading: Heading) -> JsonObject:
    """What the view is told, as clean and as safe as data; pictures that travel as data are ours."""
    rows = [*aside.rows]
    cut = {"rows_total": len(rows)} if len(rows) > MOST_ROWS else {}
    members = {
        "links": {name: link for name, one in aside.links.items() if name and (link := plain_address(one))},
        "rows": rows[:MOST_ROWS],
        "measure": aside.measure,
    }
    told = heading.redactor.data({"covers": dict(covers), **clean(members)})
    made = datetime.now(UTC).isoformat(timespec="seconds")
    return heading.over_data({name: one for name, one in told.items() if one} | cut | {"made": made})


async def covers_of(aside: Aside, app: App) -> dict[str, str]:
    """Pictures by their collections: where to load them from, or themselves where no host has them."""
    known = dict(islice(((name, one) for name, one in aside.covers.items() if name and one), MOST_COVERS))
    if app.settings.sandbox:
        return await pictures(app.flipsnack, known)
    allowed = {name: address_at(one, app.settings.file_hosts) for name, one in known.items()}
    return {name: one for name, one in allowed.items() if one}


def address_at(text: str, hosts: Collection[str]) -> str | None:
    """The address of a picture, if it is at one of these hosts."""
    try:
        return plain_address(picture_address(text, hosts))
    except ValueError:
        return None


def plain_address(text: str | None) -> str | None:
    """An https address of nothing unusual, also where http was written; None for anything else."""
    raised = f"https://{text[7:]}" if text and text[:7].lower() == "http://" else text or ""
    return raised if len(raised) <= LONGEST_ADDRESS and PLAIN_LINK.fullmatch(raised) else None


async def pictures(flipsnack: Flipsnack, addresses: Mapping[str, str]) -> dict[str, str]:
    """Those of the imitation in this process, some at a time; one that is not there in time is left out."""
    found, few = dict[str, str](), anyio.CapacityLimiter(COVERS_AT_ONCE)

    async def fetch(name: str, address: str) -> None:
        async with few:
            if picture := await picture_at(flipsnack, address):
                found[name] = picture

    with anyio.move_on_after(TIME_FOR_COVERS):
        async with anyio.create_task_group() as beside:
            for name, address in addresses.items():
                beside.start_soon(fetch, name, address)
    return {name: found[name] for name in addresses if name in found}


async def picture_at(flipsnack: Flipsnack, address: str) -> str | None:
    """A small PNG as an address that holds it."""
    try:
        body = await fetch_picture(flipsnack.elsewhere, address, LARGEST_COVER)
    except Exception:  # noqa: BLE001  # whatever it is, the others and the rows are told without it
        return None
    return f"data:image/png;base64,{base64.b64encode(body).decode()}" if body.startswith(BEGINS_A_PNG) else None
