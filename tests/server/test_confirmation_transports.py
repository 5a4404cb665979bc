"""Confirmation over the real transports, on both revisions: the sandbox counts exactly what was confirmed."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio.abc import TaskStatus
from mcp import Client, StdioServerParameters
from mcp.client import ClientRequestContext
from mcp.types import ElicitRequestParams, ElicitResult

from flipsnack_mcp.sandbox.serving import serve
from tests.commands.processes import PROGRAM
from tests.server.bench import CODE, Answer, Bench, Given, declines, types, types_what_is_asked
from tests.server.destructions import DESTROYING, MODES, REVISION, TOOLS, UNCHANGED, server_of
from tests.team.over_http import HOST, served

ROOT = Path(__file__).parents[2]
UNSEEN = "probably never shown"
UNHURRIED: Given = {"calls_per_second": 50, "calls_per_minute": 600}
"""The seconds here are real."""
LONG_ENOUGH_TO_READ = 0.6
on_a_plain_loop = pytest.mark.parametrize("anyio_backend", ["asyncio"])
on_both_revisions = pytest.mark.parametrize("mode", MODES, ids=REVISION.values())
Connect = Callable[..., Client]
"""Makes a client of the server, with or without somebody who answers forms."""


@dataclass(frozen=True)
class Form:
    """What becomes of a question."""

    name: str
    answer: Answer
    said: str = ""
    """A part of the refusal; empty where it is a yes."""


def types_more(message: str) -> ElicitResult:
    return ElicitResult(action="accept", content={**(types_what_is_asked(message).content or {}), "all": "yes"})


FORMS = (
    Form("right title", types_what_is_asked),
    Form("wrong title", types("No title of any collection"), "something else typed"),
    Form("no content", lambda _: ElicitResult(action="accept"), UNSEEN),
    Form("a field more", types_more, UNSEEN),
    Form("no", declines, "The person said no"),
)


def text_of(result: Any) -> str:
    return "".join(one.text for one in result.content)


async def deleted_by_code(client: Client, wanted: dict[str, Any]) -> None:
    """Be refused, then use the code twice."""
    refused = await client.call_tool("delete_collection", wanted)
    found = CODE.search(text_of(refused))
    assert refused.is_error
    assert found, text_of(refused)
    used = [await client.call_tool("delete_collection", {**wanted, "confirmation": found[1]}) for _ in range(2)]
    assert [one.is_error for one in used] == [False, True], [text_of(one) for one in used]


async def deleted_by_form(client: Client, wanted: dict[str, Any], form: Form) -> None:
    said = await client.call_tool("delete_collection", wanted)
    assert said.is_error is bool(form.said), (form.name, text_of(said))
    assert form.said in text_of(said)
    assert not said.is_error or text_of(said).endswith(UNCHANGED), (form.name, text_of(said))


async def confirmed_by_code(bench: Bench, connect: Connect) -> list[str]:
    """Go through a code; what was to be carried out."""
    *_, last = bench.sandbox.account.collections.values()
    async with connect() as client:
        await deleted_by_code(client, {"collection_hash": last.hash})
    return [f"{TOOLS[0].action} {last.hash}"]


async def confirmed_by_form(bench: Bench, connect: Connect) -> list[str]:
    """Go through every form, each for a collection of its own; what was to be carried out."""
    asked = [*bench.sandbox.account.collections.values()][: len(FORMS)]
    forms = {one.title: form for one, form in zip(asked, FORMS, strict=True)}
    assert len(forms) == len(FORMS)

    async def answer(
        context: ClientRequestContext,  # noqa: ARG001 - the SDK's name
        params: ElicitRequestParams,
    ) -> ElicitResult:
        form = next(form for title, form in forms.items() if params.message.endswith(f'"{title}".'))
        await anyio.sleep(LONG_ENOUGH_TO_READ)
        answered = form.answer(params.message)
        assert isinstance(answered, ElicitResult)
        return answered

    async with connect(elicitation_callback=answer) as client, anyio.create_task_group() as group:
        for one in asked:
            group.start_soon(deleted_by_form, client, {"collection_hash": one.hash}, forms[one.title])
    return [f"{TOOLS[0].action} {one.hash}" for one in asked if not forms[one.title].said]


def destroyed(bench: Bench) -> list[str]:
    """What arrived and was carried out, with its target."""
    done = [one for one in bench.sandbox.requests if one.action in DESTROYING and one.executed]
    return [f"{one.action} {one.params['collectionHash']}" for one in done]


@on_a_plain_loop
@on_both_revisions
async def test_over_streamable_http_exactly_what_was_confirmed_is_deleted(bench: Bench) -> None:
    with anyio.fail_after(60):
        async with served(server_of(bench, **UNHURRIED).streamable_http_app()) as port:
            address = f"http://{HOST}:{port}/mcp"

            def connect(**more: Any) -> Client:
                return Client(address, mode=bench.mode, **more)

            gone = [*await confirmed_by_code(bench, connect), *await confirmed_by_form(bench, connect)]
    assert destroyed(bench) == gone


@on_a_plain_loop
@on_both_revisions
async def test_over_stdio_exactly_what_was_confirmed_is_deleted(bench: Bench) -> None:
    """By a form: a code is a refusal and an argument like any other."""

    async def imitate(task_status: TaskStatus[dict[str, str]]) -> None:
        await serve(bench.sandbox, HOST, 0, task_status.started)

    with anyio.fail_after(90):
        async with anyio.create_task_group() as beside:
            where = await beside.start(imitate)
            set_so = {**where, **UNHURRIED, "state": f"sqlite:{bench.folder / 'state.sqlite'}"}
            environment = {f"FLIPSNACK_{name.upper()}": str(value) for name, value in set_so.items()}
            environment |= {"PATH": "", "PYTHONPATH": str(ROOT), "HOME": str(bench.folder)}
            server = StdioServerParameters(command=PROGRAM[0], args=list(PROGRAM[1:]), env=environment)
            gone = await confirmed_by_form(bench, lambda **more: Client(server, mode=bench.mode, **more))
            beside.cancel_scope.cancel()
    assert destroyed(bench) == gone
