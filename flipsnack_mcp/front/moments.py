"""The first moments on stdio: hand-shake and lists are answered at once, and the SDK is imported when something needs it.

There is one reader at any time, and one writer (`piping`). What is not answered here is handed over in order, with the
hand-shake before it, and from then on nothing is read or written here any more.
"""

import json
import os
import sys
from contextlib import suppress
from typing import NamedTuple

from flipsnack_mcp.front.answers import Answers, answers_for
from flipsnack_mcp.front.asking import Enquiry, enquiry_in, is_initialized, message_in
from flipsnack_mcp.front.leaving import end_process
from flipsnack_mcp.front.piping import ClientPipes
from flipsnack_mcp.server.arriving.inlet import AT_ONCE, INCOMPLETE, Heard
from flipsnack_mcp.settings import Settings


class Talk(NamedTuple):
    """What was said so far."""

    opening: Enquiry | None = None
    """The first request: it decides the revision of all that follow."""
    replayed: bytes = b""
    """What the SDK has to be told of it."""
    answered: str = ""
    """The id under which it is told of the first request, which nobody else can use."""
    ready: bool = False
    """Whether the hand-shake has ended, which it does once."""


def first_moments(settings: Settings) -> Heard | None:
    """Answer until the SDK is needed, and give what it has to read first; ends the process where the client goes before.

    None where all has to begin in the ordinary way: nothing was read or said then.
    """
    pipes = client_pipes()
    answers = answers_for(settings) if pipes else None
    if not pipes or not answers:
        return None
    if settings.warnings or settings.notes:
        from flipsnack_mcp.front import remarks  # noqa: PLC0415  # only where there is something to say

        remarks.log_to_stderr(settings)
        remarks.remark_on(settings)
    heard = answer_until_needed(answers, pipes)
    return heard or end_process(0)


def client_pipes() -> ClientPipes | None:
    """Stdin and stdout, if both are there and no person is typing, and stderr where remarks could be made."""
    try:
        reading, writing = sys.stdin.fileno(), sys.stdout.fileno()
    except (AttributeError, OSError, ValueError):  # there is none, or it is no file
        return None
    return None if os.isatty(reading) or sys.stderr is None else ClientPipes(reading, writing)


def answer_until_needed(answers: Answers, pipes: ClientPipes) -> Heard | None:
    """Answer what is known; gives what the SDK has to read, or nothing where all is said."""
    talk, rest = Talk(), b""
    while piece := pipes.read():
        *lines, rest = (rest + piece).split(b"\n")
        for number, line in enumerate(lines):
            told = told_after(talk, line, answers, pipes)
            if told is None:
                return Heard(talk.replayed + b"\n".join([*lines[number:], rest]) + pipes.early, talk.answered)
            talk = told
        if len(rest) > AT_ONCE or b"\r" in rest[:-1]:  # no line of ours; and to the SDK that is the end of one too
            break
    return Heard(talk.replayed + rest + pipes.early, talk.answered) if rest else None


def told_after(talk: Talk, line: bytes, answers: Answers, pipes: ClientPipes) -> Talk | None:
    """What was said once this line is answered; None where it was not: the SDK answers it, or says why it cannot."""
    message = message_in(line)
    if message is None:
        return None
    if talk.opening and not talk.opening.enveloped and not talk.ready and is_initialized(message):
        return talk._replace(replayed=talk.replayed + line + b"\n", ready=True)
    asked = enquiry_in(message, talk.opening)
    answer = answers.line_for(asked) if asked else None
    if answer is None or not pipes.write(answer):
        return None
    if talk.opening:
        return talk
    own = f"front-{os.urandom(8).hex()}"
    replayed = json.dumps({**message, "id": own}, ensure_ascii=False).encode()
    return Talk(asked, replayed + b"\n", own)


def answer_without_parts(heard: Heard) -> None:
    """Say to each request that the SDK was wanted for, and cannot be, why it is not answered."""
    pipes = client_pipes()
    for line in heard.lines.splitlines():
        with suppress(ValueError, RecursionError, AttributeError):  # it is no message
            asked = json.loads(line)
            if pipes and "method" in asked and asked.get("id", heard.answered) != heard.answered:
                error = {"code": -32603, "message": INCOMPLETE}
                pipes.write(json.dumps({"jsonrpc": "2.0", "id": asked["id"], "error": error}).encode() + b"\n")
