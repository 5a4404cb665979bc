"""Finding, looking at, changing and deleting collections."""

from collections.abc import Iterator
from itertools import islice
from typing import Annotated, Any, Literal, Self, cast

from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import override

from flipsnack_mcp.api import parameters
from flipsnack_mcp.api.action import (
    ENTRIES,
    Action,
    Effect,
    FreeText,
    JsonObject,
    Result,
    Unsent,
    Wire,
    as_text,
    cut,
)
from flipsnack_mcp.api.links import HASH

Conversion = Literal["processing", "complete", "failed", "unknown"]
# The names Flipsnack's items go by are not documented; these are looked for, in this order.
ITEM_HASHES = ("flipbookHash", "itemHash", "hash", "id")
ITEM_STATUSES = ("status", "itemStatus", "flipbookStatus", "conversionStatus")
USUAL_ROWS = 50
"""What Flipsnack gives where nobody says how many; whether it gives more at once is not documented."""
ITEM_PAGES = ("pagesCount", "pageCount", "numberOfPages", "pages")


class CollectionSummary(Result):
    """One row of the list."""

    collection_hash: Annotated[parameters.ReturnedHash, Field(description="For other calls")] = ""
    title: Annotated[str, Wire("collectionTitle"), Field(description="May be empty")] = ""
    status: Annotated[str, Wire("collectionStatus"), Field(description="Status")] = ""
    publish_date: Annotated[str | None, Field(description="Zone not stated")] = None
    created_date: Annotated[str | None, Field(description="Zone not stated")] = None
    cover_image: Annotated[str | None, Field(description="Picture address")] = None
    direct_link: Annotated[str | None, Field(description="Reader's address")] = None


class CollectionList(Result):
    """A window of the list."""

    collections: Annotated[list[CollectionSummary], Field(description="In the order asked for")] = []
    total: Annotated[int, Field(description="All matches")] = 0
    next_offset: Annotated[int | None, Field(description="Next window")] = None


class ListCollections(Action[CollectionList]):
    """Find collections (what people call flipbooks) by title or list them. Matches title and description, newest published first."""

    api_name = "collection.getList"
    tool_name = "list_collections"
    tool_title = "Search and list flipbooks"
    effect = Effect.READS
    source = "https://developers.flipsnack.com/api-reference/api-method-collection.getlist"
    codes = ()

    status: Annotated[parameters.Status | None, Field(description="Only this status")] = None
    query: Annotated[str | None, Field(max_length=200, description="Words of the title"), FreeText()] = None
    order_by: Annotated[Literal["date_published", "date_created", "name"] | None, Field(description="Sort key")] = None
    order: Annotated[Literal["asc", "desc"] | None, Wire("orderMode"), Field(description="Default desc")] = None
    offset: Annotated[int, Field(ge=0, description="From next_offset"), Unsent()] = 0
    limit: Annotated[int, Field(ge=1, le=100, description="Rows"), Unsent()] = 20

    @override
    def derived(self) -> dict[str, str]:
        return {"from": str(self.offset), "to": str(self.offset + self.limit)}

    @override
    def narrowed(self) -> Self | None:
        return self.model_copy(update={"limit": USUAL_ROWS}) if self.limit > USUAL_ROWS else None

    @override
    def read(self, data: JsonObject) -> CollectionList:
        # Whether `to` includes its record is not documented: one row too many is cut off, and the next window
        # starts behind what was really shown.
        listed = objects(data.get("collections", data.get("value")))
        rows = [CollectionSummary.read(row) for row in islice(listed, self.limit)]
        seen = self.offset + len(rows)
        counts = (parameters.count_told(data.get(name)) for name in ("collectionsCount", "collectionCount"))
        counted = next((one for one in counts if one is not None), None)
        if counted and not (rows or self.offset or self.query or self.status):
            raise ValueError("it counts collections of which it tells none")  # else an account would look empty
        more = rows and (seen < counted if counted is not None else len(rows) >= min(self.limit, USUAL_ROWS))
        # An empty window without a count does not say that there is anything before it.
        total = max(counted or 0, seen if rows else 0)
        return CollectionList(collections=rows, total=total, next_offset=seen if more else None)


class Flipbook(BaseModel):
    """One document inside a collection."""

    model_config = ConfigDict(frozen=True, coerce_numbers_to_str=True)

    flipbook_hash: Annotated[str, Field(description="Of this document")] = ""
    status: Annotated[str, Field(description="processing, complete or failed")] = "unknown"
    pages: Annotated[int | None, Field(description="Once converted")] = None


class Collection(Result):
    """One collection, as Flipsnack describes it."""

    collection_hash: Annotated[parameters.ReturnedHash, Field(description="Temporary while editable")] = ""
    title: Annotated[str, Wire("collectionTitle"), Field(description="May be empty")] = ""
    description: Annotated[str, Wire("collectionDescription"), Field(description="May be empty")] = ""
    status: Annotated[str, Wire("collectionStatus"), Field(description="Status")] = ""
    width: Annotated[parameters.MaybeWhole, Wire("collectionWidth"), Field(description="Pixels")] = None
    height: Annotated[parameters.MaybeWhole, Wire("collectionHeight"), Field(description="Pixels")] = None
    conversion: Annotated[Conversion, Unsent(), Field(description="Of all its flipbooks")] = "unknown"
    flipbooks: Annotated[list[Flipbook], Unsent(), Field(description="Its documents")] = []
    direct_link: Annotated[str | None, Field(description="Reader's address")] = None
    cover_image: Annotated[str | None, Field(description="Picture address")] = None
    extra: Annotated[dict[str, str], Unsent(), Field(description="Unnamed fields")] = {}

    @property
    def is_blank(self) -> bool:
        """Whether Flipsnack told nothing of it by which anybody could recognise it."""
        return not (self.title.strip() or self.status or self.flipbooks)

    @classmethod
    @override
    def read(cls, data: JsonObject) -> Self:
        items_key, items = items_in(data)
        flipbooks = [flipbook_from(item) for item in items[:ENTRIES]]
        plain = super().read(data)
        extra = {key: value for key, value in cls.unnamed(data).items() if key != items_key}
        converted = conversion_of({item_status(item) or "unknown" for item in items}, plain.status)
        return plain.model_copy(update={"flipbooks": flipbooks, "conversion": converted, "extra": extra})


class OfCollection(Action[Collection]):
    """What is answered with the collection that was asked for, also where the answer does not repeat its hash."""

    collection_hash: parameters.CollectionHash

    @override
    def read(self, data: JsonObject) -> Collection:
        found = super().read(data)
        return found.model_copy(update={"collection_hash": found.collection_hash or self.collection_hash})


class GetCollection(OfCollection):
    """Look at this one flipbook (brochure, collection): see status, direct link to share, cover image, how many pages, when published. Also whether it is converted yet or its conversion failed."""

    api_name = "collection.getCollection"
    tool_name = "get_collection"
    tool_title = "Details of a flipbook"
    effect = Effect.READS
    source = "https://developers.flipsnack.com/api-reference/api-method-collection.getcollection"
    codes = (43, 46)


class UpdateCollection(Action[Collection]):
    """Rename, edit, publish, hide, unlist, unpublish or take offline (make private) this one flipbook (catalogue). Set or change the title, description, size. Overwrites; what is left out stays. Making a draft public or unlisted gives it a new hash."""

    api_name = "collection.update"
    tool_name = "update_collection"
    tool_title = "Change or rename a flipbook"
    effect = Effect.WRITES
    doing = "Take offline"
    overwrites = True
    idempotent = True
    source = "https://developers.flipsnack.com/api-reference/api-method-collection.update"
    codes = (38, 43, 46)

    collection_hash: parameters.CollectionHash
    title: parameters.Title | None = None
    description: Annotated[parameters.Description | None, Field(description='"" alone clears')] = None
    status: Annotated[parameters.Status | None, Field(description="New status")] = None
    width: parameters.Width | None = None
    height: parameters.Height | None = None
    settings: parameters.ExtraParameters | None = None

    @override
    def derived(self) -> dict[str, str]:
        return self.settings or {}


class Deletion(Result):
    """What is gone."""

    deleted: Annotated[bool, Field(description="Whether Flipsnack deleted it")]
    collection_hash: Annotated[str, Field(description="The collection")]
    flipbook_hash: Annotated[str | None, Field(description="The flipbook")] = None


class DeleteCollection(Action[Deletion]):
    """Delete, remove or get rid of this one flipbook (catalogue, brochure, collection) for good: its embeds and links stop working. A person has to confirm."""

    api_name = "collection.deleteCollection"
    tool_name = "delete_collection"
    tool_title = "Delete a flipbook"
    effect = Effect.DESTROYS
    doing = "Delete"
    source = "https://developers.flipsnack.com/api-reference/api-method-collection.deletecollection"
    codes = (43, 46)

    collection_hash: parameters.CollectionHash

    @override
    def read(self, data: JsonObject) -> Deletion:
        return Deletion(deleted=True, collection_hash=self.collection_hash)


class DeleteFlipbook(Action[Deletion]):
    """Remove or delete one document inside a collection, only that one out of several, for good; the collection stays. A person has to confirm."""

    api_name = "flipbook.delete"
    tool_name = "delete_flipbook"
    tool_title = "Remove a document"
    effect = Effect.DESTROYS
    doing = "Delete"
    source = "https://developers.flipsnack.com/flipbook-delete.html"
    codes = (37, 43, 46, 47)

    collection_hash: parameters.CollectionHash
    flipbook_hash: parameters.FlipbookHash

    @override
    def read(self, data: JsonObject) -> Deletion:
        return Deletion(deleted=True, collection_hash=self.collection_hash, flipbook_hash=self.flipbook_hash)


def objects(value: object) -> Iterator[JsonObject]:
    """The objects in a list, or in an object that stands for a list, one by one: most readers need only the first few."""
    return (cast("JsonObject", one) for one in members_of(value) if isinstance(one, dict))


def members_of(value: object) -> list[Any]:
    """What a list holds, also one that is wrapped once more as in Flipsnack's XML: `<collections><collection>...`."""
    if not isinstance(value, dict):
        return value if isinstance(value, list) else []
    every: list[Any] = [*value.values()]
    return every[0] if len(every) == 1 and isinstance(every[0], list) else every


def items_in(data: JsonObject) -> tuple[str, list[JsonObject]]:
    """The list of items, under whatever name: the first that holds objects with a status."""
    for key, value in data.items():
        items = list(objects(value))
        if items and len(items) == len(members_of(value)) and any(item_status(item) for item in items):
            return key, items
    return "", []


def flipbook_from(item: JsonObject) -> Flipbook:
    """One item, by the names it may go by."""
    found = next((as_text(item[name]) for name in ITEM_HASHES if item.get(name)), "")
    counts = (parameters.whole_number(item.get(name)) for name in ITEM_PAGES)
    return Flipbook(
        flipbook_hash=found if HASH.fullmatch(found) else "",
        status=cut(item_status(item)) or "unknown",
        pages=next((one for one in counts if one and one > 0), None),  # 0 while they are not known
    )


def item_status(item: JsonObject) -> str:
    """An item's conversion status in lower case; empty where it has none."""
    return next((str(item[name]).lower() for name in ITEM_STATUSES if item.get(name)), "")


def conversion_of(statuses: set[str], collection_status: str) -> Conversion:
    """One word for all items: what is still under way first, then what failed."""
    if "processing" in statuses or collection_status.lower() == "processing":
        return "processing"
    if "failed" in statuses:
        return "failed"
    return "complete" if statuses == {"complete"} else "unknown"
