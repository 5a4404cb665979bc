"""What tools over many collections take to choose them, however a client sends it."""

from typing import Annotated

from pydantic import BeforeValidator, Field

from flipsnack_mcp.api.links import hash_from
from flipsnack_mcp.api.parameters import Day, Status, opened
from flipsnack_mcp.server.tools.tool import ToolInput
from flipsnack_mcp.workflows.finding import Choice


def several(value: object) -> object:
    """A list, the JSON text of one, or the one thing that would stand in it."""
    read = opened(value) if isinstance(value, str) and value.lstrip().startswith("[") else value
    named = read if isinstance(read, list | tuple) else [read]
    if not named:
        raise ValueError("it is empty: leave it out")
    return named


Hash = Annotated[str, BeforeValidator(hash_from)]
Collections = Annotated[list[Hash], BeforeValidator(several)]


class ChoosingInput(ToolInput):
    """A tool over many collections. Everything that is given has to be true of each."""

    collections: Annotated[Collections | None, Field(description="Hashes, links")] = None
    query: Annotated[str | None, Field(max_length=200, description="Title words")] = None
    only_status: Annotated[Status | None, Field(description="Filter: current status")] = None
    created_after: Annotated[Day | None, Field(description="First day")] = None
    created_before: Annotated[Day | None, Field(description="Last day")] = None

    @property
    def choice(self) -> Choice:
        """Which collections are meant."""
        named, query = tuple(dict.fromkeys(self.collections or ())), (self.query or "").strip() or None
        return Choice(named, query, self.only_status, self.created_after, self.created_before)

    def check_order(self) -> None:
        """Raise where no day can lie between."""
        if self.created_after and self.created_before and self.created_after > self.created_before:
            raise ValueError("created_after lies after created_before: exchange them")
