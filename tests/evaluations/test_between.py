"""Between an assistant and the server: each call is written down, and the person's forms are answered."""

from collections.abc import Callable
from typing import Any

import pytest

from evaluations import between
from evaluations.between import CALLS, CAPABILITIES, FIRST_CALL, FORMS, NO_FORMS, Between, Message

QUESTION = {"message": 'It goes for good. To go on, type "Press kit".', "requestedSchema": {}}
DONE = {"content": [{"type": "text", "text": "deleted: yes"}]}
CALL = {"name": "delete_collection", "arguments": {"collection_hash": "a1"}}
ROW = {"tool": "delete_collection", "arguments": {"collection_hash": "a1"}, "text": "deleted: yes", "is_error": False}


class Ends:
    """Both ends of a conversation, and what was written down."""

    def __init__(self, person: str) -> None:
        self.server: list[Message] = []
        self.assistant: list[Message] = []
        self.rows: list[tuple[str, Message]] = []
        note: Callable[[str, Message], None] = lambda name, row: self.rows.append((name, row))  # noqa: E731
        self.between = Between(person, self.server.append, self.assistant.append, note)

    def call(self, **more: Any) -> None:
        self.between.from_assistant({"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": {**CALL, **more}})


@pytest.fixture(autouse=True)
def quick_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(between, "READING", 0)


@pytest.mark.parametrize(
    ("person", "given"),
    [
        ("agrees", {"action": "accept", "content": {"title": "Press kit"}}),
        ("declines", {"action": "decline"}),
    ],
)
def test_a_form_is_answered_for_the_person_on_both_protocol_revisions(person: str, given: Message) -> None:
    older, newer = Ends(person), Ends(person)
    older.call()
    older.between.from_server({"jsonrpc": "2.0", "id": 1, "method": "elicitation/create", "params": QUESTION})
    assert older.server[1:] == [{"jsonrpc": "2.0", "id": 1, "result": given}]
    newer.call()
    asked = {"resultType": "input_required", "inputRequests": {"yes": {"params": QUESTION}}, "requestState": "sealed"}
    newer.between.from_server({"jsonrpc": "2.0", "id": 7, "result": asked})
    again = newer.server[1]
    assert again["params"] == {**CALL, "inputResponses": {"yes": given}, "requestState": "sealed"}
    assert again["id"] != 7
    for ends, number in ((older, 7), (newer, again["id"])):
        ends.between.from_server({"jsonrpc": "2.0", "id": number, "result": DONE})
        assert ends.assistant == [{"jsonrpc": "2.0", "id": 7, "result": DONE}]
        assert ends.rows == [(FORMS, {"message": QUESTION["message"], **given}), (CALLS, ROW)]


@pytest.mark.parametrize(("person", "forms"), [("agrees", {"form": {}}), ("declines", {"form": {}}), (NO_FORMS, None)])
@pytest.mark.parametrize("can", [{}, {"elicitation": {}}])
def test_the_server_hears_of_the_jobs_person_whatever_the_assistant_can_do(
    person: str, forms: Message | None, can: Message
) -> None:
    ends = Ends(person)
    ends.between.from_assistant({"id": 1, "method": "initialize", "params": {"capabilities": dict(can)}})
    ends.call(_meta={CAPABILITIES: dict(can)})
    told = [ends.server[0]["params"]["capabilities"], ends.server[1]["params"]["_meta"][CAPABILITIES]]
    assert [one.get("elicitation") for one in told] == [forms, forms]


def test_an_error_is_written_down_and_everything_else_passes_as_it_is() -> None:
    ends = Ends("declines")
    others: list[Message] = [
        {"method": "notifications/progress", "params": {"progress": 1}},
        {"id": 7, "method": "ping"},
    ]
    ends.call()
    for one in others:
        ends.between.from_server(one)
    ends.between.from_server({"id": 7, "error": {"code": -32602, "message": "no such tool"}})
    assert ends.assistant[:2] == others
    assert [(name, row["is_error"]) for name, row in ends.rows] == [(CALLS, True)]


def test_of_a_first_call_the_server_hears_nothing() -> None:
    ends = Ends(FIRST_CALL)
    ends.call()
    assert ends.server == []
    assert ends.assistant[0]["id"] == 7
    assert [row["tool"] for _, row in ends.rows] == ["delete_collection"]
