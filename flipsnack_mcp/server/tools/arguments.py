"""Understanding the arguments of a call, those that choose collections too, and saying what is wrong without repeating them."""

from collections.abc import Mapping
from typing import Annotated, Any, cast

from pydantic import BeforeValidator, Field, ValidationError
from pydantic_core import ErrorDetails

from flipsnack_mcp.api import FlipsnackError, cleaned
from flipsnack_mcp.api.links import hash_from
from flipsnack_mcp.api.parameters import Day, Status, opened
from flipsnack_mcp.server.tools.tool import InputT, ToolInput
from flipsnack_mcp.workflows.finding import Choice

LONGEST_REASON = 200
MOST_REASONS = 10
SENTENCES = {
    "extra_forbidden": "There is no argument {name}.",
    "missing": "{name} is missing.",
    "literal_error": "{name} has to be one of {expected}.",
    "greater_than_equal": "{name} has to be at least {ge}.",
    "less_than_equal": "{name} has to be at most {le}.",
    "string_too_long": "{name} has more than {max_length} characters.",
}


class BadArgumentsError(FlipsnackError):
    """The arguments of a call cannot be understood; nothing was asked."""

    retry = "Correct the arguments, then make the call again."


def understand(kind: type[InputT], arguments: Mapping[str, Any]) -> InputT:
    """The validated arguments. An explicit null counts as absent."""
    try:
        given = kind.model_validate({name: value for name, value in arguments.items() if value is not None})
    except ValidationError as error:
        reasons = [in_our_words(one) for one in error.errors(include_url=False, include_input=False)]
        known = ", ".join(kind.model_fields) or "none"
        said = " ".join(list(dict.fromkeys(reasons))[:MOST_REASONS])
        raise BadArgumentsError(said, f"The arguments of {kind.tool_name}: {known}.") from None
    return cast("InputT", given)


def in_our_words(error: ErrorDetails) -> str:
    """One sentence about one argument. The value is never repeated: it is the caller's text."""
    name = "`" + cleaned(".".join(str(part) for part in error["loc"]), 60).replace("`", "'") + "`"
    context = error.get("ctx", {})
    if sentence := SENTENCES.get(error["type"]):
        return sentence.format(name=name, **context)
    if error["type"] != "value_error":
        return f"{name}: {cleaned(error['msg'], 120)}."
    reason = cleaned(str(context["error"]), LONGEST_REASON)
    return f"{name}: {reason}." if error["loc"] else f"{reason[:1].upper()}{reason[1:]}."


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
