"""Jobs played as an assistant would play them: it waits as long as an answer says, and asks then."""

import json
from collections.abc import Sequence

import anyio

from tests.server.bench import Assistant, Given, Said, tokens
from tests.server.long_bench import named_call


async def played(assistant: Assistant, tool: str, arguments: Given) -> list[Said]:
    """All answers of a job."""
    said = [await assistant.call(tool, arguments)]
    while not said[-1].is_error and said[-1].data["state"] == "running":
        await anyio.sleep(said[-1].data["progress"].get("seconds_left", 30))
        said.append(await assistant.call(*named_call(said[-1])))
    assert not said[-1].is_error, said[-1].text
    return said


def cost(said: Sequence[Said]) -> tuple[int, int]:
    """Tokens of the text and of the data of all answers."""
    data = [json.dumps(one.data, ensure_ascii=False, separators=(",", ":")) for one in said]
    return sum(tokens(one.text) for one in said), sum(map(tokens, data))
