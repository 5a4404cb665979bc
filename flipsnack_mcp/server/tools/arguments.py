"""Understanding the arguments of a call, and saying what is wrong with them without repeating them."""

from collections.abc import Mapping
from typing import Any, cast

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from flipsnack_mcp.api import FlipsnackError, cleaned
from flipsnack_mcp.server.tools.tool import InputT

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
