"""Progress on the wire: never in the last moment before its result, never after it, rising, and with a total where one is known.

A client drops what it is told of a request that it does not know any more, and some drop the connection with it.
"""

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import anyio
import pytest
from mcp.server.mcpserver import Context
from typing_extensions import override

from flipsnack_mcp.sandbox import Pace
from flipsnack_mcp.server.request import ToolRequest
from flipsnack_mcp.server.telling import HELD_BACK
from flipsnack_mcp.workflows.progress import Progress
from tests.server.bench import Bench
from tests.server.destructions import MODES, REVISION, TITLE
from tests.server.long_bench import LongBench
from tests.server.revisions import in_turn
from tests.server.wire import Outcome, Told, Wire, wired

pytestmark = pytest.mark.usefixtures("no_look_ahead")
APART = 0.2
"""Seconds before its result in which nothing is told."""


@dataclass(frozen=True)
class Case:
    """A call, how slow everything is, and what of it has a total."""

    tool: str
    arguments: dict[str, Any]
    totals: str = ""
    """What the messages of which the total is known begin with; empty where none is."""
    upload: float = 0.0
    package: float = 0.0
    slow: float = 0.0
    thinks: float = 2.0
    told: bool = True
    """Whether there is anything to tell at all."""


REPORT: dict[str, Any] = {"query": "Weekly", "top": 3}
PLAN: dict[str, Any] = {"query": "Weekly offers", "find": "Weekly", "replace": "Our weekly"}
PACKAGE: dict[str, Any] = {"collection_hash": "<collection>"}
UPLOAD: dict[str, Any] = {"file_path": "<document>", "title": "Told"}
LARGE: dict[str, Any] = {**UPLOAD, "file_path": "<large>"}
REPORTED, PLANNED, FETCHED, SENT = r"report: \d", r"update: \d", "download: ", "upload: "
CASES = {
    "a report": Case("report_stats", REPORT, REPORTED),
    "a report of all, for a while": Case("report_stats", {"wait_seconds": 5}, REPORTED),
    "a report of all": Case("report_stats", {"wait_seconds": 45}, REPORTED),
    "a report compared": Case("report_stats", {**REPORT, "compare": True, "wait_seconds": 45}, REPORTED),
    "a report over a slow line": Case("report_stats", REPORT, REPORTED, slow=0.7),
    "a report of one collection": Case("report_stats", {"collections": ["<collection>"]}, REPORTED),
    "an audit": Case("audit_account", {"wait_seconds": 45}, REPORTED),
    "a report that is saved": Case("report_stats", {**REPORT, "save_as": "csv"}, REPORTED),
    "a plan": Case("update_collections", PLAN, PLANNED),
    "a plan, for a while": Case("update_collections", {**PLAN, "wait_seconds": 6}, PLANNED),
    "a package": Case("download_collection_html", PACKAGE, FETCHED),
    "a package over a slow road": Case("download_collection_html", PACKAGE, FETCHED, package=1.5),
    "a package over a jerky road": Case("download_collection_html", PACKAGE, FETCHED, package=0.33),
    "a package that outlasts its call": Case("download_collection_html", {**PACKAGE, "wait_seconds": 7}, FETCHED, package=6),
    "a package that comes at once": Case("download_collection_html", {**PACKAGE, "wait_seconds": 45}, FETCHED),
    "the link of a package": Case("download_collection_html", {**PACKAGE, "save": False}),
    "a conversion": Case("get_collection", {"collection_hash": "<converting>"}),
    "a conversion, for a moment": Case("get_collection", {"collection_hash": "<converting>", "wait_seconds": 1}),
    "a conversion, until a poll": Case("get_collection", {"collection_hash": "<converting>", "wait_seconds": 5}),
    "what is converted": Case("get_collection", PACKAGE, told=False),
    "an upload": Case("create_collection", UPLOAD, SENT),
    "a large upload": Case("create_collection", LARGE, SENT, upload=0.8),
    "an upload that outlasts its call": Case("create_collection", {**LARGE, "wait_seconds": 3}, SENT, upload=2),
    "an upload nobody waits for": Case("create_collection", {**LARGE, "wait_seconds": 0}, SENT, upload=1, told=False),
    "an upload and its conversion": Case("create_collection", {**LARGE, "wait_seconds": 45}, SENT, upload=0.2),
    "a deletion": Case("delete_collection", PACKAGE, thinks=2),
    "a deletion that is answered at once": Case("delete_collection", PACKAGE, thinks=0.0),
    "a deletion that is answered in a moment": Case("delete_collection", PACKAGE, thinks=0.101),
    "a deletion that is answered with a sign of life": Case("delete_collection", PACKAGE, thinks=10.1),
    "a deletion that is answered before one": Case("delete_collection", PACKAGE, thinks=9.99),
    "a deletion that is answered right after one": Case("delete_collection", PACKAGE, thinks=20.13),
}  # fmt: skip
ASKING = {name: case for name, case in CASES.items() if case.tool == "delete_collection"}
"""A form is put in another way on each revision."""
ON_BOTH = [
    pytest.param(mode, case, id=f"{REVISION[mode]}-{name}")
    for nth, (name, case) in enumerate(CASES.items())
    for mode in (MODES if name in ASKING else MODES[nth % 2 :][:1])
]


@pytest.fixture
def pace() -> Pace:
    return Pace(calls_per_second=0, calls_per_minute=0, conversion_seconds=10, package_seconds=4)


@pytest.fixture
def bench(bench: Bench) -> LongBench:
    return LongBench(**vars(bench))


def filled(value: Any, bench: LongBench) -> Any:
    if isinstance(value, list):
        return [filled(one, bench) for one in value]
    return {
        "<collection>": bench.collection(TITLE).hash, "<document>": bench.document(), "<large>": bench.large(pieces=6),
        "<converting>": bench.sandbox.account.add(title="Converting", conversion="processing").hash,
    }.get(value, value) if isinstance(value, str) else value  # fmt: skip


async def lived(bench: LongBench, case: Case) -> tuple[Outcome, Wire]:
    """A call to its end, and half a minute after it."""
    bench.road.upload_seconds, bench.road.package_seconds = case.upload, case.package
    if case.slow:
        bench.fails("slow", seconds=case.slow, times=0)
    given = {name: filled(value, bench) for name, value in case.arguments.items()}
    async with connected(bench, case.thinks) as wire:
        if case.tool == "update_collections":
            planned = await wire.call(case.tool, given)
            given = {"plan_id": (planned.result or {})["structuredContent"]["plan_id"]}
            if "wait_seconds" in case.arguments:
                given["wait_seconds"] = case.arguments["wait_seconds"]
        said = await wire.call(case.tool, given)
        await anyio.sleep(30)
    return said, wire


def connected(bench: LongBench, thinks: float) -> Any:
    server = bench.server(bench.memory())
    return wired(server, bench.mode, lambda _: {"result": {"action": "cancel"}}, thinks)


def assert_told_in_time(wire: Wire) -> None:
    """Nothing in the last moment before a result, nothing after it."""
    for token, ended in wire.ended.items():
        times = [one.at for one in wire.told if one.token == token]
        late = [f"{ended - at:.4f} s before the result" for at in times if ended - at < APART - 1e-9]
        assert not late, [one for one in wire.told if one.token == token]


def assert_rising(told: list[Told]) -> None:
    """Each number above the last, none above its total, and nothing said twice in a row."""
    assert all(one.progress < other.progress for one, other in pairwise(told)), told
    assert all(one.total is None or 0 <= one.progress <= one.total for one in told), told
    assert [
        one for one, other in pairwise(told) if one.message == other.message != "waiting for the person's answer"
    ] == []


def assert_totals(case: Case, told: list[Told]) -> None:
    """Where a total is known it is told, and the number says as much as the words."""
    known = [one for one in told if case.totals and re.match(case.totals, one.message)]
    assert [one for one in known if one.total is None] == []
    assert [one for one in told if one not in known and one.total and "next call" not in one.message] == []
    for one in known:
        if counted := re.search(r"(\d+) of (\d+) collections", one.message):
            done, total = map(int, counted.groups())
            assert one.total == total
            assert done <= one.progress < done + 1, one
        elif percent := re.search(r"(\d+) %", one.message):
            assert int(percent[1]) <= 100 * one.progress / (one.total or 1) < int(percent[1]) + 2, one


def assert_one_end(told: list[Told]) -> None:
    """No end is told before it, or twice."""
    ends = [one.message for one in told if re.search(r"\b100 %|\b(\d+) of \1 collections", one.message)]
    assert len(ends) <= 1, ends
    ended = False
    for one in told:
        ended = ended or one.message in ends
        assert not (ended and re.match("report: |update: ", one.message) and one.message not in ends), told


@pytest.mark.parametrize(("mode", "case"), ON_BOTH)
async def test_a_call_is_told_of_in_time_with_its_total_and_one_end(bench: LongBench, case: Case) -> None:
    said, wire = await lived(bench, case)
    assert said.error is None
    assert_told_in_time(wire)
    for token in wire.ended:
        assert_rising([one for one in wire.told if one.token == token])
    assert_totals(case, wire.told)
    assert_one_end(wire.told)
    modern_form = bench.mode == "auto" and case.tool == "delete_collection"
    assert bool(wire.told) is (case.told and not modern_form)


CANCELLED = ("get_collection", "download_collection_html", "report_stats", "create_collection")
MOMENTS = (0.0, 0.05, 0.1, 0.15, 1.0, 2.05, 2.1, 5.1, 9.9)


@in_turn("tool, seconds", {f"{tool}-{seconds}": (tool, seconds) for tool in CANCELLED for seconds in MOMENTS})
async def test_nothing_is_told_of_a_call_that_was_cancelled(bench: LongBench, tool: str, seconds: float) -> None:
    of = {
        "get_collection": {"collection_hash": "<converting>"}, "download_collection_html": PACKAGE,
        "report_stats": {"query": "Weekly", "compare": True}, "create_collection": LARGE,
    }  # fmt: skip
    bench.road.upload_seconds, bench.road.package_seconds = 0.5, 0.5
    given = {name: filled(value, bench) for name, value in of[tool].items()}
    async with connected(bench, 2) as wire:
        number = await wire.ask("tools/call", {"name": tool, "arguments": given})
        await anyio.sleep(seconds)
        await wire.say({"method": "notifications/cancelled", "params": {"requestId": number}})
        cancelled = anyio.current_time()
        await anyio.sleep(30)
        assert [one for one in wire.told if one.at > cancelled] == []
        assert_told_in_time(wire)
        assert not (await wire.call("list_collections", {})).error


async def test_calls_side_by_side_are_told_apart(bench: LongBench) -> None:
    bench.road.package_seconds = 0.4
    hashes = [one.hash for one in bench.sandbox.account.collections.values()][:4]
    async with connected(bench, 2) as wire:
        async with anyio.create_task_group() as group:
            for one in hashes:
                group.start_soon(wire.call, "download_collection_html", {"collection_hash": one})
                group.start_soon(wire.call, "get_collection", {"collection_hash": filled("<converting>", bench)})
        await anyio.sleep(60)
        assert len({one.token for one in wire.told}) == 2 * len(hashes)
        assert_told_in_time(wire)
        for token in wire.ended:
            assert_rising([one for one in wire.told if one.token == token])


# --- the one place where progress leaves
@dataclass
class Session:
    """What the SDK gives a call to tell something with; telling may take its time."""

    takes: float = 0.0
    client_capabilities: None = None

    def __post_init__(self) -> None:
        self.told: list[tuple[float, float, float | None, str]] = []
        self.ended = False

    async def report_progress(self, number: float, total: float | None, message: str) -> None:
        assert not self.ended, f"{message} after the result"
        await anyio.sleep(self.takes)
        assert not self.ended, f"{message} beside the result"
        self.told.append((anyio.current_time(), number, total, message))


class Brought:
    """As much of the SDK's context as a call needs."""

    def __init__(self, session: Session) -> None:
        self.request_context = self
        self.session, self.request_id, self.protocol_version = session, 1, "2025-11-25"
        self.input_responses, self.request_state = None, None


def request_on(session: Session) -> ToolRequest:
    brought: Any = Brought(session)
    context: Context[Any, Any] = brought
    return ToolRequest(context, lambda text: text.replace("secret", "***"))


TELLINGS: dict[str, tuple[list[float], float]] = {
    "nothing": ([], 1.0),
    "at the end": ([1.0], 1.0),
    "just before the end": ([0.95], 1.0),
    "a while before the end": ([0.6], 1.0),
    "well before the end": ([0.1], 1.0),
    "held for a while": ([0.0], 5.0),
    "several, the last one late": ([0.1, 0.4, 0.97], 1.0),
    "all at once at the end": ([1.0, 1.0, 1.0], 1.0),
    "all at once long before": ([0.0, 0.0, 0.0], 1.0),
    "one that would leave as it ends": ([0.5], 0.9999),
    "one that left as it ended": ([0.49], 1.0),
    "one that left half a moment before": ([0.4], 1.0),
    "one that left a moment before": ([0.3], 1.0),
    "a short call": ([0.0, 0.01, 0.02, 0.03], 0.05),
    "a call of nearly as long": ([0.0, 0.2, 0.4], 0.499),
    "a stream": ([number / 20 for number in range(40)], 1.98),
}


@pytest.mark.parametrize("takes", [0.0, 0.04, 0.3], ids=["at once", "slowly", "very slowly"])
@pytest.mark.parametrize(("times", "ends"), TELLINGS.values(), ids=list(TELLINGS))
async def test_what_is_told_waits_a_while_and_leaves_none_behind(times: list[float], ends: float, takes: float) -> None:
    session = Session(takes)
    request = request_on(session)
    start = anyio.current_time()

    async def work() -> str:
        async with anyio.create_task_group() as group:
            for number, at in enumerate(times):
                group.start_soon(tell_at, request, start + at, f"message {number}")
            await anyio.sleep(ends)
        return "done"

    assert await request.carried_out(work) == "done"
    session.ended, ended = True, anyio.current_time()
    await request.tell(Progress(message="after the end"))
    await anyio.sleep(10)
    assert all(ended - at >= APART - 1e-9 for at, *_ in session.told)
    assert [number for _, number, *_ in session.told] == sorted({number for _, number, *_ in session.told})
    if not takes:
        leave = [at + HELD_BACK for at in times if at + HELD_BACK < ends]
        assert [at - start for at, *_ in session.told] == pytest.approx(leave)
        assert ended - start == pytest.approx(max(ends, *(at + APART for at in leave)) if leave else ends)


async def tell_at(request: ToolRequest, when: float, message: str) -> None:
    await anyio.sleep(max(0.0, when - anyio.current_time()))
    await request.tell(Progress(message=message))


NUMBERS: dict[str, list[tuple[Progress, tuple[float, float | None]]]] = {
    "without a total": [(Progress(message="a"), (0.01, None)), (Progress(message="b"), (0.02, None))],
    "with one": [(Progress(1, 6), (1, 6)), (Progress(2, 6), (2, 6))],
    "from nothing": [(Progress(0, 6), (0.01, 6)), (Progress(1, 6), (1, 6))],
    "the same again": [(Progress(3, 6), (3, 6)), (Progress(3, 6, "waits"), (3.01, 6)), (Progress(4, 6), (4, 6))],
    "beyond its end": [(Progress(6, 6), (6, 6)), (Progress(6, 6, "waits"), (6.01, None))],
    "begun anew": [(Progress(500, 1000), (500, 1000)), (Progress(0, 1000), (500.01, 1000))],
    "polls before bytes": [(Progress(message="poll"), (0.01, None)), (Progress(4096, 10000), (4096, 10000))],
    "bytes before polls": [(Progress(100, 100), (100, 100)), (Progress(message="poll"), (100.01, None))],
    "a smaller total after it": [(Progress(100, 100), (100, 100)), (Progress(1, 6), (100.01, None))],
    "an empty file": [(Progress(0, 0), (0.01, None))],
    "more than announced": [(Progress(120, 100), (120, None))],
}


@pytest.mark.parametrize("told", NUMBERS.values(), ids=list(NUMBERS))
async def test_numbers_rise_and_never_pass_their_total(told: list[tuple[Progress, tuple[float, float | None]]]) -> None:
    session = Session()
    request = request_on(session)

    async def work() -> None:
        for progress, _ in told:
            await request.tell(progress)
        await anyio.sleep(1)

    await request.carried_out(work)
    assert [(number, total) for _, number, total, _ in session.told] == [expected for _, expected in told]


async def test_an_error_of_the_work_comes_out_as_it_is_and_after_all_progress() -> None:
    session = Session(takes=0.3)
    request = request_on(session)

    async def work() -> None:
        await request.tell(Progress(message="secret news"))
        await anyio.sleep(0.55)
        raise LookupError("as it is")

    with pytest.raises(LookupError, match="as it is"):
        await request.carried_out(work)
    session.ended = True
    assert [message for *_, message in session.told] == ["*** news"]


async def test_a_session_that_cannot_be_told_costs_the_call_nothing() -> None:
    class Deaf(Session):
        @override
        async def report_progress(self, number: float, total: float | None, message: str) -> None:
            raise anyio.ClosedResourceError

    request = request_on(Deaf())

    async def work() -> str:
        for _ in range(3):
            await request.tell(Progress(message="nobody hears it"))
            await anyio.sleep(1)
        return "done"

    assert await request.carried_out(work) == "done"
