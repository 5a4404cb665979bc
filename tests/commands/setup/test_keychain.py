"""Key and secret in the system's keychain: kept by `login`, read when nobody gave any, and never waited for long."""

import io
import json
import os
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

import pytest
from anyio import to_thread

from flipsnack_mcp.commands.setup import keychain
from flipsnack_mcp.sandbox import Sandbox
from flipsnack_mcp.settings import Settings, read_settings
from tests.commands.processes import KEY, SECRET, Run, at_a_port
from tests.commands.setup.at_home import Home

NAME = "a_keychain_for_tests"


@dataclass
class Chain:
    """A keychain as the library shows it."""

    kept: dict[tuple[str, str], str] = field(default_factory=dict[tuple[str, str], str])
    priority: float = 5
    backends: list["Chain"] = field(default_factory=list["Chain"])
    answers: threading.Event = field(default_factory=threading.Event)
    broken: Exception | None = None
    asked: int = 0

    def __post_init__(self) -> None:
        self.answers.set()

    def get_keyring(self) -> "Chain":
        return self

    def get_password(self, service: str, name: str) -> str | None:
        self.asked += 1
        self.answers.wait()
        if self.broken:
            raise self.broken
        return self.kept.get((service, name))

    def set_password(self, service: str, name: str, password: str) -> None:
        if self.broken:
            raise self.broken
        self.kept[service, name] = password

    def delete_password(self, service: str, name: str) -> None:
        del self.kept[service, name]


@pytest.fixture
def chain(home: Home, monkeypatch: pytest.MonkeyPatch) -> Iterator[Chain]:
    """One that is installed."""
    del home
    made, module = Chain(), ModuleType(NAME)
    module.get_keyring = made.get_keyring  # type: ignore[attr-defined]
    module.__spec__ = __spec__
    monkeypatch.setitem(sys.modules, NAME, module)
    monkeypatch.setattr(keychain, "LIBRARY", NAME)
    yield made
    made.answers.set()


def kept(name: str = keychain.ONLY_ACCOUNT) -> None:
    keychain.keep_in_keychain(name, keychain.Credentials(KEY, SECRET))


def keys(settings: Settings) -> tuple[str, str]:
    return settings.api_key, settings.api_secret


def test_who_has_neither_variable_nor_file_has_what_the_keychain_has(chain: Chain) -> None:
    kept()
    assert keys(keychain.with_keychain(Settings())) == (KEY, SECRET)
    assert [name for _, name in chain.kept] == ["default"]


@pytest.mark.parametrize(
    "given",
    [
        {"FLIPSNACK_API_KEY": "A1B2C3", "FLIPSNACK_API_SECRET": "D4E5F6"},
        {"FLIPSNACK_API_KEY": "A1B2C3"},
        {"FLIPSNACK_SANDBOX": "1"},
        {"FLIPSNACK_API_KEY": "${KEY}"},
        {"FLIPSNACK_CALLS_PER_MINUTE": "none"},
    ],
    ids=str,
)
def test_whatever_was_given_wins_and_the_keychain_is_not_even_asked(chain: Chain, given: dict[str, str]) -> None:
    kept()
    settings = read_settings(given)
    assert keychain.with_keychain(settings) == settings
    assert chain.asked == 0


def test_each_account_of_a_file_has_its_own_item(chain: Chain, tmp_path: Path) -> None:
    kept("france")
    file = tmp_path / "accounts.toml"
    file.write_text("[accounts.germany]\nkey = 'A1B2C3D4E5'\nsecret = 'F6'\n[accounts.france]\nread_only = true\n")
    settings = keychain.with_keychain(read_settings({"FLIPSNACK_ACCOUNTS": str(file)}))
    assert [keys(one) for one in settings.accounts] == [("A1B2C3D4E5", "F6"), (KEY, SECRET)]
    assert chain.asked == 1


def test_a_keychain_that_does_not_answer_is_one_sentence_after_its_time(
    chain: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keychain, "patience", lambda: 0.01)
    chain.answers.clear()
    settings = keychain.with_keychain(Settings())
    assert "it may be locked" in settings.missing
    assert settings.missing.count("FLIPSNACK_API_KEY_FILE") == 1


def test_five_seconds_are_its_time_where_nobody_sits_at_a_terminal(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", home.typed())
    assert keychain.patience() == 120
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    assert keychain.patience() == 5


def test_a_locked_keychain_is_one_sentence_without_what_it_said(chain: Chain) -> None:
    chain.broken = RuntimeError(f"{SECRET} cannot be decrypted")
    settings = keychain.with_keychain(Settings())
    assert "cannot be used (RuntimeError)" in settings.missing
    assert SECRET not in settings.missing


@pytest.mark.parametrize("text", ["", "no JSON", "[]", '{"key": "a"}'])
def test_an_item_that_is_none_of_ours_is_as_good_as_none(chain: Chain, text: str) -> None:
    chain.kept["flipsnack-mcp", "default"] = text
    assert "are not set" in keychain.with_keychain(Settings()).missing


def test_where_no_keychain_is_installed_nothing_is_imported(home: Home) -> None:
    assert keychain.with_keychain(Settings()) == Settings()
    assert keychain.LIBRARY not in sys.modules
    assert home.everything == {}


def test_credentials_show_neither_key_nor_secret() -> None:
    assert KEY not in repr(keychain.Credentials(KEY, SECRET))


def test_login_keeps_what_is_typed_in_the_keychain_and_in_no_file(home: Home, chain: Chain, no_flipsnack: None) -> None:
    del no_flipsnack
    done = home.run("login", stdin=home.typed(KEY, SECRET))
    assert done.status == 0
    assert "in the keychain of this computer" in done.out
    assert chain.kept.keys() == {("flipsnack-mcp", "default")}
    assert not any(KEY.encode() in one or SECRET.encode() in one for one in home.everything.values())

    assert home.run("login", "--remove").status == 0
    assert chain.kept == {}


def test_a_keychain_that_refuses_keeps_nothing_and_no_client_is_changed(home: Home, chain: Chain) -> None:
    chain.broken = RuntimeError()
    done = home.run("setup", "cursor", "--yes", stdin=home.typed(KEY, SECRET))
    assert done.status == 1
    assert "Unlock it" in done.out
    assert home.everything == {}


def test_an_entry_says_nothing_of_a_key_that_the_keychain_has(home: Home, chain: Chain) -> None:
    kept()
    assert home.run("setup", "cursor", "--yes", "--confirm", "approve").status == 0
    assert home.entry("cursor")["env"] == {"FLIPSNACK_CONFIRM": "approve"}
    assert chain.asked == 1


@pytest.mark.parametrize("several", [False, True])
def test_where_the_library_has_only_files_of_its_own_ours_are_used(
    home: Home, chain: Chain, no_flipsnack: None, several: object
) -> None:
    del no_flipsnack
    plain = Chain(priority=0.5)
    chain.priority, chain.backends = (10, [plain, plain]) if several else (0.5, [])
    done = home.run("login", stdin=home.typed(KEY, SECRET))
    assert "in files for you alone" in done.out
    assert (chain.kept, plain.kept) == ({}, {})


def test_of_several_keychains_the_best_keeps_them(chain: Chain) -> None:
    best = Chain(priority=5)
    chain.backends = [Chain(priority=0.5), best]
    kept()
    assert len(best.kept) == 1
    assert keys(keychain.with_keychain(Settings())) == (KEY, SECRET)


def test_a_doctor_looks_with_what_the_keychain_has(home: Home, chain: Chain, monkeypatch: pytest.MonkeyPatch) -> None:
    kept()
    monkeypatch.setattr("flipsnack_mcp.api.retry.MAX_TRIES", 1)
    checks = json.loads(home.run("doctor", "--json", FLIPSNACK_API_URL="http://127.0.0.1:9/").out)["checks"]
    assert ("configuration", True) in {(one["check"], one["ok"]) for one in checks}
    assert chain.asked == 1


LIBRARY = """
import json, pathlib
class Chain:
    priority = 5
    def get_password(self, service, name):
        return pathlib.Path(__file__).with_name("item.json").read_text()
def get_keyring():
    pathlib.Path(__file__).with_name("imported").touch()
    return Chain()
"""


def message(number: int, method: str, **parameters: object) -> str:
    return json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": parameters}) + "\n"


async def test_a_server_asks_the_keychain_at_its_first_call_and_no_list_waits_for_it(run: Run, tmp_path: Path) -> None:
    library = tmp_path / "keyring"
    library.mkdir()
    (library / "__init__.py").write_text(LIBRARY)
    (library / "item.json").write_text(json.dumps({"key": KEY, "secret": SECRET}))
    path = os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])])
    client = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
    async with at_a_port(Sandbox(api_key=KEY, api_secret=SECRET)) as where:
        addresses = {name: where[name] for name in ("FLIPSNACK_API_URL", "FLIPSNACK_UPLOAD_URL")}
        with run.kept(PYTHONPATH=path, **addresses) as server:
            assert server.stdin
            assert server.stdout
            server.stdin.write(message(1, "initialize", **client) + message(2, "tools/list"))
            server.stdin.flush()
            listed = [json.loads(server.stdout.readline())["id"] for _ in range(2)]
            assert (listed, (library / "imported").exists()) == ([1, 2], False)
            server.stdin.write('{"jsonrpc": "2.0", "method": "notifications/initialized"}\n')
            server.stdin.write(message(3, "tools/call", name="get_user_stats", arguments={}))
            server.stdin.flush()
            answer = json.loads(await to_thread.run_sync(server.stdout.readline))
    assert answer["result"]["structuredContent"]["key_end"] == KEY[-4:]
