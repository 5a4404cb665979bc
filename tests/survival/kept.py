"""What the store, the request budgets and the history say of several accounts, as somebody else reads them."""

import json
import os
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flipsnack_mcp.settings import Settings
from flipsnack_mcp.workflows.reports.together import JOINT_REPORT
from tests.survival.shops import DELETE, Shop
from tests.survival.strolling import DELETE_TOOL, UPDATE_TOOL, Stroll

PLACES_OF_A_KILL = 16
"""Of a call that is killed its places in the budget may be left."""


@dataclass(frozen=True)
class Kept:
    """The files of a run."""

    folder: Path
    shops: list[Shop]
    stroll: Stroll

    @property
    def state(self) -> Path:
        return self.folder / "state.sqlite"

    def faults(self, kills: int) -> Iterator[str]:
        """What is not as it should be, after so many kills."""
        events, whole = self.printed("history", "--json"), self.printed("history", "--verify", "--json")
        if not whole["ok"]:
            yield f"the history is not whole: {whole['wrong']}"
        yield from self.mixed()
        for shop in self.shops:
            yield from self.miscounted(shop, kills)
            yield from self.history_of(shop, [one for one in events if one["account"] == identity(shop)])

    def at_work(self) -> set[str]:
        """The accounts for which something goes on in the background."""
        leases = [name for name, _ in self.records("lease")]
        return {shop.name for shop in self.shops if any(identity(shop) in one for one in leases)}

    def records(self, kind: str) -> list[tuple[str, dict[str, Any]]]:
        """What the store holds of a kind, as somebody else reads it."""
        return [(name, json.loads(body)) for one, name, body in self.stored() if one == kind]

    def stored(self) -> list[tuple[str, str, str]]:
        """Kind, name and body of each record."""
        if not self.state.exists():
            return []
        with closing(sqlite3.connect(self.state, timeout=20)) as db:
            if not db.execute("SELECT count(*) FROM sqlite_master WHERE name = 'records'").fetchone()[0]:
                return []
            return db.execute("SELECT kind, name, body FROM records").fetchall()

    def mixed(self) -> Iterator[str]:
        """Records that speak of two accounts, joint reports apart, and accounts whose questions were not sealed with keys of their own."""
        for kind, name, body in self.stored():
            told = json.dumps(json.loads(body), ensure_ascii=False)
            named = {one.name for one in self.shops if identity(one) in name + told}
            spoken_of = {one.name for one in self.shops if one.word in name + told}
            if len(spoken_of if kind == JOINT_REPORT else named | spoken_of) > 1:
                yield f"the record {kind} {name} speaks of {named} and {spoken_of}"
        keys = {name for name, _ in self.records("sealing-keys")}
        if not keys >= {identity(one) for one in self.shops if one.name in self.stroll.sealed}:
            yield f"questions about {self.stroll.sealed} were sealed with the keys of {keys}"

    def miscounted(self, shop: Shop, kills: int) -> list[str]:
        """Whether deletions and calls are counted where they were made."""
        counted = sum(body["account"] == identity(shop) for _, body in self.records("deletion"))
        destroyed, least = shop.destroyed(), self.arrived_lately(shop, 40)
        slack = self.stroll.lost_yeses[shop.name]
        found = []
        if not destroyed <= counted <= destroyed + slack:
            found.append(f"{shop.name}: {counted} deletions are counted, {destroyed} were made, {slack} may have been")
        if destroyed > shop.most_deletions:
            found.append(f"{shop.name}: {destroyed} deletions of {shop.most_deletions}")
        most = self.arrived_lately(shop, 80) + PLACES_OF_A_KILL * kills
        if not least <= (budget := self.in_the_budget(shop)) <= most:
            found.append(f"{shop.name}: {budget} calls are counted of the last minute, {least} to {most} may be")
        return found

    def in_the_budget(self, shop: Shop) -> int:
        if not (file := self.folder / f"calls-{identity(shop)}.sqlite").exists():
            return 0
        with closing(sqlite3.connect(file)) as db:
            ((body,),) = db.execute("SELECT body FROM records").fetchall()
        document = json.loads(body)
        return len(document["log"]) + len(document["answered"]["id"])

    def arrived_lately(self, shop: Shop, seconds: float) -> int:
        """The calls of so many seconds before the last; on a busy machine one arrives long after it was counted."""
        times = [one.at for one in shop.sandbox.requests]
        return sum(one > times[-1] - seconds for one in times)

    def printed(self, *command: str) -> Any:
        """What a person is told in a terminal that knows no key."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("FLIPSNACK_")}
        environment["FLIPSNACK_STATE"] = f"sqlite:{self.state}"
        words = [sys.executable, "-m", "flipsnack_mcp", *command]
        told = subprocess.run(words, env=environment, capture_output=True, check=False, text=True)  # noqa: S603 - our own
        return json.loads(told.stdout)

    def history_of(self, shop: Shop, events: list[dict[str, Any]]) -> Iterator[str]:
        """What is wrong with the entries of an account."""
        for other in self.shops:
            if other is not shop and other.word in json.dumps(events, ensure_ascii=False):
                yield f"the history of {shop.name} speaks of {other.name}"
        if labels := {one["label"] for one in events} - {shop.name}:
            yield f"the history of {shop.name} is called {labels}"
        saved = {one["target"] for one in events if one["before"]}
        gone = {hash_ for action, hash_, _ in shop.changes() if action == DELETE}
        yield from (f"{shop.name}: {one} was deleted and is not in its history" for one in gone - saved)
        ended = Counter(one["tool"] for one in events if one["decision"] in {"done", "uploading"})
        for tool in (UPDATE_TOOL, DELETE_TOOL, "create_collection"):
            answered = self.stroll.done[tool, shop.name]
            if not answered <= ended[tool] <= answered + self.stroll.unanswered[shop.name]:
                yield f"{shop.name}: {ended[tool]} of {tool} in its history, {answered} were answered"


def identity(shop: Shop) -> str:
    """By what the store knows the account."""
    return Settings(shop.where["api_key"], shop.where["api_secret"], api_url=shop.where["api_url"]).account
