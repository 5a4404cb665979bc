"""What a person is shown before many collections are taken out of public view at once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass

from flipsnack_mcp.api.text import cleaned, quoted
from flipsnack_mcp.server.consent.preview import Preview
from flipsnack_mcp.workflows.plans.rules import Item, Plan

SHOWN = 10
CONSEQUENCE = (
    "Their links and every embed of them stop working until they are published again, which may give them other links. "
    "What changed since the plan was made is left alone."
)


@dataclass(frozen=True)
class Batch:
    """The collections of a plan that would go offline. As planned: each is looked at again before it is changed."""

    plan: Plan
    items: tuple[Item, ...]

    @property
    def name(self) -> str:
        """The same for the same collections, in whatever plan: a person's no is about them."""
        return f"offline/{digest(sorted(one.collection_hash for one in self.items))}"

    async def preview(self) -> Preview:
        """The plan, described for a person."""
        text = f"Take offline {len(self.items)} collections: {titles(self.items)}. {CONSEQUENCE}"
        return Preview(text, str(len(self.items)), self.name, self._seen())

    async def glance(self) -> Preview:
        """The same: a plan does not change."""
        return await self.preview()

    def _seen(self) -> str:
        exactly = [[one.collection_hash, one.title, one.status, *one.target] for one in self.items]
        return digest([self.plan.plan_id, *exactly])


def digest(facts: object) -> str:
    """A fingerprint."""
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def titles(items: Iterable[Item]) -> str:
    """The first titles, and how many more there are."""
    named = [f"{quoted(one.title, 80)} ({cleaned(one.collection_hash, 64)}, {quoted_status(one)})" for one in items]
    more = f" and {len(named) - SHOWN} more" if len(named) > SHOWN else ""
    return ", ".join(named[:SHOWN]) + more


def quoted_status(item: Item) -> str:
    """Its status; in quotes where it is none that Flipsnack documents."""
    return item.status if item.status in {"public", "unlisted"} else quoted(item.status, 20)
