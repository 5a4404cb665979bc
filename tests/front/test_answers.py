"""The first answers are the server's own, byte for byte, for every setting; where that is not known there are none."""

import json
from collections.abc import Callable
from dataclasses import fields, replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS, MODERN_PROTOCOL_VERSIONS

from flipsnack_mcp.commands.connecting import connect
from flipsnack_mcp.front import answers
from flipsnack_mcp.front.answers import RECORDED, WITHOUT_EFFECT, Answers, answers_for
from flipsnack_mcp.front.asking import Enquiry, enquiry_in, message_in
from flipsnack_mcp.server.server import build_server
from flipsnack_mcp.settings import Settings, read_settings
from tests.front.recorder import RECORDER

REVISIONS = (*HANDSHAKE_PROTOCOL_VERSIONS, *MODERN_PROTOCOL_VERSIONS)
PLAIN = Settings(state="memory:")
WRITTEN = answers.ANSWERS_FILE.read_text(encoding="utf-8")


async def test_the_file_is_what_the_server_answers_now_for_every_setting_with_this_sdk() -> None:
    assert await RECORDER["answers_json"]() == WRITTEN, "run packaging/write_docs.py"


def answered(known: Answers, revision: str, extensions: Any) -> dict[str, bytes | None]:
    """What is answered without the SDK to a client that opens a conversation."""
    opening: Enquiry | None = None
    said = dict[str, bytes | None]()
    for one in RECORDER["opening"](revision, extensions):
        message = message_in(json.dumps(one).encode())
        if message and "id" in one and (enquiry := enquiry_in(message, opening)):
            opening = opening or enquiry
            said[one["id"]] = known.line_for(enquiry)
    return said


async def are_the_servers(settings: Settings, turn: int) -> bool:
    """Whether all answers to all kinds of clients are the server's, where there are any; the older revisions take turns."""
    known = answers_for(settings)
    if known is None:
        return False
    server = build_server(replace(settings, state="memory:"), connect)
    revisions = (HANDSHAKE_PROTOCOL_VERSIONS[turn % len(HANDSHAKE_PROTOCOL_VERSIONS)], *MODERN_PROTOCOL_VERSIONS)
    for revision, extensions in product(revisions, RECORDER["CLIENTS"].values()):
        said = await RECORDER["said_by"](server, RECORDER["opening"](revision, extensions))
        lines = {name: f'{{"jsonrpc":"2.0","id":"{name}","result":{text}}}\n'.encode() for name, text in said.items()}
        assert answered(known, revision, extensions) == lines
    return True


ODD = "/a/ü \u202e\u200d\U0001f4d6 \"'«»\\ \t\n\x7f\u2028 b"
FOLDERS: dict[str, tuple[str, ...]] = {
    "none": (),
    "one": ("/one",),
    "more than have room": tuple(f"/folder {n}" for n in range(60)),
    "a long one": ("/long" * 100,),
    "long ones": tuple(f"/{n}" * 90 for n in range(9)),
    "odd characters": (ODD,),
    "a long odd one": (ODD * 20, "/plain"),
    "unusual ones": ("/a  b", "/</script>", "C:\\Users\\me", "/é"),
    "half a character": ("/half \ud83d",),
}


@pytest.mark.parametrize(("turn", "folders"), [*enumerate(FOLDERS.values())], ids=FOLDERS)
async def test_whatever_the_upload_folders_are_the_instructions_are_the_servers(
    turn: int, folders: tuple[str, ...]
) -> None:
    settings = replace(PLAIN, upload_dirs=tuple(map(Path, folders)))
    assert await are_the_servers(settings, turn)
    assert await are_the_servers(replace(settings, sandbox=turn % 2 == 0, read_only=turn % 2 == 1), turn)


SET: dict[str, list[Any]] = {
    "api_key": ["KEY-1-A"], "api_secret": ["SECRET-1-A-B"], "sandbox": [True], "read_only": [True],
    "toolsets": [frozenset({"default", "legacy"}), frozenset({"legacy"}), frozenset({"nothing"})],
    "confirm": ["approve", "block", "allow"], "upload_dirs": [(Path("/up"),)], "download_dir": [Path("/down")],
    "max_deletes_per_hour": [1], "max_deletes_per_day": [1], "state": ["memory:", "sqlite:/s"],
    "calls_per_second": [1], "calls_per_minute": [1], "api_url": ["http://localhost/"], "upload_url": ["http://localhost/"],
    "file_hosts": [("pictures.example",), ()], "log_level": ["DEBUG"], "accounts": [(Settings(name="a"), Settings(name="b", sandbox=True))],
    "accounts_file": [Path("/accounts.toml")], "key_files": [(Path("/key"),)], "name": ["shop"], "aliases": [("store",)],
    "size": ["large"], "problems": [("wrong",)], "wrong_folders": [{"FLIPSNACK_UPLOAD_DIRS": "wrong"}],
    "hints": [("odd",)], "notes": [("open",)], "sources": [{"FLIPSNACK_API_KEY": "environment"}],
    "tokens": [Path("/tokens")], "auth_issuer": ["https://login.example"], "auth_audience": ["books"], "team": [True],
    "public_url": ["https://books.example"], "sticky": [True], "state_key_file": [Path("/key")], "spool_dir": [Path("/spool")],
    "spool_megabytes": [1], "caller_calls": [1], "caller_calls_per_second": [1], "body_kilobytes": [1], "drain_seconds": [1],
    "callers": [("https://login.example anna",)], "leads": [True], "leads_days": [0],
}  # fmt: skip
"""Other values than the usual one of each setting."""
NAMES = [one.name for one in fields(Settings)]


def in_order(one: object) -> str:
    """How it is called, the same in every process."""
    return " ".join(sorted(one)) if isinstance(one, frozenset) else str(one)


def test_every_setting_is_tried_with_another_value() -> None:
    assert set(SET) == set(NAMES)


OTHERWISE = [(name, value) for name in NAMES for value in SET[name]]


@pytest.mark.parametrize(("turn", "name", "value"), [(turn, *one) for turn, one in enumerate(OTHERWISE)], ids=in_order)
async def test_a_setting_changes_no_answer_or_has_answers_of_its_own_or_none_without_the_sdk(
    turn: int, name: str, value: Any
) -> None:
    known = name in RECORDED or name in WITHOUT_EFFECT
    assert await are_the_servers(replace(PLAIN, **{name: value}), turn) == (known and value != frozenset({"nothing"}))


def test_where_a_file_of_accounts_is_named_nothing_is_answered_without_the_sdk(tmp_path: Path) -> None:
    settings = read_settings({"FLIPSNACK_ACCOUNTS": str(tmp_path / "missing")})
    assert answers_for(settings) is None


SPOILT: dict[str, Callable[[str], str]] = {
    "another version of the package": lambda text: text.replace('["0.', '["1.', 1),
    "another version of the SDK": lambda text: text.replace("mcp-2.", "mcp-3.", 1),
    "another version of its types": lambda text: text.replace("mcp_types-2.", "mcp_types-3.", 1),
    "cut": lambda text: text[:-200],
    "empty": lambda _: "",
    "no object": lambda _: "[]",
    "nothing but depth": lambda _: "[" * 100_000,
    "something else": lambda _: '{"made_with": 1}',
    "without its settings": lambda text: text.replace("read_only=0", "read=0"),
}


@pytest.mark.parametrize("spoil", SPOILT.values(), ids=SPOILT)
def test_a_file_that_is_missing_foreign_or_broken_has_no_answers(
    spoil: Callable[[str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answers, "ANSWERS_FILE", tmp_path / "answers.json")
    assert answers_for(PLAIN) is None
    answers.ANSWERS_FILE.write_text(WRITTEN, encoding="utf-8")
    assert answers_for(PLAIN)
    answers.ANSWERS_FILE.write_text(spoil(WRITTEN), encoding="utf-8")
    assert answers_for(PLAIN) is None


@pytest.mark.parametrize("folders", [["mcp-9.9.9.dist-info"], ["mcp-2.3.0.dist-info", "mcp-2.4.0.dist-info"], []])
def test_another_sdk_that_comes_first_on_the_path_has_no_answers(
    folders: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mcp").mkdir()
    (tmp_path / "mcp" / "__init__.py").touch()
    for one in folders:
        (tmp_path / one).mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    assert answers_for(PLAIN) is None


@pytest.mark.parametrize(("revision", "claimed"), [*product(REVISIONS, [*REVISIONS, "1999-01-01"])])
def test_a_revision_is_answered_only_where_it_is_asked_for_as_its_clients_do(revision: str, claimed: str) -> None:
    known = answers_for(PLAIN)
    assert known
    text = json.dumps(RECORDER["opening"](revision, {})[0]).replace(revision, claimed)
    message = message_in(text.encode())
    assert message
    enquiry = enquiry_in(message, None)
    assert enquiry
    alike = (revision in MODERN_PROTOCOL_VERSIONS) == (claimed in MODERN_PROTOCOL_VERSIONS)
    assert (known.line_for(enquiry) is not None) == (alike and claimed in REVISIONS)


@pytest.mark.parametrize(
    "spoilt", [{"parts": [1]}, {"parts": []}, {"made_of": [[]]}, {"known": {}}, {"known": []}, {"clients": []}], ids=str
)
def test_an_answer_that_a_broken_file_does_not_have_is_left_to_the_sdk(spoilt: dict[str, Any]) -> None:
    known = answers_for(PLAIN)
    assert known
    enquiry = Enquiry(1, "prompts/list", "2025-11-25")
    assert known.line_for(enquiry)
    assert known._replace(**spoilt).line_for(enquiry) is None
