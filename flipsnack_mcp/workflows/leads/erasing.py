"""Forgetting a person: every lead in which an e-mail address stands goes, and every file made of leads that waits to be fetched."""

import base64
import html
import re
import unicodedata
import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Any
from urllib.parse import unquote

from flipsnack_mcp.store.records import Body, OpenedStore, Records
from flipsnack_mcp.text import one_line
from flipsnack_mcp.workflows.addresses.fetched import KEPT_FILE
from flipsnack_mcp.workflows.leads.keeping import (
    EVER,
    LEAD_MARK,
    LEAD_PAGE,
    REPEATED_FOR,
    accounts_with_leads,
    pages_between,
)

MAIL_ADDRESS = re.compile(r"[^\s@<>\"(),;:]+@[^\s@<>\"(),;:?&/]+")
LONGEST_MAIL_ADDRESS = 254
LATIN, ANY_LETTER, MARKS = "0-9a-z\u00aa-\u024f", r"\w", "._+-"
LATIN_LETTER = re.compile(f"[{LATIN}]")
MAY_HOLD_ONE = re.compile(r"[@\ufe6b\uff20%&\\]")
MARKS_OF_MARKDOWN = str.maketrans("", "", "\\`")
DOTS = str.maketrans("\u3002\uff61", "..")
JSON_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|[nrtbf])")
WRITTEN_WITHIN = 3
"""So often may one way of writing stand within another, as a link does in a link."""


@dataclass(frozen=True)
class Erased:
    """What was erased."""

    leads: int = 0
    files: int = 0
    """Files with the address in them, which waited to be fetched."""
    remains: tuple[str, ...] = ()
    """Where copies may lie still, in sentences."""


async def erase(store: OpenedStore, address: str) -> Erased:
    """Erase every lead of this address, of all accounts, and let no trace of what was erased be left in the store.

    Raises:
        ValueError: It is no e-mail address.
        StoreUnusable: The store cannot be used. What was erased by then stays so: it is to be repeated.
    """
    wanted = pattern_of(address)
    leads = 0
    for account in await accounts_with_leads(store):
        pages = await store.transact(partial(pages_between, account=account, since=0, until=EVER))
        for some in in_parts(pages):
            leads += await store.transact(partial(leads_erased, account=account, pages=some, wanted=wanted))
    files = await store.transact(partial(files_erased, wanted=wanted))
    return Erased(leads, files, await store.purge())


def pattern_of(address: str) -> re.Pattern[str]:
    """By what an address is found in a text, in either way in which its host can be written.

    Raises:
        ValueError: It is no e-mail address.
    """
    plain = as_searched(address).strip().removeprefix("mailto:").strip("<>").rstrip(".")
    if not MAIL_ADDRESS.fullmatch(plain) or len(plain) > LONGEST_MAIL_ADDRESS:
        raise ValueError("That is no e-mail address, which has the form NAME@HOST.")
    name, _, host = plain.rpartition("@")
    return re.compile("|".join(alone(f"{name}@{one}") for one in {*spellings_of_host(host)}))


def alone(address: str) -> str:
    """A pattern of an address that is no part of a longer one.

    Marks before it are, where a word is before them: `x.ada@` is another, `_ada@` is not. A script other than its own is
    no part of it: not all put blanks between words. A keyboard may put one around the sign, and a name may stand in quotes.
    """
    name, _, host = address.rpartition("@")
    written = rf"{re.escape(name)}\"?\s?@\s?{re.escape(host)}"
    before, after = [LATIN if LATIN_LETTER.match(one) else ANY_LETTER for one in (address[0], address[-1])]
    return rf"(?:^|[^{before}{MARKS}])[{MARKS}]*{written}(?!\.?[{after}]|-+[{after}])"


def spellings_of_host(host: str) -> Iterator[str]:
    """A host as it stands, and as it is written in the other alphabet."""
    yield host
    with suppress(UnicodeError):
        yield host.encode("idna").decode() if not host.isascii() else host.encode().decode("idna")


def holds_address(texts: Iterable[str], wanted: re.Pattern[str]) -> bool:
    """Whether an address stands in one of these texts, however a form, a program or a browser has written it there."""
    ways = (way for text in texts if MAY_HOLD_ONE.search(text) for way in ways_to_read(text))
    return any(wanted.search(as_searched(way)) for way in ways)


def ways_to_read(text: str) -> Iterator[str]:
    """A text as it stands, as Markdown shows it, and as what is written for a page, for a link and as JSON is read."""
    yield text
    if text != (shown := text.translate(MARKS_OF_MARKDOWN)):
        yield shown
    for _ in range(WRITTEN_WITHIN):
        before, text = text, JSON_ESCAPE.sub(read_escape, unquote(html.unescape(text)))
        if text == before:
            return
        yield text


def read_escape(found: re.Match[str]) -> str:
    """What is written so within a text of JSON; what forms lines is a blank."""
    return chr(int(found[1], 16)) if found[1] else " "


def as_searched(text: str) -> str:
    """A text as addresses are compared: without what nobody sees, and large letters like small ones."""
    return unicodedata.normalize("NFKC", one_line(text)).casefold().translate(DOTS)


PAGES_AT_ONCE = 20


def in_parts(pages: list[str]) -> Iterator[list[str]]:
    """So many at once that no server has to wait for it."""
    return (pages[at : at + PAGES_AT_ONCE] for at in range(0, len(pages), PAGES_AT_ONCE))


def leads_erased(records: Records, account: str, pages: list[str], wanted: re.Pattern[str]) -> int:
    """Take the leads of an address off these pages; how many they were."""
    bodies = records.several(LEAD_PAGE, pages)
    found = zip(pages, bodies, strict=True)
    return sum(taken_off(records, account, name, body, wanted) for name, body in found if body)


def taken_off(records: Records, account: str, name: str, page: Body, wanted: re.Pattern[str]) -> int:
    """The same of one page. Their marks stay for as long as one may come again, which would bring it back."""
    gone = [row for row in page["leads"] if holds_address(texts_of(row), wanted)]
    if gone:
        left = [row for row in page["leads"] if row not in gone]
        records.put(LEAD_PAGE, name, {**page, "leads": left}, keep=page["ends"] - records.now)
    for row in gone:
        records.put(LEAD_MARK, f"{account} {row['digest']}", {}, keep=REPEATED_FOR)
    return len(gone)


def texts_of(row: dict[str, Any]) -> Iterator[str]:
    """All texts of a lead as it stands on a page."""
    return chain((row["title"], row["submitted"]), *row["fields"].items())


def files_erased(records: Records, wanted: re.Pattern[str]) -> int:
    """Delete the files that hold an address; how many they were. Whoever fetches one now finds nothing."""
    gone = [name for name, body in records.all(KEPT_FILE) if holds_address(text_kept_in(body).splitlines(), wanted)]
    for name in gone:
        records.delete(KEPT_FILE, name)
    return len(gone)


def text_kept_in(body: Body) -> str:
    """What a kept file holds, as text."""
    return zlib.decompress(base64.b64decode(body["packed"])).decode(errors="replace")
