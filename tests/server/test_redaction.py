"""The last net: whoever puts the key, the secret or a signed address into a text, it does not leave the process."""

import io
import json
import logging
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any, ClassVar
from urllib.parse import quote

import pytest
from typing_extensions import override

from flipsnack_mcp.server.safety.redaction import Redactor
from flipsnack_mcp.server.tools.changes import Removal
from flipsnack_mcp.server.tools.table import TOOLS
from flipsnack_mcp.settings import Settings
from flipsnack_mcp.store.sqlite import MemoryStore
from flipsnack_mcp.workflows.history import History
from tests.commands.processes import Run
from tests.server.bench import KEY, SECRET, Bench, Witness
from tests.server.destructions import process

SIGNATURE = "0123456789abcdef0123456789abcdef"
ADDRESS = f"https://api.flipsnack.com/v1/?action=user.getStats&apiKey={KEY}&signature={SIGNATURE}&x=1"
CANARIES = (KEY, SECRET, SIGNATURE)
PLANTED = {
    "key": f"refused {KEY}, sorry", "secret": f"md5({SECRET}action)", "both": f"{KEY}:{SECRET}",
    "twice": f"{KEY} {KEY}{KEY}", "address": ADDRESS, "in brackets": f"<{ADDRESS}>",
    "encoded": f"next={quote(ADDRESS, safe='')}", "json": json.dumps({"apiKey": KEY, "signature": SIGNATURE}),
    "repr": repr({"apiKey": KEY, "signature": SIGNATURE}), "headers": f"apikey: {KEY}\r\nsignature: {SIGNATURE}",
    "upper case": f"APIKEY={KEY}&SIGNATURE={SIGNATURE}", "lines": f"a\n{SECRET}\nb",
}  # fmt: skip
texts = pytest.mark.parametrize("text", PLANTED.values(), ids=list(PLANTED))


@pytest.fixture(autouse=True)
def witness() -> Witness:
    """No look at pytest's own record of the logs: credentials are planted there, and it hangs above the net."""
    return Witness()


@pytest.fixture
def redactor() -> Redactor:
    return Redactor.of(Settings(api_key=KEY, api_secret=SECRET))


def shown(text: object) -> list[str]:
    return [one for one in CANARIES if one in str(text)]


def assert_written_without_a_credential(text: str) -> None:
    assert text
    assert shown(text) == []


@texts
def test_no_text_keeps_a_credential(redactor: Redactor, text: str) -> None:
    assert shown(redactor.text(text)) == []


@pytest.mark.parametrize("secret", ["a/b+c=d&e f%", 'quo"te\\d-secret'], ids=["reserved", "quotes"])
@pytest.mark.parametrize("spelled", [str, lambda one: quote(one, safe=""), json.dumps, repr])
def test_a_secret_of_odd_characters_is_known_in_every_spelling(secret: str, spelled: Callable[[str], str]) -> None:
    redactor = Redactor.of(Settings(api_key=KEY, api_secret=secret))
    text = spelled(secret)[1:-1] if spelled in {json.dumps, repr} else spelled(secret)
    assert redactor.text(f"<{text}>") == "<***>"
    assert text not in redactor.text(f"it was {text} there")
    assert text not in json.dumps(redactor.data({"a": f"it was {text} there"}))


@pytest.mark.parametrize(("key", "secret"), [("", ""), ("a", "e"), ("key", "the"), ("", SECRET)])
def test_short_and_empty_credentials_blank_out_nothing_else(key: str, secret: str) -> None:
    assert Redactor.of(Settings(api_key="six6ch", api_secret=secret)).text("<six6ch>") == "<***>"
    redactor = Redactor.of(Settings(api_key=key, api_secret=secret))
    text = 'title: "The summer catalogue", status public, collection_hash fxh4k89'
    assert redactor.text(text) == text
    assert redactor.data({"title": text, "width": 650}) == {"title": text, "width": 650}


LINK = "https://s3.example.com/x.zip?X-Amz-Date=20260921&X-Amz-Signature=" + "ab" * 32
ORDINARY = "the signature of our CEO; Signature: Anna; apikey rotation guide; No signature needed; signature dishes"
STAYS = [
    (f"refused {KEY}, sorry", "refused ***, sorry"),
    (ADDRESS, "https://api.flipsnack.com/v1/?action=user.getStats&apiKey=***&signature=***&x=1"),
    *((text, text) for text in (*ORDINARY.split("; "), "no word of ours: public, 650 x 385", LINK)),
]


@pytest.mark.parametrize(("text", "left"), STAYS)
def test_all_but_credentials_stays_the_signed_link_of_a_package_too(redactor: Redactor, text: str, left: str) -> None:
    assert redactor.text(text) == left


@texts
def test_structured_data_is_redacted_at_every_depth(redactor: Redactor, text: str) -> None:
    others = {"n": 1, "t": True, "z": None, "resource_url": LINK, "o": ["x", {"b": 1.5}, {"d": None}]}
    redacted = redactor.data({**others, "a": text, "b": [text, {"c": [[text]]}], text: {text: text}})
    assert shown(json.dumps(redacted)) == []
    assert redacted.items() >= others.items()


# --- logs
Stderr = Callable[[], str]


@pytest.fixture
def stderr(redactor: Redactor, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Stderr:
    """What is written to stderr while the net hangs under a handler as `serve` sets it up."""
    root, written = logging.getLogger(), io.StringIO()
    monkeypatch.setattr(root, "handlers", [logging.StreamHandler(written)])
    monkeypatch.setattr(root, "level", root.level)
    root.setLevel(logging.DEBUG)  # which also forgets what each logger remembers of its level
    # A client made before keeps this logger silent; here it may speak, so that the net is what holds.
    monkeypatch.setattr(logging.getLogger("httpx2"), "filters", [])
    monkeypatch.setattr(logging, "raiseExceptions", True)
    hooks = ((logging.Handler, "format"), (sys, "excepthook"), (sys, "unraisablehook"), (threading, "excepthook"))
    for place, name in hooks:
        monkeypatch.setattr(place, name, getattr(place, name))
    redactor.guard()
    return lambda: written.getvalue() + capsys.readouterr().err


class OddError(Exception):
    """Shows a credential only when it is looked at."""

    @override
    def __str__(self) -> str:
        return ADDRESS


def fail(error: BaseException) -> None:
    raise error from KeyError(*error.args)


def failed(error: BaseException) -> BaseException:
    """The error with where it happened and why."""
    try:
        fail(error)
    except BaseException as caught:  # noqa: BLE001 - any is looked at
        caught.add_note(f"{ADDRESS} {error.args}")
        return caught
    raise AssertionError


Way = Callable[[logging.Logger, str], None]
WAYS: dict[str, Way] = {
    "plain": lambda log, text: log.warning(text),
    "arguments": lambda log, text: log.warning("%s and %r", text, [text]),
    "named arguments": lambda log, text: log.warning("%(a)s", {"a": text}),
    "exception": lambda log, text: log.error("it failed", exc_info=failed(ValueError(text))),
    "group": lambda log, text: log.error("it failed", exc_info=failed(ExceptionGroup(text, [OddError(text)]))),
    "stack": lambda log, text: log.debug(text, stack_info=True),
    "object": lambda log, text: log.info("%s", {"nested": [OddError(), text]}),
}


@pytest.mark.parametrize("way", WAYS.values(), ids=list(WAYS))
@pytest.mark.parametrize("name", ["", "httpx2", "some.library"], ids=["root", "httpx2", "library"])
def test_no_log_line_of_anybody_shows_a_credential(stderr: Stderr, name: str, way: Way) -> None:
    for text in PLANTED.values():
        way(logging.getLogger(name), text)
    assert_written_without_a_credential(stderr())


@pytest.mark.usefixtures("stderr")
@pytest.mark.parametrize("guarded_again", [True, False], ids=["there before", "comes later"])
def test_a_handler_of_a_library_is_under_the_net_too(
    redactor: Redactor, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, *, guarded_again: bool
) -> None:
    own, written = logging.getLogger("uvicorn.error"), io.StringIO()
    monkeypatch.setattr(own, "handlers", [logging.StreamHandler(written)])
    monkeypatch.setattr(own, "propagate", False)
    caplog.set_level(logging.ERROR, own.name)  # a server that ran in this process may have set another
    if guarded_again:
        redactor.guard()
    own.error("%s", ADDRESS)
    assert_written_without_a_credential(written.getvalue())


def test_a_log_line_that_cannot_be_formatted_shows_nothing_either(stderr: Stderr) -> None:
    root = logging.getLogger()
    root.handlers[:] = [one for one in root.handlers if type(one) is logging.StreamHandler]  # pytest's own raise
    logging.getLogger("some.library").warning("%d of %s", ADDRESS)  # noqa: PLE1206 - that is the point
    assert shown(stderr()) == []


@pytest.mark.usefixtures("stderr")
def test_the_net_keeps_the_format_of_the_handler() -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(levelname)s|%(name)s|%(message)s"))
    record = logging.LogRecord("a.b", logging.INFO, __file__, 1, "see %s", (KEY,), None)
    assert handler.format(record) == "INFO|a.b|see ***"


# --- crashes
@texts
def test_the_report_of_a_crash_shows_no_credential_but_where_it_was(stderr: Stderr, text: str) -> None:
    report(failed(ValueError(text)))
    written = stderr()
    assert shown(written) == []
    assert "in fail" in written


def report(error: BaseException) -> None:
    sys.excepthook(type(error), error, error.__traceback__)


CRASHES: dict[str, Callable[[], object]] = {
    "group": lambda: report(failed(BaseExceptionGroup(ADDRESS, [OddError(), KeyboardInterrupt(SECRET)]))),
    "thread": lambda: threading.excepthook(
        threading.ExceptHookArgs((ValueError, ValueError(ADDRESS), None, threading.current_thread()))
    ),
    "what nobody can raise": lambda: sys.unraisablehook(
        SimpleNamespace(
            exc_type=ValueError, exc_value=ValueError(ADDRESS), exc_traceback=None, err_msg=None, object=None
        )
    ),
}


@pytest.mark.parametrize("way", CRASHES.values(), ids=list(CRASHES))
def test_no_other_report_of_a_crash_shows_a_credential(stderr: Stderr, way: Callable[[], object]) -> None:
    way()
    assert_written_without_a_credential(stderr())


def test_a_thread_that_ends_by_system_exit_is_no_crash(stderr: Stderr) -> None:
    threading.excepthook(threading.ExceptHookArgs((SystemExit, SystemExit(ADDRESS), None, threading.current_thread())))
    assert stderr() == ""


# --- what the server says and writes down
@texts
@pytest.mark.parametrize("mode", ["auto"])
async def test_results_data_progress_and_history_show_no_credential(
    bench: Bench, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tool answers with what a library may have put there."""

    async def run(call: Any, _: Any) -> Removal:
        await call.app.history.add(tool=call.tool, target=text, decision="allowed", said=text, before={"a": [text]})
        await call.request.tell(text)
        return Removal(deleted=False, collection_hash=text, changes=[text])

    monkeypatch.setitem(TOOLS, "delete_collection", replace(TOOLS["delete_collection"], run=run))
    store = MemoryStore(bench.clock)
    async with bench.assistant(store=store) as assistant:
        said = await assistant.call("delete_collection", collection_hash="fxh4k89")
    kept = [one.model_dump_json() for one in await History(store, bench.settings.account).events()]
    places = {"text": said.text, "data": json.dumps(said.data), "progress": said.progress, "history": kept}
    assert {name: shown(place) for name, place in places.items() if shown(place)} == {}


# --- a whole process
HELLO = {
    "jsonrpc": "2.0", "id": 1, "method": "initialize",
    "params": {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}},
}  # fmt: skip
CALLS: list[tuple[str, dict[str, Any]]] = [
    ("get_user_stats", {}), ("list_collections", {"query": [KEY]}), ("get_upload", {"upload_id": SECRET}),
    ("create_collection", {"file_url": "https://example.com/a.pdf", "title": "x", "wait_seconds": 0}),
    ("create_collection", {"file_path": f"/{SECRET}/a.pdf"}), ("no_such_tool", {"x": KEY}),
]  # fmt: skip


class Repeating(BaseHTTPRequestHandler):
    """Hangs up where a request comes for the first time; answers it with an error that repeats it where it comes again."""

    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        if self.asked.count(self.path) > 1:
            body = json.dumps({"code": 40, "status": self.path, "data": {}}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            with suppress(BrokenPipeError):  # the process may have ended
                self.wfile.write(body)

    @override
    def log_message(self, format: str, *args: object) -> None:
        """Nothing: what stands on stderr is to be the server's."""


@pytest.fixture
def repeating(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(Repeating, "asked", [])
    with ThreadingHTTPServer(("127.0.0.1", 0), Repeating) as server:
        serving = threading.Thread(target=server.serve_forever, args=(0.02,))
        serving.start()
        yield f"http://127.0.0.1:{server.server_port}/v1/"
        server.shutdown()
        serving.join()


def test_a_real_server_writes_no_credential_anywhere_while_all_fails(repeating: str, tmp_path: Any) -> None:
    given = [HELLO, {"jsonrpc": "2.0", "method": "notifications/initialized"}]
    given += [
        {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": {"name": name, "arguments": arguments}}
        for number, (name, arguments) in enumerate(CALLS, 2)
    ]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FLIPSNACK_")}
    environment = {
        "FLIPSNACK_DOWNLOAD_DIR": str(tmp_path), "FLIPSNACK_STATE": f"sqlite:{tmp_path / 'state.sqlite'}",
        "FLIPSNACK_API_KEY": KEY, "FLIPSNACK_API_SECRET": SECRET, "FLIPSNACK_LOG_LEVEL": "DEBUG",
        "FLIPSNACK_API_URL": repeating, "FLIPSNACK_UPLOAD_URL": repeating,
    }  # fmt: skip
    with Run(kept).kept(**environment) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write("".join(json.dumps(one) + "\n" for one in given))
        process.stdin.flush()
        lines: list[str] = []
        while len({one["id"] for one in map(json.loads, lines) if "id" in one}) < len(CALLS) + 1:
            line = process.stdout.readline()
            assert line, "the server ended"
            lines.append(line)
        out, err = process.communicate(timeout=20)

    everything = "".join(lines) + out + err + (tmp_path / "state.sqlite").read_bytes().decode(errors="replace")
    assert KEY not in everything
    assert SECRET not in everything
    assert "signature=" not in everything.lower()
    assert sum("user.getStats" in one for one in Repeating.asked) == 2
    assert "refused with code 40" in everything


@pytest.mark.parametrize(
    "state",
    [
        *("redis://:p%2Fw-of-redis@redis.example.com/0", "redis://me:p%2Fw-of-redis@redis.example.com/0"),
        *("unix:///run/redis.sock?password=p%2Fw-of-redis", "rediss://h/0?ssl_password=p%2Fw-of-redis"),
    ],
)
def test_the_password_of_redis_is_known_as_a_secret(state: str) -> None:
    redactor = Redactor.of(Settings(state=state))
    for text in (state, "p/w-of-redis", "p%2Fw-of-redis", repr(state)):
        told = redactor.text(f"could not connect to {text} there")
        assert "of-redis" not in told
        assert "could not connect to" in told
    assert "of-redis" not in Redactor.of(Settings()).text("redis://:p%2Fw-of-redis@redis.example.com/0")


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere every name of a folder is text")
async def test_a_folder_whose_name_is_no_text_is_saved_into_and_told_of(bench: Bench) -> None:
    folder = bench.folder / "t\udce9l\udce9chargements"
    async with process(bench, download_dir=folder) as assistant:
        said = await assistant.call("report_stats", query="Weekly offers", save_as="csv", wait_seconds=45)
    said.text.encode()
    assert said.data["path"].encode()
    assert [one.suffix for one in folder.iterdir()] == [".csv"]
