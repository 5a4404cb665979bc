"""/health and /ready: what balancers are told, and that nobody makes them work or learns anything from them."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from starlette.routing import Router
from typing_extensions import override

from flipsnack_mcp.server.by_address.own_files import NO_KEY, NO_SPOOL
from flipsnack_mcp.settings import Settings
from flipsnack_mcp.store.opening import open_store
from flipsnack_mcp.store.records import Records, StoreUnusable, T
from flipsnack_mcp.store.sqlite import MemoryStore
from flipsnack_mcp.team import readiness
from flipsnack_mcp.team.ending import Ending
from flipsnack_mcp.team.readiness import Check, Readiness, accounts_can_be_asked, store_answers
from tests.listening import NO_TLS
from tests.redis_server import running_redis
from tests.team.over_http import HOST, ending_by_itself, served, whole_application


class Broken(MemoryStore):
    """A store that can be asked, and counts how often it is."""

    def __init__(self, how: str = "", cause: str = "") -> None:
        super().__init__()
        self.how, self.cause, self.asked = how, cause, 0

    @override
    async def transact(self, work: Callable[[Records], T]) -> T:
        self.asked += 1
        if self.how == "hangs":
            await anyio.sleep_forever()
        if self.how:
            raise StoreUnusable(f"redis://user:hunter2@10.0.0.9 {self.how}", "Set it right.", self.cause)
        return await super().transact(work)


async def told(
    *faults: Check, path: str = "/ready", remarks: tuple[Check, ...] = (), ends: bool = False
) -> tuple[int, Any]:
    router = Router([*Readiness(faults, remarks, ends=lambda: ends).routes])
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=router), base_url="http://x") as http:
        answer = await http.get(path)
    assert answer.headers["cache-control"] == "no-store"
    return answer.status_code, answer.json()


async def says() -> list[str]:
    return ["Something is not as it should be."]


async def breaks() -> list[str]:
    raise OSError("no such host: redis://user:hunter2@10.0.0.9")


async def full() -> list[str]:
    raise StoreUnusable("Redis at 10.0.0.9 is full.", "Make room.", "Redis is full")


async def test_a_server_is_ready_where_nothing_stands_against_it() -> None:
    status, body = await told(store_answers(MemoryStore()), accounts_can_be_asked(Settings(sandbox=True)))
    assert (status, body["status"], sorted(body)) == (200, "ready", ["replica", "status"])


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (says, "Something is not as it should be."),
        (breaks, "A check could not be made (OSError)."),
        (full, "A check could not be made: Redis is full."),
        (store_answers(Broken("is away")), "The store does not answer (StoreUnusable)."),
        (store_answers(Broken("is away", "Redis cannot be reached")), "The store does not answer: Redis cannot be reached."),
        (store_answers(Broken("hangs")), "The store does not answer (TimeoutError)."),
        (accounts_can_be_asked(Settings()), "No account can be asked: keys are missing, or settings are wrong. The log says which."),
    ],
)  # fmt: skip
async def test_a_fault_keeps_a_server_from_work_and_is_told_without_a_secret(
    fault: Check, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readiness, "PATIENCE_WITH_A_CHECK", 1.05)
    status, body = await told(fault)
    assert (status, body["status"], body["because"]) == (503, "not ready", [words])
    assert (await told(fault, path="/health"))[0] == 200


async def test_a_check_that_hangs_is_said_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "PATIENCE_WITH_A_CHECK", 0.02)

    async def hangs() -> list[str]:
        await anyio.sleep_forever()
        return []

    assert (await told(hangs))[1]["because"] == ["A check could not be made (TimeoutError)."]


async def test_a_remark_is_told_and_lets_a_server_work() -> None:
    status, body = await told(remarks=(says,))
    assert (status, body["status"], body["remarks"]) == (200, "ready", ["Something is not as it should be."])


async def test_one_of_two_accounts_is_enough() -> None:
    both = Settings(accounts=(Settings(), Settings(sandbox=True)))
    assert (await told(accounts_can_be_asked(both)))[0] == 200


async def test_a_server_that_ends_says_so_whatever_its_store_does() -> None:
    status, body = await told(store_answers(Broken("hangs")), ends=True)
    assert (status, body["because"]) == (503, ["This server is ending."])


async def test_a_hundred_who_ask_at_once_make_one_look() -> None:
    store = Broken()
    router = Router([*Readiness([store_answers(store)], ends=lambda: False).routes])
    transport = httpx2.ASGITransport(app=router)
    async with httpx2.AsyncClient(transport=transport, base_url="http://x") as http, anyio.create_task_group() as group:
        for _ in range(100):
            group.start_soon(http.get, "/ready")
    assert store.asked == 1


async def test_a_replica_is_told_from_another_and_stays_the_same() -> None:
    one, other = Readiness([], ends=lambda: False), Readiness([], ends=lambda: False, replica="another")
    names = list[str]()
    for each in (one, one, other):
        async with httpx2.AsyncClient(
            transport=httpx2.ASGITransport(app=Router([*each.routes])), base_url="http://x"
        ) as http:
            names += [(await http.get(path)).json()["replica"] for path in ("/health", "/ready")]
    assert len(set(names[:4])) == 1
    assert names[4] == names[5] != names[0]


async def test_the_application_tells_both_without_asking_who_it_is_and_names_nobody() -> None:
    accounts = (replace(Settings(sandbox=True), name="secret-customer"),)
    app = whole_application(replace(Settings(), accounts=accounts), team=True, public_url="https://tools.example.com/")
    async with served(app) as port, httpx2.AsyncClient(verify=NO_TLS) as http:
        answers = [await http.get(f"http://{HOST}:{port}{path}") for path in ("/health", "/ready")]
        refused = await http.post(f"http://{HOST}:{port}/ready")
    assert [one.status_code for one in answers] == [200, 200]
    assert not [one for one in answers if "secret-customer" in one.text]
    assert refused.status_code == 405


async def test_it_is_not_ready_from_the_moment_it_is_told_to_end() -> None:
    ending = Ending(notice=60.0)
    async with (
        ending_by_itself(whole_application(ending=ending), ending) as port,
        httpx2.AsyncClient(verify=NO_TLS) as http,
    ):
        before = (await http.get(f"http://{HOST}:{port}/ready")).status_code
        ending.begin()
        after, alive = [(await http.get(f"http://{HOST}:{port}{path}")).status_code for path in ("/ready", "/health")]
    assert (before, after, alive) == (200, 503, 200)


async def test_a_server_on_redis_is_ready_while_that_answers_and_says_what_it_does_not_keep(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readiness, "SEEN_FOR", 0.0)  # it looks anew each time
    with running_redis(tmp_path, "--appendonly", "no") as redis:
        settings = Settings(sandbox=True, state=redis.url)
        told = list[tuple[int, str]]()
        async with (
            served(whole_application(settings, store=open_store(redis.url))) as port,
            httpx2.AsyncClient(verify=NO_TLS) as http,
        ):

            async def ask() -> None:
                answer = await http.get(f"http://{HOST}:{port}/ready", timeout=30)
                told.append((answer.status_code, answer.text))

            await ask()
            for change in (redis.stop, redis.start):
                change()
                await ask()
    assert [status for status, _ in told] == [200, 503, 200]
    assert "appendonly is no" in told[0][1]
    assert "The store does not answer" in told[1][1]
    assert not [text for _, text in told if redis.url in text]


@pytest.mark.parametrize(
    ("wrong", "right", "why"),
    [
        (("CONFIG", "SET", "maxmemory", "1"), ("CONFIG", "SET", "maxmemory", "0"), "Redis is full (maxmemory)"),
        (("REPLICAOF", "127.0.0.1", "1"), ("REPLICAOF", "NO", "ONE"), "Redis is a replica"),
        (
            ("CONFIG", "SET", "min-replicas-to-write", "3"),
            ("CONFIG", "SET", "min-replicas-to-write", "0"),
            "NOREPLICAS",
        ),
    ],
    ids=["full", "replica", "too few replicas"],
)
async def test_a_server_whose_redis_answers_and_takes_no_changes_is_not_ready_and_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: tuple[str, ...], right: tuple[str, ...], why: str
) -> None:
    monkeypatch.setattr(readiness, "SEEN_FOR", 0.0)
    with running_redis(tmp_path) as redis:
        told = list[httpx2.Response]()
        settings = Settings(sandbox=True, state=redis.url)
        async with (
            served(whole_application(settings, store=open_store(redis.url))) as port,
            httpx2.AsyncClient(verify=NO_TLS) as http,
        ):
            for change in (("PING",), wrong, right):
                redis.cli(*change)
                told.append(await http.get(f"http://{HOST}:{port}/ready", timeout=30))
    assert [one.status_code for one in told] == [200, 503, 200]
    (because,) = told[1].json()["because"]
    assert because.startswith("The store takes no changes: ")
    assert why in because
    assert str(redis.socket_path) not in told[1].text


async def test_files_that_cannot_be_used_are_told_of_and_let_a_server_work(tmp_path: Path) -> None:
    (tmp_path / "a file").touch()
    wrong: dict[str, Any] = {
        "team": True,
        "spool_dir": tmp_path / "a file" / "spool",
        "state_key_file": tmp_path / "none.key",
    }
    async with served(whole_application(**wrong)) as number, httpx2.AsyncClient(verify=NO_TLS) as http:
        answer = await http.get(f"http://{HOST}:{number}/ready")
    assert (answer.status_code, answer.json()["remarks"]) == (200, [NO_SPOOL, NO_KEY])
    assert str(tmp_path) not in answer.text


async def test_before_the_first_token_it_is_ready_and_says_that_nobody_has_one(tmp_path: Path) -> None:
    named: dict[str, Any] = {"team": True, "tokens": tmp_path / "none.json", "spool_dir": tmp_path / "spool"}
    async with served(whole_application(**named)) as number, httpx2.AsyncClient(verify=NO_TLS) as http:
        ready = await http.get(f"http://{HOST}:{number}/ready")
        refused = await http.post(f"http://{HOST}:{number}/mcp", headers={"Authorization": "Bearer fsm_none"})
    assert (ready.status_code, ready.json()["remarks"]) == (200, ["Nobody has a token of the file yet."])
    assert (refused.status_code, "www-authenticate" in refused.headers) == (401, True)


async def test_of_files_that_can_be_used_nothing_is_said(tmp_path: Path) -> None:
    async with (
        served(whole_application(team=True, spool_dir=tmp_path / "spool")) as number,
        httpx2.AsyncClient(verify=NO_TLS) as http,
    ):
        assert "remarks" not in (await http.get(f"http://{HOST}:{number}/ready")).json()
