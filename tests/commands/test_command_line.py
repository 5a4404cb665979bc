"""The command line: versions, help, exit statuses, doctor and the sandbox, as real processes."""

import errno
import json
import os
import re
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from hashlib import md5
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import Any
from urllib.parse import urlencode

import pytest
from typing_extensions import override

from flipsnack_mcp import __version__, systems
from flipsnack_mcp.api import retry
from flipsnack_mcp.api.client import Flipsnack
from flipsnack_mcp.commands.chosen import settings_of
from flipsnack_mcp.commands.connecting import connect, remember
from flipsnack_mcp.commands.doctor.folders import upload_folder
from flipsnack_mcp.commands.sandbox import pace_of
from flipsnack_mcp.commands.serve import served_over_http
from flipsnack_mcp.parsing import parsed
from flipsnack_mcp.sandbox import Pace
from flipsnack_mcp.server.server import build_server
from flipsnack_mcp.settings import Settings
from flipsnack_mcp.systems import system_of
from tests.api.street import no_network_settings
from tests.commands.processes import KEY, SECRET, Ended, Run, nobody_answers_at

Here = Callable[..., Ended]
COMMANDS = "serve demo doctor approve history sandbox"
OPTIONS = """--http --read-only --toolsets --confirm --upload-dirs --download-dir --sandbox --api-key-file
--api-secret-file --log-level --api-url --upload-url"""
IMITATION = "--port --account small large empty --calls-per-minute --conversion-seconds --package-seconds --retry-seconds --hook"


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--help"], COMMANDS),
        (["serve", "--help"], OPTIONS),
        (["sandbox", "--help"], IMITATION),
        (["demo", "--help"], "--show"),
    ],
)
def test_help_names_every_command_and_setting_but_the_secrets(run_here: Here, arguments: list[str], named: str) -> None:
    done = run_here(*arguments)
    assert done.status == 0
    assert not set(named.split()) - set(re.findall(r"[\w-]+", done.out))
    assert not {"--api-key", "--api-secret"} & set(re.findall(r"[\w-]+", done.out))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("move", "Move what a state file holds to the Redis server of FLIPSNACK_STATE."),
        ("leads erase", "Erase every lead of an e-mail address, for good."),
        ("hooks revoke", "End the address of an account."),
    ],
)
def test_the_help_of_a_command_says_what_it_does(run_here: Here, arguments: str, said: str) -> None:
    assert said in " ".join(run_here(*arguments.split(), "--help").out.split())


WRONG = """dance | --dance | doctor extra | serve --http | serve --http 8000 | serve --http 127.0.0.1:0
 | serve --http 127.0.0.1:99999 | sandbox --port many | sandbox --port -1 | sandbox --port 65536
 | sandbox --account huge | sandbox --account | sandbox --calls-per-minute -1 | sandbox --conversion-seconds nan
 | sandbox --package-seconds -1 | sandbox --hook | sandbox --retry-seconds -1 | sandbox --package-seconds inf"""
SECRETS = [f"serve --api-key {KEY}", f"--api-secret {SECRET}"]


@pytest.mark.parametrize("arguments", [*WRONG.split(" | "), *SECRETS])
def test_wrong_usage_and_a_secret_as_an_option_end_with_2_and_nothing_on_stdout(run_here: Here, arguments: str) -> None:
    done = run_here(*arguments.split(), FLIPSNACK_SANDBOX="1")
    assert (done.status, done.out) == (2, "")
    assert "Traceback" not in done.err


@pytest.mark.parametrize(
    ("arguments", "takes"),
    [
        ("sandbox --account huge", "--account takes one of small, large, empty"),
        ("sandbox --calls-per-minute -1", "--calls-per-minute takes a whole number from 0 to 999999999"),
        *(
            (f"token add anna --expires {one}", "--expires takes a whole number from 1 to 36500")
            for one in ("0", "36501", "x")
        ),
        ("sandbox --port 65536", "--port takes a whole number from 0 to 65535"),
        ("sandbox --package-seconds -1", "--package-seconds takes a number of seconds from 0 on"),
        ("history --undo -1", "--undo takes a whole number from 0 to 999999999"),
    ],
)
def test_a_value_that_an_option_does_not_take_gets_those_that_it_takes(
    run_here: Here, arguments: str, takes: str
) -> None:
    assert run_here(*arguments.split()).err == f"flipsnack-mcp: {takes}\n"


@pytest.mark.parametrize("address", ["0.0.0.0:8000", "[::]:8000", "192.168.1.5:8000", "example.com:8000"])
def test_an_address_that_others_reach_is_refused_with_the_reason(run_here: Here, address: str) -> None:
    done = run_here("serve", "--http", address)
    assert done.status == 2
    assert "this machine only" in done.err
    assert "account" in done.err


def doctored(run: Here, **environment: str) -> tuple[int, Any, dict[str, Any]]:
    done = run("doctor", "--json", **environment)
    facts = json.loads(done.out)
    assert "Traceback" not in done.err
    return done.status, facts, {one["check"]: one for one in facts["checks"]}


def test_doctor_says_what_is_missing_when_nothing_is_set(run_here: Here) -> None:
    status, facts, checks = doctored(run_here)
    assert status == 1
    assert (facts["ok"], facts["mode"], facts["version"]) == (False, "live", __version__)
    assert "FLIPSNACK_API_KEY and FLIPSNACK_API_SECRET are not set" in checks["configuration"]["said"]
    assert checks["signing"]["ok"]
    assert "cannot be seen here" in checks["assistants"]["said"]
    assert "call" not in checks


def test_of_what_looks_wrong_doctor_does_not_say_first_that_it_is_complete(
    run_here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry, "MAX_TRIES", 1)
    swapped = {"FLIPSNACK_API_KEY": "A1-B2-C3-D4", "FLIPSNACK_API_SECRET": "A1-B2-C3"}
    _, facts, _ = doctored(run_here, **swapped, FLIPSNACK_API_URL="http://127.0.0.1:9/")
    said = [(one["ok"], one["said"]) for one in facts["checks"] if one["check"] == "configuration"]
    assert said == [(False, "FLIPSNACK_API_KEY and FLIPSNACK_API_SECRET look swapped.")]


def test_doctor_makes_a_call_against_the_sandbox(run_here: Here) -> None:
    status, facts, checks = doctored(run_here, FLIPSNACK_SANDBOX="1")
    said = run_here("doctor", FLIPSNACK_SANDBOX="1")
    assert status == said.status == 0
    assert (facts["ok"], facts["mode"]) == (True, "sandbox")
    assert checks["call"]["ok"]
    assert {one["name"]: one["source"] for one in facts["settings"]}["FLIPSNACK_SANDBOX"] == "environment"
    assert "sandbox" in said.out
    assert "All is well." in said.out


@pytest.mark.parametrize(
    ("text", "well", "said"),
    [
        (bytes(range(32)).hex(), True, "holds a key"),
        (f"{bytes(range(32)).hex()}\n{bytes(range(40, 80)).hex()}", True, "two keys; the first one seals"),
        ("too short", False, "openssl rand -hex 32"),
        (None, False, "No such file"),
    ],
)
def test_doctor_looks_at_the_key_that_seals_questions(
    run_here: Here, tmp_path: Path, text: str | None, said: str, *, well: bool
) -> None:
    file = tmp_path / "state.key"
    if text is not None:
        file.write_text(text)
        file.chmod(0o644)
    status, facts, checks = doctored(run_here, FLIPSNACK_SANDBOX="1", FLIPSNACK_STATE_KEY_FILE=str(file))
    assert (status == 0, checks["sealing"]["ok"]) == (well, well)
    assert said in checks["sealing"]["said"]
    assert not text or text.splitlines()[0] not in json.dumps(facts)


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"FLIPSNACK_API_KEY": KEY}, "FLIPSNACK_API_SECRET is not set"),
        ({"FLIPSNACK_API_KEY": f'"{KEY}"', "FLIPSNACK_API_SECRET": SECRET}, "quotes"),
        ({"FLIPSNACK_API_URL": f"https://a:{SECRET}@b.com/"}, "FLIPSNACK_API_URL"),
        ({"FLIPSNACK_SANDBOX": "1", "FLIPSNACK_CONFIRM": "always"}, "blocked"),
        ({"FLIPSNACK_SANDBOX": "1", "FLIPSNACK_UPLOAD_DIRS": "/no/such"}, "no folder"),
    ],
)
def test_doctor_names_what_is_wrong_and_no_secret(run_here: Here, environment: dict[str, str], said: str) -> None:
    done = run_here("doctor", **environment)
    assert done.status == 1
    assert said in done.out


LIVE = {"FLIPSNACK_API_KEY": KEY, "FLIPSNACK_API_SECRET": SECRET}
NETWORKS = {
    "SOCKS of another kind": ({"ALL_PROXY": "socks://127.0.0.1:1"}, "ALL_PROXY"),
    "SOCKS 4": ({"all_proxy": "socks4://u:hunter2-of-it@127.0.0.1:1"}, "all_proxy"),
    "no proxy's address": ({"HTTPS_PROXY": "http://u:hunter2-of-it@"}, "HTTPS_PROXY"),
    "a port that is none": ({"HTTPS_PROXY": "http://127.0.0.1:x"}, "HTTPS_PROXY"),
    "nobody at the proxy": ({"HTTPS_PROXY": "http://u:hunter2-of-it@127.0.0.1:9"}, "nothing answers"),
    "nobody at the SOCKS proxy": ({"https_proxy": "socks5://127.0.0.1:9"}, "nothing answers"),
    "no file": ({"SSL_CERT_FILE": "/nonexistent/ca.pem"}, "SSL_CERT_FILE"),
    "no certificate": ({"SSL_CERT_FILE": __file__}, "SSL_CERT_FILE"),
    "a folder": ({"SSL_CERT_FILE": "/tmp"}, "SSL_CERT_FILE"),  # noqa: S108 - it is there everywhere this runs
    "no folder": ({"SSL_CERT_DIR": "/nonexistent"}, "SSL_CERT_DIR"),
    "both": ({"SSL_CERT_FILE": "/nonexistent/ca.pem", "HTTPS_PROXY": "http://127.0.0.1:9"}, "SSL_CERT_FILE"),
}


@pytest.mark.parametrize(("environment", "said"), NETWORKS.values(), ids=NETWORKS.keys())
def test_doctor_finds_what_is_wrong_with_the_network(
    run_here: Here, environment: dict[str, str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    no_network_settings(monkeypatch)
    monkeypatch.setattr(retry, "MAX_TRIES", 1)
    status, facts, checks = doctored(run_here, **LIVE, **environment)
    assert status == 1
    assert not facts["ok"]
    assert said in " ".join(one["said"] for one in checks.values() if not one["ok"])
    wrong = [(one["check"], one["cause"]) for one in facts["checks"] if not one["ok"]]
    assert wrong == [("call", "proxy") if said == "nothing answers" else ("network", "setting")]
    assert "hunter2" not in str(facts)
    assert "the person" not in str(facts)  # who reads it is the person


def test_doctor_says_which_way_it_goes(run_here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    no_network_settings(monkeypatch)
    monkeypatch.setattr(retry, "MAX_TRIES", 1)
    where = {"FLIPSNACK_API_URL": "http://127.0.0.1:9/", "ALL_PROXY": "http://u:hunter2-of-it@127.0.0.1:10"}
    _, _, checks = doctored(run_here, **LIVE, **where)
    assert '"127.0.0.1:9" without a proxy' in checks["network"]["said"]
    assert (
        '"upload.flipsnack.com:443" through the proxy that ALL_PROXY names ("127.0.0.1:10")'
        in checks["network"]["said"]
    )
    both = {**where, "FLIPSNACK_UPLOAD_URL": "http://127.0.0.1:9/upload/"}
    assert doctored(run_here, **LIVE, **both)[2]["network"]["said"] == '"127.0.0.1:9" without a proxy'


def test_doctor_ends_in_words_whatever_happens(run_here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    async def failing(*_: object, **__: object) -> None:
        raise RuntimeError(SECRET)

    monkeypatch.setattr(Flipsnack, "send", failing)
    status, _, checks = doctored(run_here, FLIPSNACK_SANDBOX="1")
    assert status == 1
    assert "RuntimeError" in checks["call"]["said"]


@pytest.fixture(scope="module")
def where(run: Run) -> Iterator[dict[str, str]]:
    """Where a sandbox is that nobody changes anything in."""
    with run.sandbox() as told:
        yield told


def test_doctor_asks_the_address_it_is_given_and_names_a_wrong_secret(where: dict[str, str], run_here: Here) -> None:
    access = {"FLIPSNACK_API_URL": where["api_url"], "FLIPSNACK_API_KEY": where["api_key"]}
    right = run_here("doctor", **access, FLIPSNACK_API_SECRET=where["api_secret"])
    wrong = run_here("doctor", **access, FLIPSNACK_API_SECRET=SECRET)
    unknown = run_here("doctor", **access | {"FLIPSNACK_API_KEY": KEY}, FLIPSNACK_API_SECRET=SECRET)
    assert right.status == 0, right.out
    assert "ok   clock: " in right.out
    assert where["api_secret"] not in right.out + right.err
    assert wrong.status == 1
    assert "code 44" in wrong.out
    assert "The key exists, the secret does not belong to it" in wrong.out
    assert "code 41" in unknown.out
    assert "Flipsnack does not know this key" in unknown.out
    assert "doctor`" not in wrong.out + unknown.out


def test_doctor_says_in_words_that_nobody_answers(run_here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "MAX_TRIES", 1)
    with nobody_answers_at() as port:
        done = run_here("doctor", **LIVE, FLIPSNACK_API_URL=f"http://127.0.0.1:{port}/v1/")
    assert done.status == 1
    assert "could not be reached" in done.out


def ask(where: dict[str, str], action: str, secret: str = "") -> Any:
    values = {"action": action, "apiKey": where["api_key"]}
    text = (secret or where["api_secret"]) + "".join(name + values[name] for name in sorted(values))
    query = urlencode({**values, "signature": md5(text.encode()).hexdigest()})  # noqa: S324 - the documented signature
    with urllib.request.urlopen(f"{where['api_url']}?{query}", timeout=60) as answer:  # noqa: S310 - our own sandbox
        return json.load(answer)


def test_the_sandbox_says_where_it_is_and_answers_what_is_signed(where: dict[str, str]) -> None:
    right, wrong = ask(where, "user.getStats"), ask(where, "user.getStats", "another secret")
    origin = where["api_url"].removesuffix("/v1/")
    with urllib.request.urlopen(f"{origin}/_sandbox/requests", timeout=60) as answer:  # noqa: S310
        seen = json.load(answer)["requests"][-2:]
    assert set(where) == {"api_url", "upload_url", "api_key", "api_secret"}
    assert where["api_url"].startswith("http://127.0.0.1:")
    assert (right["code"], wrong["code"]) == (20, 44)
    assert [one["action"] for one in seen] == ["user.getStats"] * 2
    assert where["api_key"] not in json.dumps(seen)


def test_a_sandbox_begins_and_hurries_as_it_is_told_and_posts_leads_until_they_are_taken(run: Run) -> None:
    came, answers = Queue[tuple[str, str | None, bytes]](), iter((503, 204))

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            came.put((self.path, self.headers["Content-Type"], body))
            self.send_response(next(answers))
            self.end_headers()

        @override
        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Receiver) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        hook = f"http://127.0.0.1:{server.server_port}/hooks/x?a=1"
        told = ("--account", "large", "--calls-per-minute", "2", "--hook", hook, "--retry-seconds", "0.01")
        with run.sandbox(*told) as where:
            with urllib.request.urlopen(where["leads_url"], b'{"kinds": ["order"]}', timeout=60) as answer:  # noqa: S310
                assert json.load(answer) == {"deliveries": 1, "on": True}
            first, second = (came.get(timeout=60) for _ in range(2))
            asked = [ask(where, action) for action in ("collection.getList", "user.getStats", "user.getStats")]
        server.shutdown()
    assert asked[0]["data"]["collectionsCount"] == "211"
    assert [one["code"] for one in asked] == [20, 20, 32]
    assert first == second
    assert first[:2] == ("/hooks/x?a=1", "application/json")
    assert json.loads(first[2])["type"] == "order"


@pytest.mark.parametrize(
    ("given", "a_second", "a_minute"), [("60", 5, 60), ("600", 50, 600), ("1000", 84, 1000), ("12", 5, 12), ("0", 0, 0)]
)
def test_a_raised_pace_of_the_sandbox_is_raised_for_a_second_as_well(given: str, a_second: int, a_minute: int) -> None:
    typed = parsed(["sandbox", "--calls-per-minute", given, "--conversion-seconds", "0.5", "--package-seconds", "9"])
    pace = pace_of(typed.calls_per_minute, typed.conversion_seconds, typed.package_seconds, typed.retry_seconds)
    assert (pace.calls_per_second, pace.calls_per_minute) == (a_second, a_minute)
    assert (pace.conversion_seconds, pace.package_seconds) == (0.5, 9.0)


def test_a_sandbox_that_is_told_nothing_is_flipsnack_as_documented() -> None:
    typed = parsed(["sandbox"])
    assert typed.account == "small"
    paces = (typed.conversion_seconds, typed.package_seconds, typed.retry_seconds)
    assert pace_of(typed.calls_per_minute, *paces) == Pace()


@pytest.mark.parametrize("typed", [[], ["demo"], ["doctor"]], ids=repr)
def test_who_starts_it_from_its_folder_without_installing_it_is_told_what_it_lacks(run: Run, typed: list[str]) -> None:
    bare = "import sys; sys.modules.update(anyio=None, typing_extensions=None, mcp=None)"
    start = f"{bare}; from flipsnack_mcp.__main__ import main; sys.exit(main({typed}))"
    done = subprocess.run(  # noqa: S603  # our own program
        [sys.executable, "-c", start], env=run.environment, input="x\n", text=True, capture_output=True, check=False
    )
    assert done.returncode == 1
    assert re.fullmatch(r"flipsnack-mcp: \w+ is not installed for this Python \(.+\n", done.stderr)
    assert "README.md has the command" in done.stderr


def test_the_version_is_told(run: Run) -> None:
    done = run("--version")
    assert (done.status, done.out) == (0, f"flipsnack-mcp {__version__}\n")


def test_a_port_that_is_taken_ends_with_1_and_a_sentence(run_here: Here, capsys: pytest.CaptureFixture[str]) -> None:
    settings = Settings(sandbox=True, state="memory:")
    server, store = build_server(settings, connect), remember(settings)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        imitated = run_here("sandbox", "--port", str(port))
        served = Ended(served_over_http(server, settings, store, "127.0.0.1", port), "", capsys.readouterr().err)
    for done in (imitated, served):
        assert done.status == 1
        assert "Traceback" not in done.err
        assert "in use" in done.err


# What was typed wrongly may be a key: it is never repeated, and what may have been meant is named.
TYPED = [
    (f"{KEY}", "the commands are"), (f"{SECRET} --json", "the commands are"), (f"--{KEY}", "there is no such option"),
    (f"-{KEY}", "the commands are"), (f"-k{SECRET}", "the commands are"), (f"serve --{SECRET}=1", "there is no such option"),
    (f"serve {KEY}", "an argument too many"), (f"sandbox --port {KEY}", "--port takes a whole number"), (f"sandbox --port={SECRET}", "--port takes a whole number"), (f"sandbox --hook http://example.com/{SECRET}", "--hook takes an https address"),
    (f"serve --http {KEY}", "--http takes HOST:PORT"), (f"doctor --json={SECRET}", "--json takes no value"), (f"doctor {SECRET}", "an argument too many"),
    (f"history --verify={KEY} x", "--verify takes no value"), (f"history --since {KEY}", "--since takes a day"), ("history --since 7", "--since takes a day"), (f"demo {KEY} {SECRET}", "an argument too many"), (f"approve A {SECRET}", "an argument too many"),
    (f"serve --api-key {KEY}", "--api-key-file"), (f"serve --api-secret={SECRET}", "--api-secret-file"), (f"--api-key={KEY}", "--api-key-file"),
    ("servve", "did you mean serve?"), ("Doctor", "did you mean doctor?"), ("docter --json", "did you mean doctor?"), ("approv", "did you mean approve?"),
    ("--upload-dir /x", "did you mean --upload-dirs?"), ("serve --readonly", "did you mean --read-only?"), ("history --verfy", "did you mean --verify?"),
    ("sandbox --prot 1", "did you mean --port?"), ("sandbox --port", "--port expected one argument"), (f"serve --\x1b[2J{KEY}", "there is no such option"),
]  # fmt: skip


@pytest.mark.parametrize(("typed", "said"), TYPED, ids=range(len(TYPED)))
def test_what_was_typed_wrongly_is_not_repeated(run_here: Here, typed: str, said: str) -> None:
    done = run_here(*typed.split(), FLIPSNACK_SANDBOX="1")  # which looks for the canaries
    assert (done.status, done.out) == (2, "")
    assert said in done.err
    assert "\x1b" not in done.err
    assert len(done.err.splitlines()) == 1


BOTH = os.pathsep.join(["/a", "/b"])


@pytest.mark.parametrize(
    ("typed", "name", "read"),
    [
        ("--upload-dirs /a /b", "upload_dirs", ["/a", "/b"]),
        ("--upload-dirs /a --upload-dirs /b", "upload_dirs", ["/a", "/b"]),
        ("--upload-dirs=/a --upload-dirs /b /c", "upload_dirs", ["/a", "/b", "/c"]),
        (f"--upload-dirs {BOTH} /c", "upload_dirs", ["/a", "/b", "/c"]),
        (f"--upload-dirs {BOTH}", "upload_dirs", ["/a", "/b"]),
        ("--upload-dirs --read-only", "upload_dirs", []),
        ("--upload-dirs ${user_config.folders}", "upload_dirs", []),
        ("--upload-dirs /a ${user_config.folders}", "upload_dirs", ["/a"]),
        ("--upload-dirs /a --read-only --upload-dirs /b", "upload_dirs", ["/a", "/b"]),
        ("serve --upload-dirs /a /b --read-only", "upload_dirs", ["/a", "/b"]),
        ("--toolsets default legacy", "toolsets", ["default", "legacy"]),
        ("--toolsets default --toolsets legacy", "toolsets", ["default", "legacy"]),
        ("--toolsets default,legacy", "toolsets", ["default", "legacy"]),
        ("--toolsets", "toolsets", ["default"]),
    ],
)
def test_list_options_add_up(typed: str, name: str, read: list[str]) -> None:
    given = typed.split()
    settings = settings_of(parsed(given if given[0] == "serve" else ["serve", *given]))
    assert sorted(str(one) for one in getattr(settings, name)) == read
    assert not settings.problems


def test_an_option_stands_before_the_variable_of_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLIPSNACK_UPLOAD_DIRS", "/of/the/environment")
    for given, read in ((["/a", "/b"], ["/a", "/b"]), ([], ["/of/the/environment"])):
        settings = settings_of(parsed(["serve", "--upload-dirs", *given]))
        assert [str(one) for one in settings.upload_dirs] == read


def test_doctor_tells_what_a_host_left_open_without_failing_and_a_name_that_is_none(run_here: Here) -> None:
    done = run_here("doctor", FLIPSNACK_SANDBOX="1", FLIPSNACK_DOWNLOAD_DIR="${user_config.downloads}")
    assert done.status == 0
    assert "FLIPSNACK_DOWNLOAD_DIR counts as not set" in done.out
    wrong = run_here("doctor", FLIPSNACK_SANDBOX="1", FLIPSNACK_UPLOAD_DIR=SECRET)
    assert wrong.status == 1
    assert "FLIPSNACK_UPLOAD_DIRS" in wrong.out


@pytest.mark.parametrize(("platform", "cure"), [("darwin", True), ("linux", False)])
def test_doctor_names_the_cure_of_a_folder_that_macos_guards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, platform: str, *, cure: bool
) -> None:
    def guarded(_: Path) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    assert upload_folder(tmp_path).ok
    assert not upload_folder(tmp_path / "missing").ok
    monkeypatch.setattr(os, "scandir", guarded)
    monkeypatch.setattr(systems, "HERE", system_of(platform))
    found = upload_folder(tmp_path)
    assert (found.ok, "Privacy & Security > Files and Folders" in found.said) == (False, cure)


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("history", "working folder, which is gone"), ("approve", "working folder, which is gone"),
        ("doctor", "working folder, which is gone"), ("setup claude-code --print", ""), ("doctor --config x.json", "x.json"),
    ],
)  # fmt: skip
def test_a_command_in_a_folder_that_is_gone_says_what_it_lacks(
    run_here: Here, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, typed: str, says: str
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    monkeypatch.setattr("sys.argv", ["/usr/bin/flipsnack-mcp"])  # from there nothing is started by its way
    ended = run_here(*typed.split(), FLIPSNACK_STATE="sqlite:state.sqlite")
    assert says in ended.out + ended.err
    assert "Traceback" not in ended.err


@pytest.mark.parametrize("typed", ["history", "history --verify", "history --json", "approve"])
@pytest.mark.parametrize("state", ["state.sqlite", "sqlite:", "redis://localhost:port"])
def test_where_the_state_cannot_be_found_no_command_says_that_nothing_is_there(
    run_here: Here, typed: str, state: str
) -> None:
    ended = run_here(*typed.split(), FLIPSNACK_STATE=state)
    assert (ended.status, ended.out.startswith("FLIPSNACK_STATE is n")) == (1, True)


def test_the_history_is_shown_whatever_else_is_set_wrongly(run_here: Here) -> None:
    ended = run_here("history", "--verify", FLIPSNACK_API_URL="ftp://localhost/")
    assert (ended.status, ended.out) == (0, "The trail is whole: 0 entries.\n")
