"""The believable accounts that a sandbox can begin with: `small`, `large` and `empty`."""

from collections.abc import Mapping, Sequence
from typing import Final

from flipsnack_mcp.sandbox.account import Account, Item
from flipsnack_mcp.sandbox.dates import DAY
from flipsnack_mcp.sandbox.seeds.large import LARGE
from flipsnack_mcp.sandbox.seeds.prints import Print
from flipsnack_mcp.sandbox.seeds.small import SMALL

SEEDS: Final[Mapping[str, Sequence[Print]]] = {"small": SMALL, "large": LARGE, "empty": ()}


def seed(account: Account, name: str, now: float) -> None:
    """Fill an account. Only the dates depend on the clock; hashes and numbers are the same in every run."""
    if name not in SEEDS:
        raise ValueError(f"there is no account {name!r}; there are {', '.join(SEEDS)}")
    for index, one in enumerate(SEEDS[name]):
        # Nobody uploads everything at the same minute of the day.
        created = now - one.age * DAY - (index * 1847) % 20_000
        collection = account.add(
            title=one.title,
            status=one.status,
            pages=one.pages,
            description=one.description,
            created_at=created,
            conversion=one.conversion,
        )
        collection.unread = one.unread
        if collection.published_at is not None:
            collection.published_at = created + 600 + index * 37
    _second_flipbook(account, "Summer catalogue 2026")


def _second_flipbook(account: Account, title: str) -> None:
    """Give one collection a second flipbook, as collections could have in the days of flipbook.add."""
    for collection in account.collections.values():
        if collection.title == title:
            collection.items.append(Item(account.new_item_hash(), "Summer prices", 8, collection.created_at + 60))
