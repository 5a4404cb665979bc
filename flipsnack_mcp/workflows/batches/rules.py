"""A batch of uploads as it is planned, and the rule that gives each its title. Pure; whoever carries it out holds to it."""

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from flipsnack_mcp.api import StatusName
from flipsnack_mcp.api.actions.publishing import CreateCollection
from flipsnack_mcp.files.documents import OpenDocument
from flipsnack_mcp.store.clock import Stamp, is_fresh
from flipsnack_mcp.text import as_compared, one_line
from flipsnack_mcp.workflows.batches.seeing import SeenDocument, is_address
from flipsnack_mcp.workflows.begun import BegunWork
from flipsnack_mcp.workflows.plans.drafts import title_objection
from flipsnack_mcp.workflows.plans.item import OPEN, ItemState
from flipsnack_mcp.workflows.plans.rules import GOOD_FOR
from flipsnack_mcp.workflows.searching.words import distance, without_accents

MOST_DOCUMENTS = 100
BY_NAME = "{name}"
PLACES = re.compile(r"\{\s*([^{}]*?)\s*\}")
KNOWN_PLACES = frozenset({"name", "number", "date"})


class BatchItem(BaseModel):
    """One document of a batch: how it was when it was planned, what it is to be called, and how far that is."""

    model_config = ConfigDict(frozen=True)

    number: int
    path: str
    name: str
    title: str = ""
    size: int = 0
    changed: int = 0
    touched: int = 0
    sha256: str = ""
    pages: int | None = None
    state: ItemState = "planned"
    said: str = ""
    """Why it is left, how it failed, or what a person should know."""
    upload_id: str = ""
    """Written down before the upload begins, so that whoever goes on finds what became of it."""
    collection_hash: str = ""
    again: bool = False
    """Whether it is taken up once more when a call next carries the plan out."""

    @property
    def is_fetched(self) -> bool:
        """Whether Flipsnack fetches it, so that nothing of it lies here."""
        return is_address(self.path)

    def is_as_planned(self, document: OpenDocument, sha256: str) -> bool:
        """Whether it is still the document that was planned.

        Size and time of change can be put back: its content decides, or where there was no time to read that, the
        time that nobody can put back.
        """
        same = (document.size, document.changed) == (self.size, self.changed)
        return same and (self.sha256 == sha256 if self.sha256 else self.touched == document.touched)


class DocumentBatch(BegunWork):
    """What was shown to the person, and is carried out exactly so."""

    model_config = ConfigDict(frozen=True)

    plan_id: str
    account: str
    items: tuple[BatchItem, ...]
    status: StatusName
    folder: str = ""
    """Where all of them lay, if a folder was named."""
    made: float = 0.0
    made_shown: float | None = None
    """What the clock on the wall showed when it was made."""
    started: bool = False
    """Whether it is to go on by itself."""
    stopped: str = ""
    """Why it does not go on."""

    @property
    def left(self) -> tuple[BatchItem, ...]:
        """What nobody has sent yet, or somebody is at: that first."""
        return tuple(sorted((one for one in self.items if one.state in OPEN), key=lambda one: one.state == "planned"))

    @property
    def is_over(self) -> bool:
        """Whether carrying it out would send nothing."""
        return not self.left and not any(one.again for one in self.items)

    @property
    def is_stopped(self) -> bool:
        """Whether it waits for a call to go on."""
        return bool(self.stopped) and not self.is_over

    @property
    def counts(self) -> dict[str, int]:
        """How many there are of each state."""
        return dict(Counter[str](one.state for one in self.items))

    def action(self, item: BatchItem) -> CreateCollection:
        """The request that makes the collection of a document."""
        address = item.path if item.is_fetched else None
        return CreateCollection(title=item.title, status=self.status, file_url=address)


@dataclass(frozen=True)
class BatchSnapshot:
    """A batch as it is at one moment of the store's clock."""

    batch: DocumentBatch
    now: Stamp

    @property
    def is_old(self) -> bool:
        """Whether it is no longer worth holding to."""
        return not is_fresh(Stamp(self.batch.made, self.batch.made_shown), self.now, GOOD_FOR)


def unknown_places(rule: str) -> list[str]:
    """What stands in braces and is nothing that a title can be made of."""
    return [found for found in PLACES.findall(rule) if found.casefold() not in KNOWN_PLACES]


def title_by(rule: str, name: str, number: int, day: str) -> str:
    """The title of a document; what a file's name holds in braces is no part of the rule."""
    values: Mapping[str, str] = {"name": stem_of(name), "number": str(number), "date": day}
    return PLACES.sub(lambda found: values[found[1].casefold()], rule).strip()


def stem_of(name: str) -> str:
    """A file's name without its ending, as it is seen and composed: macOS takes letters apart, and a title is read elsewhere."""
    stem = name[: -len(".pdf")] if name.casefold().endswith(".pdf") else name
    return one_line(unicodedata.normalize("NFC", stem)).strip()


def batch_items(documents: list[SeenDocument], rule: str, day: str) -> tuple[BatchItem, ...]:
    """What a rule makes of documents; those that cannot be uploaded stay, with the reason, and have no number of their own."""
    items, number = list[BatchItem](), 0
    for place, one in enumerate(documents):
        number += not one.refused
        items.append(batch_item(place, one, "" if one.refused else title_by(rule, one.name, number, day)))
    return tuple(items)


def batch_item(place: int, one: SeenDocument, title: str) -> BatchItem:
    """One document of a plan."""
    facts = {"size": one.size, "changed": one.changed, "touched": one.touched, "sha256": one.sha256, "pages": one.pages}
    reason = one.refused or (f"Its title cannot be given: {why}." if (why := title_objection(title)) else "")
    return BatchItem.model_validate(
        {
            "number": place,
            "path": str(one.path or one.given),
            "name": one.name,
            "title": title,
            "state": "failed" if reason else "planned",
            "said": reason,
            **facts,
        }
    )


def has_words(parts: Sequence[str], query: str) -> bool:
    """Whether all words of a query stand in a path: as parts of its words, or as titles are searched, slips forgiven."""
    path = "/".join(parts)
    letters = in_plain_letters(path)
    inside = all(word in letters for word in in_plain_letters(query).split())
    return inside or distance(query, path) is not None


def in_plain_letters(text: str) -> str:
    """Without case and accents."""
    return without_accents(as_compared(text).casefold())
