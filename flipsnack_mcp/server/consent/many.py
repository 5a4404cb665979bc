"""What a person reads before several collections are deleted: every one of them, so that it can be recognised."""

import re

from flipsnack_mcp.api import cleaned, quoted
from flipsnack_mcp.server.consent.form import AS_PLANNED, ONLINE, is_web_address, known_status
from flipsnack_mcp.text import as_many
from flipsnack_mcp.workflows.plans.item import Item

LONGEST_NAMED, LONGEST_LINK = 80, 300
"""A link that is cut leads nowhere, so a longer one is left out."""
DATE = re.compile(r"\d{4}-\d\d-\d\d( \d\d:\d\d(:\d\d)?)?", re.ASCII)
FOR_GOOD = "It and all documents in it are gone for good: its link and every embed of it stop working."
SEVERAL_FOR_GOOD = "They and all documents in them are gone for good: their links and every embed of them stop working."


def sentences_about_deletions(items: tuple[Item, ...]) -> str:
    """What would be deleted, a line for each, and what that means."""
    named = [f"({number}) {recognised(one)}" for number, one in enumerate(items, 1)]
    meaning = FOR_GOOD if len(items) == 1 else SEVERAL_FOR_GOOD
    return "\n".join([f"Delete {as_many(len(items), 'collection')}:", *named, f"{meaning} {AS_PLANNED}"])


def recognised(item: Item) -> str:
    """One of them by what a person knows it by."""
    title = quoted(item.title, LONGEST_NAMED) if item.title else "without a title"
    return f"{title} ({', '.join(tell_apart(item))})"


def tell_apart(item: Item) -> list[str]:
    """What tells it from others."""
    facts = [cleaned(item.collection_hash, 64), known_status(item.status, ONLINE | {"editable"})]
    alone = None if item.created_date or item.publish_date else item.day
    dates = (("created", item.created_date), ("published", item.publish_date), ("of", alone))
    facts += [f"{what} {when if DATE.fullmatch(when) else quoted(when, 30)}" for what, when in dates if when]
    if item.flipbooks is not None:
        facts.append(as_many(len(item.flipbooks), "flipbook"))
    facts += [as_many(count, what) for what, count in (("page", item.pages), ("view", item.views)) if count is not None]
    if item.direct_link and len(item.direct_link) <= LONGEST_LINK and is_web_address(item.direct_link):
        facts.append(f"link {quoted(item.direct_link, LONGEST_LINK)}")
    return facts
