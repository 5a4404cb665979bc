"""What a configuration is to become, judged by its meaning: the entry is there or gone, and all else says what it said."""

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from flipsnack_mcp.clients import ENTRY, Client
from flipsnack_mcp.commands.setup.editing.in_json import put_into_json, read_json, take_out_of_json
from flipsnack_mcp.commands.setup.editing.in_toml import put_into_toml, read_toml, take_out_of_toml
from flipsnack_mcp.commands.setup.editing.jsonc import NotUnderstood, is_plain_json
from flipsnack_mcp.commands.setup.editing.splice import Splice

UNCERTAIN = "is written in a way in which nothing can be changed with certainty"


@dataclass(frozen=True)
class Syntax:
    """A way of writing configurations."""

    read: Callable[[str], dict[str, Any]]
    put: Callable[[str, str, str, Mapping[str, object]], Splice]
    take: Callable[[str, str, str, Sequence[str]], str]


IN_JSON, IN_TOML = (
    Syntax(read_json, put_into_json, take_out_of_json),
    Syntax(read_toml, put_into_toml, take_out_of_toml),
)


@dataclass(frozen=True)
class Configuration:
    """What a client was told, as it is written."""

    client: Client
    text: str
    syntax: Syntax

    @cached_property
    def told(self) -> dict[str, Any]:
        """What it means.

        Raises:
            NotUnderstood: Nobody can say.
        """
        said = self.syntax.read(self.text)
        if (
            self.syntax is IN_JSON
            and not self.client.takes_comments
            and self.text.strip()
            and not is_plain_json(self.text)
        ):
            raise NotUnderstood(f"has comments or commas too many, which {self.client.title} does not read")
        return said

    @property
    def entry(self) -> object:
        """What stands there for this server; None where nothing does."""
        table = self.told.get(self.client.table)
        return table.get(ENTRY) if isinstance(table, dict) else None

    @property
    def has_entry(self) -> bool:
        """Whether anything stands there under our name."""
        table = self.told.get(self.client.table)
        return isinstance(table, dict) and ENTRY in table

    @property
    def is_plain(self) -> bool:
        """Whether it has nothing that a program would lose that writes it anew."""
        return not self.text.strip() or (self.syntax is IN_JSON and is_plain_json(self.text))

    def with_entry(self, entry: Mapping[str, object]) -> Splice:
        """The cut that puts the entry in.

        Raises:
            NotUnderstood: It cannot be made with certainty.
        """
        told = deepcopy(self.told)
        splice = self.syntax.put(self.text, self.client.table, ENTRY, entry)
        told.setdefault(self.client.table, {})[ENTRY] = entry
        if not self._says(splice.made_in(self.text), told, of_the_rest=False):
            raise NotUnderstood(UNCERTAIN)
        return splice

    def without_entry(self, made: Sequence[str], splice: Splice | None) -> str:
        """The text without the entry: the cut taken back where it still stands there, else the entry cut out.

        Raises:
            NotUnderstood: It cannot be done with certainty.
        """
        back = splice.taken_back(self.text) if splice else None
        if splice and back is not None and self._is_the_rest(back, splice):
            return back
        text = self.syntax.take(self.text, self.client.table, ENTRY, made)
        if not self._says(text, self.rest, of_the_rest=True) or replace(self, text=text).has_entry:
            raise NotUnderstood(UNCERTAIN)
        return text

    @property
    def rest(self) -> dict[str, Any]:
        """What it means beside the entry."""
        return beside_the_entry(self.told, self.client.table)

    def _is_the_rest(self, text: str, splice: Splice) -> bool:
        """Whether a text says all but the entry. Where nothing was replaced, somebody may have written more of it elsewhere."""
        if not self._says(text, self.rest, of_the_rest=True):
            return False
        return replace(self, text=text).has_entry == bool(splice.replaced)

    def _says(self, text: str, wanted: Mapping[str, Any], *, of_the_rest: bool) -> bool:
        try:
            said = self.syntax.read(text)
        except NotUnderstood:
            return False
        return (beside_the_entry(said, self.client.table) if of_the_rest else said) == wanted


def beside_the_entry(told: Mapping[str, Any], table: str) -> dict[str, Any]:
    """What is left without the entry; a table of servers that holds none says nothing."""
    rest = deepcopy(dict(told))
    servers = rest.get(table)
    if isinstance(servers, dict):
        servers.pop(ENTRY, None)
    return rest if servers or table not in rest else {name: one for name, one in rest.items() if name != table}
