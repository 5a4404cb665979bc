"""Lead forms, as far as the API shows them: a sample that Flipsnack offers to Zapier."""

from collections.abc import Iterator
from itertools import islice
from typing import Annotated, Any, Self, cast

from pydantic import Field
from typing_extensions import override

from flipsnack_mcp.api.action import ENTRIES, Action, Effect, JsonObject, Result, as_text, cut


class LeadFormSample(Result):
    """One sample answer to a lead form, as name and text."""

    fields: Annotated[dict[str, str], Field(description="Field and text")] = {}

    @classmethod
    @override
    def read(cls, data: JsonObject) -> Self:
        """Its shape is not documented, so every leaf is taken with the names that lead to it."""
        return cls(fields=dict(islice(leaves(data), ENTRIES)))


class GetLeadFormSample(Action[LeadFormSample]):
    """See a sample of a lead form's answer, with its fields. Real leads are not readable by API."""

    api_name = "zapier.getZapierLeadFormSample"
    tool_name = "get_lead_form_sample"
    tool_title = "Lead form sample"
    effect = Effect.READS
    # Only its name is readable, in the menu of this page.
    source = "https://developers.flipsnack.com/api-reference/api-method-user.getstats"
    codes = ()


def leaves(value: object, path: str = "", depth: int = 0) -> Iterator[tuple[str, str]]:
    """Every plain value in a structure, named by its path, one by one."""
    if depth > 5 or not isinstance(value, dict | list):
        yield path or "value", "" if value is None else cut(as_text(value))
        return
    members = cast("dict[str, Any]", value).items() if isinstance(value, dict) else enumerate(value)
    for name, one in members:
        yield from leaves(one, cut(f"{path}.{name}" if path else str(name)), depth + 1)
