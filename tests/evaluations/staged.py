"""A job in memory: the same account, person and judgement as the runner's, without a process or a second of waiting."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import anyio
from mcp import Client
from mcp.types import ElicitResult

from evaluations import between
from evaluations.filling import learned
from evaluations.job import Call, Job
from evaluations.playing import Answer, Player, asking
from evaluations.record import Called, Run
from evaluations.scene import Scene, scene_of
from flipsnack_mcp.api.budget import BudgetRules
from flipsnack_mcp.api.client import Access, Flipsnack
from flipsnack_mcp.api.pace import BudgetInMemory, Pacer
from flipsnack_mcp.server.server import FlipsnackServer, build_server
from flipsnack_mcp.settings import Settings, read_settings
from tests.api.asking import Line
from tests.server.bench import KEY, SECRET, LoopClock

WITHOUT_LIMITS = BudgetRules(limits=((10_000, 1.0), (100_000, 60.0)))


def server_of(scene: Scene) -> FlipsnackServer:
    def connect(settings: Settings) -> Flipsnack:
        access = Access(settings.api_key, settings.api_secret)
        return Flipsnack(access, Pacer(BudgetInMemory(), WITHOUT_LIMITS), lambda: Line(scene.sandbox.app))

    told = {
        "API_KEY": KEY, "API_SECRET": SECRET, "STATE": "memory:", "UPLOAD_DIRS": str(scene.uploads),
        "DOWNLOAD_DIR": str(scene.downloads), **scene.job.settings,
    }  # fmt: skip
    return build_server(
        read_settings({f"FLIPSNACK_{name}": value for name, value in told.items()}), connect, scene.clock
    )


async def staged(job: Job, folder: Path, calls: Sequence[Call], says: str = "") -> tuple[Job, Run]:
    """The job as it was on this day, and what came of these calls."""
    scene, forms, made = scene_of(job, folder, LoopClock(), KEY, SECRET, 0), list[str](), list[Called]()

    async def person(context: Any, params: Any) -> ElicitResult:  # noqa: ARG001 - the SDK's names
        forms.append(params.message)
        await anyio.sleep(between.READING)
        return ElicitResult(**between.answered(job.person, params.message))

    asks = None if job.person == between.NO_FORMS else person
    async with Client(server_of(scene), elicitation_callback=asks, read_timeout_seconds=300) as client:
        ask = asking(client)

        async def noted(tool: str, arguments: dict[str, Any]) -> Answer:
            answer = await ask(tool, arguments)
            made.append(Called(tool, arguments, answer.text, answer.is_error))
            return answer

        earlier = Player(ask, scene.known, scene.clock)
        await earlier.play(job.before)
        fitted = job.fitted(earlier.known)
        scene.break_things()
        start, asked = scene.moment(), len(scene.sandbox.requests)
        said = await Player(noted, learned(job.asked, fitted.asked).__getitem__, scene.clock).play(calls)
    end, requests = scene.moment(), scene.arrived(asked)
    return fitted, Run(start, end, requests, scene.saved(), made, len(forms), said + says, scene.uploads)
