"""What a person reads before something is destroyed, and what they type into the form. Words only, nothing is asked here."""

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from flipsnack_mcp.api import Action, as_compared, bare, cleaned, first_few, public_address, quoted
from flipsnack_mcp.api.actions.collections import Collection, DeleteCollection, DeleteFlipbook, UpdateCollection
from flipsnack_mcp.text import as_many
from flipsnack_mcp.workflows.plans.item import Item

if TYPE_CHECKING:  # which brings the SDK, and a terminal needs the words alone
    from flipsnack_mcp.server.consent.reply import Wanted

LONGEST_TO_TYPE, LONGEST_TYPED = 60, 1000
FEWEST_LETTERS = 3
"""Letters and digits of a title that can be typed: one of dots, dashes or pictures is confirmed by its hash."""
FLIPBOOKS_NAMED, TITLES_SHOWN = 5, 20
LONGEST_SHOWN, LONGEST_LINK = 300, 500
FORM = {
    "type": "object",
    "required": ["title"],
    "properties": {"title": {"type": "string", "description": "What the text above asks for"}},
}
ONLINE = frozenset({"public", "unlisted"})
OFFLINE_FOR_NOW = (
    "Its link and every embed of it stop working until it is published again, which may give it another link."
)
SEVERAL_OFFLINE_FOR_NOW = (
    "Their links and every embed of them stop working until they are published again, which may give them other links."
)
AS_PLANNED = "What changed since the plan was made is left alone."


class Preview(BaseModel):
    """A target as it is now."""

    model_config = ConfigDict(frozen=True)

    text: str
    """For the person who is asked, or who approves it in a terminal."""
    expected: str
    """What the person has to type."""
    collection_hash: str = ""
    """What counts as well, where there is one target."""
    target: str
    """Exactly what would be destroyed."""
    parts: tuple[str, ...] = ()
    """Each of it by itself, where it is several."""
    covers: str = ""
    """Fingerprint of all that would be done besides: a yes counts for what was shown and nothing else."""
    seen: str
    """Fingerprint of what must not change meanwhile. Views are shown, but change by themselves."""


def hash_counts_too(preview: Preview) -> str:
    """What to say where the title is asked for and cannot be typed on every keyboard."""
    return "Its hash counts as well. " if preview.collection_hash not in {"", preview.expected} else ""


def confirms(typed: str, preview: "Preview | Wanted") -> bool:
    """Whether what a person typed is what was asked for: the text as people compare, the hash to the letter."""
    given = typed[:LONGEST_TYPED]
    if not as_compared(given):
        return False
    if preview.collection_hash and bare(given) == preview.collection_hash:
        return True
    return preview.expected != preview.collection_hash and as_compared(given) == as_compared(preview.expected)


def sentences_about(
    collection: Collection, action: Action[Any], more: tuple[str, ...], views: str, link: str | None
) -> str:
    """What would be destroyed, what that means, and what else would be done."""
    title = quoted(collection.title) if collection.title else "without a title"
    facts = [f"status {known_status(collection.status, ONLINE | {'editable'})}", flipbook_facts(collection), views]
    if link:
        # One that is cut opens nothing.
        whole = len(link) <= LONGEST_LINK and is_web_address(link)
        facts.append(f"link {quoted(link, LONGEST_LINK)}" if whole else "no link that can be shown")
    of = f"{which_flipbook(collection, action.flipbook_hash)} of " if isinstance(action, DeleteFlipbook) else ""
    listed = ", ".join(facts)
    besides = f" {'Sent instead' if action.loses else 'Also changed'}: {'; '.join(more)}." if more else ""
    return (
        f"{action.doing} {of}the collection {title} ({collection.collection_hash}): {listed}. "
        f"{consequence(collection, action)}{besides}"
    )


def which_flipbook(collection: Collection, wanted: str) -> str:
    """One document by its place among the others and its pages: its hash says nothing to a person."""
    books = collection.flipbooks
    for place, book in enumerate(books, 1):
        if book.flipbook_hash == wanted:
            pages = f"{as_many(book.pages, 'page')}, " if book.pages else ""
            return f"flipbook {place} of {len(books)} ({pages}{wanted})"
    return f"flipbook {wanted}"


def sentences_about_many(items: tuple[Item, ...]) -> str:
    """What would go offline, and what that means."""
    named = first_few([one_of_many(one) for one in items], TITLES_SHOWN)
    meaning = OFFLINE_FOR_NOW if len(items) == 1 else SEVERAL_OFFLINE_FOR_NOW
    return f"Take offline {as_many(len(items), 'collection')}: {', '.join(named)}. {meaning} {AS_PLANNED}"


def one_of_many(item: Item) -> str:
    """One of them, so that a person recognises it, and what else is changed of it."""
    facts = [cleaned(item.collection_hash, 64), known_status(item.status, ONLINE)]
    since = [f"published {cleaned(item.day, 10)}"] if item.day else []
    since += [as_many(item.pages, "page")] if item.pages is not None else []
    title = [] if item.new_title is None else [f" with the new title {quoted(item.new_title, 80)}"]
    more = [f" with the {name} {value_on_form(value)}" for name, value in item.beside_the_list.items()]
    return f"{quoted(item.title, 80)} ({', '.join([*facts, *since])})" + "".join([*title, *more])


def other_changes(action: Action[Any]) -> tuple[str, ...]:
    """What an update that takes a collection offline would change besides its status."""
    if not isinstance(action, UpdateCollection):
        return ()
    named = ("title", "description", "width", "height")
    given = {name: value for name in named if (value := getattr(action, name)) is not None}
    return tuple(f"{name} {value_on_form(value)}" for name, value in {**given, **(action.settings or {})}.items())


def value_on_form(value: str | int) -> str:
    """A value for a person, and how long it is where not all of it is shown."""
    if isinstance(value, int):
        return str(value)
    more = f" ({len(value)} characters)" if len(value) > LONGEST_SHOWN else ""
    return quoted(value, LONGEST_SHOWN) + more


def is_web_address(link: str) -> bool:
    """Whether a link leads where a person expects one to lead: by http as well, as Flipsnack's documentation has them."""
    scheme, _, rest = link.partition(":")
    try:
        return bool(public_address(f"https:{rest}" if scheme.lower() == "http" else link))
    except ValueError:
        return False


def known_status(status: str, known: frozenset[str]) -> str:
    """A status; in quotes where it is none that Flipsnack documents."""
    return status if status in known else quoted(status, 20)


def flipbook_facts(collection: Collection) -> str:
    """How many flipbooks, and which."""
    books = [*filter(None, (cleaned(book.flipbook_hash, 64) for book in collection.flipbooks))]
    count = len(collection.flipbooks)
    named = ", ".join(first_few(books, FLIPBOOKS_NAMED))
    return f"{as_many(count, 'flipbook')} {named}".rstrip() if count else "no flipbooks"


def consequence(collection: Collection, action: Action[Any]) -> str:
    """What stops working."""
    if isinstance(action, DeleteFlipbook):
        last = len(collection.flipbooks) == 1
        stays = "It is the last flipbook of the collection, which stays empty" if last else "The collection stays"
        return f"{stays}; this document in it is gone for good."
    if isinstance(action, UpdateCollection):
        return OFFLINE_FOR_NOW
    if action.loses:
        return (
            f"The {action.loses} it may have now is overwritten, for good; whether it has one Flipsnack does not tell."
        )
    if not isinstance(action, DeleteCollection):
        return "The collection stays; what is deleted of it can only be made or uploaded again."
    if collection.status == "editable":
        return "It is a draft; it is gone for good."
    return "Its link and every embed of it stop working, for good."


def what_to_type(collection: Collection) -> dict[str, str]:
    """The title, or the hash where the title has too little to type or too much; and the hash, which always counts."""
    title = quoted(collection.title)[1:-1]
    typeable = len(title) <= LONGEST_TO_TYPE and sum(map(str.isalnum, as_compared(title))) >= FEWEST_LETTERS
    known_as = collection.collection_hash
    return {"expected": title if typeable else known_as, "collection_hash": known_as}
