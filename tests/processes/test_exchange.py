"""Real processes side by side with one state file and a token for each person: what crosses is only what may."""

import hashlib
import json
import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest

from flipsnack_mcp.server.callers.caller import Right
from flipsnack_mcp.team.authentication.changing import change_tokens
from flipsnack_mcp.team.authentication.tokens import TokenEntry, TokensTold, new_token, now_in_utc, token_digest
from tests.commands.processes import Run, nobody_answers_at, wait_for
from tests.redis_server import running_redis
from tests.team.authentication.guarded import Assistant
from tests.team.over_http import MODERN, OLDER

CATALOGUE = Path(__file__).parents[2] / "flipsnack_mcp" / "commands" / "catalogue.pdf"
PUBLIC = "https://flips.example.test"
HOST = {"Host": "flips.example.test"}


@dataclass
class Process:
    """A replica."""

    url: str
    folder: Path
    process: "subprocess.Popen[str]"

    def by(self, token: str, revision: str = MODERN) -> Assistant:
        """Without a session in either revision: another replica may have the next request."""
        assistant = Assistant(f"{self.url}/mcp", token, revision)
        assistant.session = "none"
        return assistant


@dataclass
class Place:
    """Two replicas, their sandbox, and a person's token."""

    replicas: list[Process]
    sandbox: dict[str, str]
    token: str
    logs: list[str]

    def created(self) -> list[tuple[str, int]]:
        """What Flipsnack was sent as new documents."""
        base = self.sandbox["api_url"].removesuffix("/v1/")
        every = httpx2.get(f"{base}/_sandbox/requests", trust_env=False).json()["requests"]
        return [(one["file"]["sha256"], one["file"]["size"]) for one in every if one["action"] == "collection.create"]


def made_token(file: Path, name: str) -> str:
    made = new_token()
    entry = TokenEntry(
        name=name, sha256=token_digest(made), accounts=("*",), may=frozenset(Right), made=now_in_utc(), expires=None
    )
    change_tokens(file, lambda told: TokensTold(tokens=(*told.tokens, entry)))
    return made


@pytest.fixture(scope="module", params=["on one state file", "on Redis"])
def place(run: Run, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("team")
    token = made_token(folder / "tokens.json", "Anna")
    with ExitStack() as stack:
        sandbox = stack.enter_context(run.sandbox("--conversion-seconds", "0", "--package-seconds", "0"))
        logs, state = list[str](), f"sqlite:{folder / 'state.sqlite'}"
        if request.param == "on Redis":
            state = stack.enter_context(running_redis(folder)).url
        started = (replica(run, folder, name, sandbox, logs, state) for name in ("a", "b"))
        replicas = [stack.enter_context(one) for one in started]
        yield Place(replicas, sandbox, token, logs)


@contextmanager
def replica(
    run: Run, folder: Path, name: str, sandbox: dict[str, str], logs: list[str], state: str = ""
) -> Iterator[Process]:
    with nobody_answers_at() as port:
        pass
    log = folder / f"{name}.log"
    environment = {
        "FLIPSNACK_API_KEY": sandbox["api_key"],
        "FLIPSNACK_API_SECRET": sandbox["api_secret"],
        "FLIPSNACK_API_URL": sandbox["api_url"],
        "FLIPSNACK_UPLOAD_URL": sandbox["upload_url"],
        "FLIPSNACK_CALLS_PER_SECOND": "1000",
        "FLIPSNACK_CALLS_PER_MINUTE": "1000",
        "FLIPSNACK_STATE": state or f"sqlite:{folder / 'state.sqlite'}",
        "FLIPSNACK_TOKENS": str(folder / "tokens.json"),
        "FLIPSNACK_PUBLIC_URL": PUBLIC,
        "FLIPSNACK_SPOOL_DIR": str(folder / f"spool {name}"),
        "FLIPSNACK_CALLER_CALLS_PER_SECOND": "1000",  # all tests call as one
        "FLIPSNACK_DRAIN_SECONDS": "0",
    }
    options = ("serve", "--http", f"127.0.0.1:{port}", "--log-level", "info")
    with run.kept(*options, **environment) as process:
        assert process.stderr
        wait_for(process.stderr, "running on")
        yield Process(f"http://127.0.0.1:{port}", folder / f"spool {name}", process)
        process.send_signal(signal.SIGTERM)
        logs.append(process.communicate(timeout=60)[1])
    log.write_text(logs[-1])


def reached(one: Process, address: str) -> str:
    """An address as the balancer hands it on."""
    assert address.startswith(f"{PUBLIC}/")
    return one.url + address.removeprefix(PUBLIC)


@pytest.mark.parametrize("revision", [MODERN, OLDER])
def test_a_document_is_asked_for_at_one_replica_sent_to_another_and_watched_at_both(
    place: Place, revision: str
) -> None:
    first, second = place.replicas
    document = CATALOGUE.read_bytes() + revision.encode()
    asked = first.by(place.token, revision).call("create_collection", title=f"Autumn {revision}")
    assert asked.data["state"] == "waiting", asked.text
    answer = httpx2.put(reached(second, asked.data["upload_address"]), content=document, headers=HOST, trust_env=False)
    assert answer.status_code == 202, answer.text
    for one in (first, second):
        said = one.by(place.token, revision).call("get_upload", upload_id=asked.data["upload_id"], wait_seconds=30)
        assert said.data["state"] == "complete", said.text
    assert (hashlib.sha256(document).hexdigest(), len(document)) in place.created()


def test_a_package_and_a_report_are_fetched_from_the_other_replica(place: Place) -> None:
    first, second = place.replicas
    assistant = first.by(place.token)
    wanted = assistant.call("list_collections", limit=1).data["collections"][0]["collection_hash"]
    package = assistant.call("download_collection_html", collection_hash=wanted, wait_seconds=45)
    came = httpx2.get(reached(second, package.data["file_address"]), headers=HOST, trust_env=False, timeout=60)
    assert hashlib.sha256(came.content).hexdigest() == package.data["sha256"]
    report = assistant.call("report_stats", everything=True, save_as="csv", wait_seconds=45)
    table = httpx2.get(reached(second, report.data["file_address"]), headers=HOST, trust_env=False)
    assert table.content.count(b"\r\n") > report.data["totals"]["collections"]


ORIGINS = {"null": 202, PUBLIC: 202, "https://evil.example.com": 403, "http://flips.example.test": 403}


@pytest.mark.parametrize("origin", ORIGINS)
def test_the_page_of_an_address_may_send_its_form_and_no_other_page_may(place: Place, origin: str) -> None:
    """A browser says `null` of a page that gives no referrer."""
    one = place.replicas[0]
    asked = one.by(place.token).call("create_collection", title=f"From {origin}")
    headers = {**HOST, "Origin": origin}
    form = {"file": ("a.pdf", CATALOGUE.read_bytes() + origin.encode())}
    answer = httpx2.post(reached(one, asked.data["upload_address"]), files=form, headers=headers, trust_env=False)
    assert answer.status_code == ORIGINS[origin]


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "DELETE"])
def test_another_method_does_nothing(place: Place, method: str) -> None:
    one = place.replicas[0]
    assistant = one.by(place.token)
    asked = assistant.call("create_collection")
    answer = httpx2.request(method, reached(one, asked.data["upload_address"]), headers=HOST, trust_env=False)
    assert answer.status_code == 405
    said = assistant.call("get_upload", upload_id=asked.data["upload_id"], wait_seconds=0)
    assert said.data["state"] == "waiting"
    assistant.call("stop_work", work_id=asked.data["upload_id"])


def test_a_foreign_host_is_refused_whatever_the_address(place: Place) -> None:
    one = place.replicas[0]
    asked = one.by(place.token).call("create_collection")
    headers = {"Host": "evil.example.com"}
    for method in ("GET", "PUT", "POST"):
        answer = httpx2.request(
            method, reached(one, asked.data["upload_address"]), headers=headers, content=b"%PDF-", trust_env=False
        )
        assert answer.status_code == 421


def test_what_a_killed_replica_had_is_sent_to_another_at_the_same_address(
    run: Run, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder, logs = tmp_path_factory.mktemp("killed"), list[str]()
    token, document = made_token(folder / "tokens.json", "Anna"), CATALOGUE.read_bytes()
    with ExitStack() as stack:
        sandbox = stack.enter_context(run.sandbox("--conversion-seconds", "0"))
        killed, other = (stack.enter_context(replica(run, folder, name, sandbox, logs)) for name in ("a", "b"))
        asked = killed.by(token).call("create_collection", title="Autumn")
        address = reached(killed, asked.data["upload_address"])
        with half_sent(address, document):
            killed.process.kill()
            killed.process.wait(60)
        assert [one for one in killed.folder.rglob("*") if one.is_file()], "a half document lies there"
        answer = httpx2.put(
            reached(other, asked.data["upload_address"]), content=document, headers=HOST, trust_env=False
        )
        assert answer.status_code == 202
        said = other.by(token).call("get_upload", upload_id=asked.data["upload_id"], wait_seconds=30)
        assert said.data["state"] == "complete", said.text
        assert len(Place([], sandbox, token, logs).created()) == 1
        with replica(run, folder, "a", sandbox, logs) as again:
            assert not [one for one in again.folder.rglob("*") if one.is_file()]


@contextmanager
def half_sent(address: str, document: bytes) -> Iterator[None]:
    """A document of which half has come."""
    port, path = re.fullmatch(r"http://127\.0\.0\.1:(\d+)(/.+)", address).groups()  # type: ignore[union-attr]
    with socket.create_connection(("127.0.0.1", int(port))) as line:
        head = f"PUT {path} HTTP/1.1\r\nHost: {HOST['Host']}\r\nContent-Length: {len(document)}\r\n"
        line.sendall(f"{head}Expect: 100-continue\r\n\r\n".encode())
        assert line.recv(1000).startswith(b"HTTP/1.1 100")  # it is read from here on
        line.sendall(document[: len(document) // 2])
        yield


def test_no_address_stands_in_a_log_or_the_state_file(run: Run, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder, logs = tmp_path_factory.mktemp("logged"), list[str]()
    token = made_token(folder / "tokens.json", "Anna")
    with run.sandbox("--conversion-seconds", "0") as sandbox, replica(run, folder, "a", sandbox, logs) as one:
        asked = one.by(token).call("create_collection", title="Autumn")
        address = asked.data["upload_address"]
        page = httpx2.get(reached(one, address), headers=HOST, trust_env=False)
        assert page.status_code == 200
        for _ in range(2):
            httpx2.put(reached(one, address), content=CATALOGUE.read_bytes(), headers=HOST, trust_env=False)
        said = one.by(token).call("get_upload", upload_id=asked.data["upload_id"], wait_seconds=30)
        assert said.data["state"] == "complete", said.text
    (log,) = logs
    secret = address.rpartition("/")[2]
    lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    assert len([line for line in lines if re.fullmatch(r"/?uploads", str(line.get("path", line.get("route"))))]) == 3
    assert secret not in log
    stored = b"".join(file.read_bytes() for file in folder.glob("state*"))
    assert secret.encode() not in stored
    assert secret not in json.dumps(lines)
