"""Starts an unpacked bundle as its host would, once for each way of filling in its form: `drive.py CASES`, a file of JSON lines.

Every one has to list its tools and to answer a call in words: with flipbooks, or with what has to be filled in.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import anyio
from mcp import Client
from mcp.client.stdio import StdioServerParameters, stdio_client

NOT_SET = "FLIPSNACK_API_KEY"


async def look(case: dict[str, Any]) -> str:
    config = case["config"]
    # With HOME and PATH alone, as a desktop program starts it.
    begun = StdioServerParameters(command=config["command"], args=config["args"], env=config["env"])
    with anyio.fail_after(120):
        async with Client(stdio_client(begun)) as client:
            tools = (await client.list_tools()).tools
            answer = await client.call_tool("list_collections", {"limit": 1})
            documents = await client.call_tool("list_documents", {})
    return judged(case, len(tools), said(answer), said(documents))


def said(answer: Any) -> str:
    return "".join(getattr(one, "text", "") for one in answer.content)


def judged(case: dict[str, Any], tools: int, answer: str, documents: str) -> str:
    """What is wrong, or nothing."""
    filled = set(case["filled"])
    in_words = "rows" in answer or "collection_hash" in answer if "sandbox" in filled else NOT_SET in answer
    fewer = "read_only" in filled
    folders = "catalogue.pdf" in documents if filled >= {"sandbox", "upload_dirs"} else "catalogue.pdf" not in documents
    wrong = {
        f"answered with {answer[:200]!r}": not in_words or "${user_config" in answer,
        f"{tools} tools": not (tools >= 8 if fewer else tools >= 15),
        f"said of the folders {documents[:200]!r}": not folders,
        "showed a secret": "SECRETFORBUNDLE" in answer + documents,
    }
    return "; ".join(said for said, so in wrong.items() if so)


async def main(lines: list[str]) -> int:
    failed = 0
    for case in map(json.loads, lines):
        wrong = await look(case)
        failed += bool(wrong)
        print(f"{'FAILED' if wrong else 'ok'}: {case['name']}{': ' + wrong if wrong else ''}")
    return failed


if __name__ == "__main__":
    sys.exit(1 if anyio.run(main, Path(sys.argv[1]).read_text(encoding="utf-8").splitlines()) else 0)
