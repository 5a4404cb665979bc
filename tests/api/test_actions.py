"""What every action has to declare, and what it sends of what it was given."""

from typing import Any

import pytest
from pydantic import ValidationError

from flipsnack_mcp.api.action import Action, Effect, as_text, parameters
from flipsnack_mcp.api.actions import ACTIONS
from flipsnack_mcp.api.actions.collections import GetCollection, ListCollections, UpdateCollection
from flipsnack_mcp.api.actions.publishing import CreateCollection, GetEmbedCode
from flipsnack_mcp.api.actions.statistics import GetCollectionStats
from flipsnack_mcp.api.errors import ANY_ACTION

EFFECTS = {
    "collection.getList": Effect.READS,
    "collection.getCollection": Effect.READS,
    "collection.create": Effect.WRITES,
    "collection.update": Effect.WRITES,
    "collection.deleteCollection": Effect.DESTROYS,
    "flipbook.delete": Effect.DESTROYS,
    "collection.getEmbed": Effect.READS,
    "collection.getStats": Effect.READS,
    "user.getStats": Effect.READS,
    "collection.downloadHTML": Effect.READS,
    "zapier.getZapierLeadFormSample": Effect.READS,
    "flipbook.add": Effect.WRITES,
    "collection.setLogo": Effect.WRITES,
    "collection.deleteLogo": Effect.DESTROYS,
    "collection.setBackgroundImage": Effect.WRITES,
    "collection.deleteBackgroundImage": Effect.DESTROYS,
}
CODES = {
    "collection.getCollection": {43, 46},
    "collection.create": {33, 34, 35, 36},
    "collection.update": {38, 43, 46},
    "collection.deleteCollection": {43, 46},
    "flipbook.delete": {37, 43, 46, 47},
    "collection.getEmbed": {43, 46},
    "collection.getStats": {43, 46},
    "collection.downloadHTML": {38, 43},
    "flipbook.add": {33, 34, 35, 36, 43, 46},
    "collection.setLogo": {34, 36, 43, 46},
    "collection.deleteLogo": {43, 46},
    "collection.setBackgroundImage": {34, 36, 43, 46},
    "collection.deleteBackgroundImage": {43, 46},
}

every_action = pytest.mark.parametrize("kind", [pytest.param(kind, id=kind.api_name) for kind in ACTIONS])


def test_the_actions_are_those_of_the_catalogue() -> None:
    assert sorted(kind.api_name for kind in ACTIONS) == sorted(EFFECTS)
    assert len({kind.tool_name for kind in ACTIONS}) == len(ACTIONS) == 16


@every_action
def test_an_action_declares_itself(kind: type[Action[Any]]) -> None:
    assert "__doc__" in vars(kind)
    assert 40 < len(kind.__doc__ or "") <= 400
    assert len({other.__doc__ for other in ACTIONS}) == len(ACTIONS)
    assert kind.source.startswith("https://developers.flipsnack.com/")
    assert {"source", "codes", "effect", "api_name", "tool_name", "tool_title"} <= vars(kind).keys()


@every_action
def test_what_an_action_returns_is_its_generic_argument(kind: type[Action[Any]]) -> None:
    arguments = [
        base.__pydantic_generic_metadata__["args"]
        for base in kind.__mro__
        if issubclass(base, Action) and base.__pydantic_generic_metadata__["origin"] is Action
    ]

    assert arguments == [(kind.returns,)]


@every_action
def test_an_action_knows_its_effect_and_the_codes_it_can_end_with(kind: type[Action[Any]]) -> None:
    assert kind.effect is EFFECTS[kind.api_name]
    assert CODES.get(kind.api_name, set()) <= set(kind.codes)
    assert not set(kind.codes) & set(ANY_ACTION)
    assert kind.idempotent is (kind.effect is Effect.READS or kind.api_name == "collection.update")
    assert bool(kind.doing) is (kind.effect is Effect.DESTROYS)


@every_action
def test_every_field_of_a_result_is_described(kind: type[Action[Any]]) -> None:
    assert all(field.description for field in kind.returns.model_fields.values())


def test_only_what_was_given_is_sent() -> None:
    sent = parameters(UpdateCollection(collection_hash="fxh4k89", title=""))

    assert sent == {"collectionHash": "fxh4k89", "title": ""}


@pytest.mark.parametrize(
    "action",
    [
        pytest.param(UpdateCollection(collection_hash="fxh4k89", title=None, settings=None), id="update"),
        pytest.param(GetEmbedCode(collection_hash="fxh4k89", responsive=None, width=None), id="embed"),
        pytest.param(GetCollectionStats(collection_hash="fxh4k89", start_date=None), id="stats"),
    ],
)
def test_a_none_that_was_given_is_not_sent_as_a_word(action: Action[Any]) -> None:
    assert parameters(action) == {"collectionHash": "fxh4k89"}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        pytest.param(True, "true", id="true"),
        pytest.param(False, "false", id="false"),
        pytest.param(0, "0", id="zero"),
        pytest.param({"é": [1]}, '{"é": [1]}', id="structure"),
    ],
)
def test_a_value_is_written_as_flipsnack_reads_it(value: object, text: str) -> None:
    assert as_text(value) == text


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        pytest.param({"status": "Draft"}, {"collectionStatus": "editable"}, id="draft"),
        pytest.param({"status": " PUBLIC "}, {"collectionStatus": "public"}, id="capitals"),
        pytest.param({"width": "650"}, {"collectionWidth": "650"}, id="number as text"),
        pytest.param({"title": 2026}, {"title": "2026"}, id="title that is a number"),
        pytest.param({"title": "null"}, {"title": "null"}, id="title null"),
        pytest.param({"title": "[1]"}, {"title": "[1]"}, id="title like JSON"),
        pytest.param({"settings": '{"theme": "dark"}'}, {"theme": "dark"}, id="settings as JSON text"),
        pytest.param({"settings": {"pages": 3}}, {"pages": "3"}, id="setting that is a number"),
    ],
)
def test_arguments_that_clients_get_wrong_are_understood(given: dict[str, object], sent: dict[str, str]) -> None:
    assert parameters(CreateCollection.model_validate(given)) == sent


@pytest.mark.parametrize(
    "name",
    [
        *("action", "apiKey", "APIKEY", "signature", "file", "fileUrl", "fileurl", "collectionHash", "flipbookHash"),
        *("format", "callback", "title", "description", "status", "collectionStatus", "width", "collectionWidth"),
        *("height", "collectionHeight", "COLLECTIONHEIGHT", "", "a b", "a&b", 'a"b', "a\r\nb", "é", "1a", "a\n"),
    ],
)
def test_a_setting_shadows_nothing_and_breaks_no_form(name: str) -> None:
    with pytest.raises(ValidationError):
        CreateCollection(settings={name: "x"})


@pytest.mark.parametrize(
    "given",
    [
        pytest.param({"limit": 0}, id="no rows"),
        pytest.param({"limit": 101}, id="too many rows"),
        pytest.param({"offset": -1}, id="before the first"),
        pytest.param({"status": "private"}, id="unknown status"),
        pytest.param({"order_by": "title"}, id="unknown order"),
        pytest.param({"page": 1}, id="unknown argument"),
    ],
)
def test_a_list_is_not_asked_for_in_a_way_flipsnack_does_not_know(given: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        ListCollections.model_validate(given)


@pytest.mark.parametrize(
    "day", ["2026-1-2", "20260102", "2026-02-30", "02.01.2026", "2026-W01-1", "2026-01-02T00:00:00", "", 20260101, True]
)
def test_a_day_is_written_in_one_way_only(day: object) -> None:
    with pytest.raises(ValidationError, match="YYYY-MM-DD"):
        GetCollectionStats.model_validate({"collection_hash": "fxh4k89", "start_date": day})


def test_the_last_day_does_not_lie_before_the_first() -> None:
    with pytest.raises(ValidationError, match="exchange"):
        GetCollectionStats.model_validate(
            {"collection_hash": "fxh4k89", "start_date": "2026-02-01", "end_date": "2026-01-31"}
        )


@pytest.mark.parametrize("given", [{"title": "\ud800"}, {"description": "\ud800"}, {"settings": {"x": "\ud800"}}])
def test_text_that_cannot_be_encoded_is_refused_before_it_is_signed(given: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        CreateCollection.model_validate(given)


def test_an_action_cannot_be_changed_once_it_is_made() -> None:
    action = GetCollection(collection_hash="fxh4k89")

    with pytest.raises(ValidationError):
        action.collection_hash = "other"  # type: ignore[misc]  # that it is frozen is the point
