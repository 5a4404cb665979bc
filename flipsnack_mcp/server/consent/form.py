"""What a person reads before something is destroyed, and what they type into the form. Words only, nothing is asked here."""

import unicodedata
from typing import Any

from mcp.types import ElicitRequestFormParams
from pydantic import BaseModel, ConfigDict

from flipsnack_mcp.api import Action, cleaned, quoted
from flipsnack_mcp.api.actions.collections import Collection, DeleteCollection, DeleteFlipbook, UpdateCollection
from flipsnack_mcp.workflows.plans.rules import Item

LONGEST_TO_TYPE = 60
FLIPBOOKS_NAMED, TITLES_SHOWN = 5, 10
FORM = {
    "type": "object",
    "required": ["title"],
    "properties": {"title": {"type": "string", "description": "Type it exactly as shown above"}},
}
ONLINE = frozenset({"public", "unlisted"})
OFFLINE_FOR_NOW = (
    "Their links and every embed of them stop working until they are published again, which may give them other links. "
    "What changed since the plan was made is left alone."
)


class Preview(BaseModel):
    """A target as it is now."""

    model_config = ConfigDict(frozen=True)

    text: str
    """For the person who is asked, or who approves it in a terminal."""
    expected: str
    """What the person has to type."""
    target: str
    """Exactly what would be destroyed."""
    seen: str
    """Fingerprint of what must not change meanwhile. Views are shown, but change by themselves."""


def question(preview: Preview) -> ElicitRequestFormParams:
    """What the person reads, and the one field they fill in."""
    return ElicitRequestFormParams(
        message=f'{preview.text} To go on, type "{preview.expected}".',
        requested_schema=FORM,
    )


def comparable(text: str) -> str:
    """Trimmed and in NFC, as shown: quotation marks stand as apostrophes."""
    return unicodedata.normalize("NFC", text.replace('"', "'")).strip()


def sentences_about(collection: Collection, action: Action[Any], views: str, link: str | None) -> str:
    """What would be destroyed, and what that means."""
    title = quoted(collection.title) if collection.title else "without a title"
    facts = [f"status {known_status(collection.status, ONLINE | {'editable'})}", flipbook_facts(collection), views]
    if link:
        facts.append(f"link {quoted(link, 200)}")
    of = f"flipbook {action.flipbook_hash} of " if isinstance(action, DeleteFlipbook) else ""
    told = ", ".join(facts)
    return f"{action.doing} {of}the collection {title} ({collection.collection_hash}): {told}. {consequence(collection, action)}"


def sentences_about_many(items: tuple[Item, ...]) -> str:
    """What would go offline, and what that means."""
    named = [
        f"{quoted(one.title, 80)} ({cleaned(one.collection_hash, 64)}, {known_status(one.status, ONLINE)})"
        for one in items
    ]
    return f"Take offline {len(items)} collections: {first_of(named, TITLES_SHOWN)}. {OFFLINE_FOR_NOW}"


def known_status(status: str, known: frozenset[str]) -> str:
    """A status; in quotes where it is none that Flipsnack documents."""
    return status if status in known else quoted(status, 20)


def flipbook_facts(collection: Collection) -> str:
    """How many flipbooks, and which."""
    books = [cleaned(book.flipbook_hash, 64) for book in collection.flipbooks if book.flipbook_hash]
    count = len(collection.flipbooks)
    return f"{count} flipbook(s) {first_of(books, FLIPBOOKS_NAMED)}" if count else "no flipbooks"


def first_of(named: list[str], most: int) -> str:
    """As many as a person reads, and how many more there are."""
    more = f" and {len(named) - most} more" if len(named) > most else ""
    return ", ".join(named[:most]) + more


def consequence(collection: Collection, action: Action[Any]) -> str:
    """What stops working."""
    if isinstance(action, DeleteFlipbook):
        return "The collection stays; this document in it is gone for good."
    if isinstance(action, UpdateCollection):
        return (
            "Its link and every embed of it stop working until it is published again, which may give it another link."
        )
    if not isinstance(action, DeleteCollection):
        return "The collection stays; what is deleted of it can only be made or uploaded again."
    if collection.status == "editable":
        return "It is a draft; it is gone for good."
    return "Its link and every embed of it stop working, for good."


def to_type(collection: Collection) -> str:
    """The title, or the hash where the title is empty or too long to type."""
    title = cleaned(collection.title).replace('"', "'")
    return title if title and len(title) <= LONGEST_TO_TYPE else collection.collection_hash
