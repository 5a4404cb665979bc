"""The judge of first calls takes the right one, and no other."""

from typing import Any

import pytest

from evaluations.first_calls import Request, requests, standing_with, wrong_beginning
from evaluations.record import Called
from tests.samples_of import Asked, expected_tool


def called(tool: str, **arguments: Any) -> list[Called]:
    return [Called(tool, arguments, "")]


def test_each_request_is_begun_rightly_by_its_own_call_and_wrongly_by_none_or_another() -> None:
    for one in requests():
        right = one.right_call()
        assert wrong_beginning(one, called(right.tool, **right.given)) == [], one.asked
        assert wrong_beginning(one, [])
        other = "get_user_stats" if one.tool != "get_user_stats" else "audit_account"
        assert wrong_beginning(one, called(other))


def test_a_request_may_stand_with_its_tool() -> None:
    asked = Asked(asked="An iframe of bwltuz7, 600 wide", equals={"width": 600}, absent=("height",))
    tool = expected_tool("collection.getEmbed").model_copy(update={"requests": (asked,)})
    assert [*standing_with([tool])] == [
        Request(asked=asked.asked, tool="get_embed_code", equals={"width": 600}, absent=("height",))
    ]


RENAME = Request(
    asked="",
    tool="update_collections",
    equals={"find": "2025", "replace": "2026"},
    contains={"query": "Weekly"},
    absent=("status",),
)


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        ({"find": "2025", "query": "all weekly offers"}, None),
        ({"find": "2025", "query": "weekly", "status": ""}, None),
        ({"find": "2026", "query": "weekly"}, "find is '2026', not '2025'"),
        ({"find": "2025", "query": "monthly"}, "query is 'monthly', without 'Weekly'"),
        ({"find": "2025", "query": "weekly", "status": "public"}, "status is given: 'public'"),
        ({"find": "2025", "query": "weekly", "titles": "x"}, "cannot read its arguments"),
    ],
)
def test_arguments_are_judged_as_the_tool_reads_them(given: dict[str, Any], wrong: str | None) -> None:
    found = wrong_beginning(RENAME, called("update_collections", replace="2026", **given))
    assert len(found) == (1 if wrong else 0), found
    assert not wrong or wrong in found[0]
