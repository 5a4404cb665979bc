"""`flipsnack-mcp doctor --http URL`: judges a server that runs, from outside, as its clients meet it. Changes nothing."""

import getpass
import logging
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import anyio

from flipsnack_mcp.commands import fail, say
from flipsnack_mcp.commands.doctor.doors import asked_for_token, meant_for_others, one_time_addresses
from flipsnack_mcp.commands.doctor.finding import Finding
from flipsnack_mcp.commands.doctor.reaching import LOOK_WHETHER, reached, well
from flipsnack_mcp.commands.doctor.shown import json_of, report_of
from flipsnack_mcp.commands.doctor.talking import talked, told_too_much
from flipsnack_mcp.commands.doctor.visit import UNREACHED, Endpoint, Visit, visiting

ONE_WORD = re.compile(r"[!-~]+")
"""All that can stand in the header: a file without it is left where a token was not made, or has a message beside it."""
CHECKS = (well, asked_for_token, meant_for_others, one_time_addresses, talked)


def doctor_of_server(place: Endpoint, token_file: str, *, as_json: bool) -> int:
    """Look at everything and print it; 0 where all is well."""
    try:
        token = token_from(token_file)
    except (OSError, ValueError) as error:
        return fail(
            f"The token could not be read ({type(error).__name__}); nothing was asked. Name a file that holds it."
        )
    if token_file and not ONE_WORD.fullmatch(token):
        return fail(
            "What was given as a token is none: it is one word. Nothing was asked. Name a file that holds it alone."
        )
    # What is found says it all. The SDK's client repeats what it cannot read, with a token in it that something sends back.
    logging.getLogger("mcp").addHandler(logging.NullHandler())
    findings = anyio.run(examined_server, place, token)
    say((json_of if as_json else report_of)("url", place.url, findings))
    return 0 if all(one.ok for one in findings) else 1


def token_from(file: str) -> str:
    """The token in a file, or typed; never one of the options, which every user of a machine can see."""
    if file == "-":
        return getpass.getpass("Token: ") if sys.stdin.isatty() else sys.stdin.readline().strip()
    return Path(file).expanduser().read_text(encoding="utf-8").strip() if file else ""


async def examined_server(place: Endpoint, token: str) -> list[Finding]:
    """Look at everything, until it cannot be reached."""
    async with visiting(place, token) as visit:
        return [one async for one in visited(visit)]


async def visited(visit: Visit) -> AsyncIterator[Finding]:
    """Look at one thing after the other."""
    async for one in reached(visit):
        yield one
        if one.ends:
            return
    for look in CHECKS:
        try:
            async for one in look(visit):
                yield one
                if one.ends:
                    return
        except UNREACHED as error:
            said = f"none, or it broke ({type(error).__name__}), so the rest was not looked at. {LOOK_WHETHER}"
            yield Finding("connection", ok=False, said=said)
            return
    for one in told_too_much(visit):
        yield one
