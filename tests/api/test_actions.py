"""What every action has to declare, and what it sends of what it was given."""

from importlib import import_module
from pkgutil import walk_packages
from typing import Any

import pytest
from pydantic import ValidationError

from flipsnack_mcp.api import actions
from flipsnack_mcp.api.action import Action, Effect, as_text, wire_parameters
from flipsnack_mcp.api.actions import ACTIONS
from flipsnack_mcp.api.actions.collections import GetCollection, ListCollections, UpdateCollection
from flipsnack_mcp.api.actions.publishing import CreateCollection, GetEmbedCode
from flipsnack_mcp.api.actions.statistics import GetCollectionStats
from flipsnack_mcp.api.errors import ANY_ACTION
from tests.api.asking import every_action
from tests.samples_of import meaning


def test_no_action_is_written_and_then_forgotten_and_no_two_have_one_name() -> None:
    modules = [import_module(one.name) for one in walk_packages(actions.__path__, f"{actions.__name__}.")]
    written = {one for module in modules for one in vars(module).values() if isinstance(one, type)}
    assert {one for one in written if "api_name" in vars(one)} == set(ACTIONS), (
        "each stands in `ACTIONS`, in flipsnack_mcp/api/actions/__init__.py"
    )
    assert len({kind.api_name for kind in ACTIONS}) == len({kind.tool_name for kind in ACTIONS}) == len(ACTIONS)


@every_action
def test_an_action_declares_itself_and_what_it_returns(kind: type[Action[Any]]) -> None:
    assert "__doc__" in vars(kind)
    assert 40 < len(kind.__doc__ or "") <= 400, f"{kind.__name__} wants a docstring of 40 to 400 characters"
    assert len({other.__doc__ for other in ACTIONS}) == len(ACTIONS)
    assert kind.source.startswith("https://developers.flipsnack.com/")
    assert {"source", "codes", "effect", "api_name", "tool_name", "tool_title"} <= vars(kind).keys()
    generic = [base.__pydantic_generic_metadata__ for base in kind.__mro__ if issubclass(base, Action)]
    assert [one["args"] for one in generic if one["origin"] is Action] == [(kind.returns,)]
    assert all(field.description for field in kind.returns.model_fields.values())


@every_action
def test_an_action_knows_its_effect_and_the_codes_it_can_end_with(kind: type[Action[Any]]) -> None:
    expected = meaning(kind.api_name)
    assert kind.effect.value == expected.effect
    assert sorted(kind.codes) == sorted(expected.codes)
    assert not set(kind.codes) & set(ANY_ACTION)
    assert kind.idempotent is expected.idempotent
    assert kind.idempotent or kind.effect is not Effect.READS
    destructive = kind.effect is Effect.DESTROYS or kind.overwrites
    assert destructive is expected.tool.hints.destructive, (
        f"{kind.__name__}: `overwrites`, or `destructive` of its samples"
    )
    # Taking a collection offline and overwriting for good are confirmed too, so the person is told what would be done.
    confirmed = kind.effect is Effect.DESTROYS or bool(kind.loses) or kind.api_name == "collection.update"
    assert bool(kind.doing) is confirmed, f"{kind.__name__}: `doing`, or `loses`, what it overwrites for good"
    assert kind.overwrites or not kind.loses, f"{kind.__name__}: what `loses` something `overwrites` it"


@pytest.mark.parametrize(
    ("action", "sent"),
    [
        (UpdateCollection(collection_hash="fxh4k89", title=""), {"title": ""}),
        (UpdateCollection(collection_hash="fxh4k89", title=None, settings=None), {}),
        (GetEmbedCode(collection_hash="fxh4k89", responsive=None, width=None), {}),
        (GetCollectionStats(collection_hash="fxh4k89", start_date=None), {}),
    ],
)
def test_only_what_was_given_is_sent_and_a_none_is_no_word(action: Action[Any], sent: dict[str, str]) -> None:
    assert wire_parameters(action) == {"collectionHash": "fxh4k89", **sent}


@pytest.mark.parametrize(("value", "text"), [(True, "true"), (False, "false"), (0, "0"), ({"é": [1]}, '{"é": [1]}')])
def test_a_value_is_written_as_flipsnack_reads_it(value: object, text: str) -> None:
    assert as_text(value) == text


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        *(({"status": "Draft"}, {"collectionStatus": "editable"}), ({"width": "650"}, {"collectionWidth": "650"})),
        *(({"status": " PUBLIC "}, {"collectionStatus": "public"}), ({"title": 2026}, {"title": "2026"})),
        *(({"title": "null"}, {"title": "null"}), ({"title": "[1]"}, {"title": "[1]"})),
        *(({"settings": '{"theme": "dark"}'}, {"theme": "dark"}), ({"settings": {"pages": 3}}, {"pages": "3"})),
    ],
    ids=str,
)
def test_arguments_that_clients_get_wrong_are_understood(given: dict[str, object], sent: dict[str, str]) -> None:
    assert wire_parameters(CreateCollection.model_validate(given)) == sent


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


NO_WINDOWS = [("limit", 0), ("limit", 101), ("offset", -1), ("status", "private"), ("order_by", "title"), ("page", 1)]
NO_DAYS = ["2026-1-2", "20260102", "2026-02-30", "02.01.2026", "2026-W01-1", "2026-01-02T00:00:00", "", 20260101, True]
REFUSED: list[tuple[type[Action[Any]], dict[str, Any], str]] = [
    *((ListCollections, {name: value}, name) for name, value in NO_WINDOWS),
    *((GetCollectionStats, {"collection_hash": "fxh4k89", "start_date": day}, "YYYY-MM-DD") for day in NO_DAYS),
    (GetCollectionStats, {"collection_hash": "a", "start_date": "2026-02-01", "end_date": "2026-01-31"}, "exchange"),
    *((CreateCollection, {name: "\ud800"}, name) for name in ("title", "description")),
    (CreateCollection, {"settings": {"x": "\ud800"}}, "settings"),
]


@pytest.mark.parametrize(("kind", "given", "said"), REFUSED, ids=ascii)
def test_what_flipsnack_could_not_read_is_refused(kind: type[Action[Any]], given: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        kind.model_validate(given)


def test_an_action_cannot_be_changed_once_it_is_made() -> None:
    action = GetCollection(collection_hash="fxh4k89")
    with pytest.raises(ValidationError):
        action.collection_hash = "other"  # type: ignore[misc]  # that it is frozen is the point
