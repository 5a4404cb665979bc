"""How a single value is read that somebody typed; each says what it takes instead."""

import argparse
import math
import re
import time

from flipsnack_mcp.accounts_file import SIZES
from flipsnack_mcp.clients import CLIENTS

SPAN = re.compile(r"([0-9]{1,4})([mhdw])")
LENGTHS = {"m": 60, "h": 3600, "d": 86_400, "w": 604_800}
SOME_TIME = "a day (2026-11-23), a day and a time (2026-11-23T14:30) or how long ago (30m, 12h, 7d, 2w)"


def client(text: str) -> str:
    """Read the name of a client."""
    if text.strip().lower() in CLIENTS:
        return text.strip().lower()
    raise argparse.ArgumentTypeError(f"takes one of {', '.join(CLIENTS)}")


def size(text: str) -> str:
    """Read with what an imitation begins."""
    if text.strip().lower() in SIZES:
        return text.strip().lower()
    raise argparse.ArgumentTypeError(f"takes one of {', '.join(SIZES)}")


def hook_address(text: str) -> str:
    """Read where a webhook is."""
    from flipsnack_mcp.sandbox.webhook.address import may_be_hook  # noqa: PLC0415  # only for an imitation with one

    if may_be_hook(text):
        return text
    raise argparse.ArgumentTypeError("takes an https address, or an http address on this machine")


def time_from(text: str) -> float:
    """Read a day, a day and a time by the clock here, or how long ago something was."""
    if span := SPAN.fullmatch(text.strip().lower()):
        return time.time() - int(span[1]) * LENGTHS[span[2]]
    from datetime import datetime  # noqa: PLC0415  # a server starts without it

    try:
        return datetime.fromisoformat(text.strip()).timestamp()
    except (ValueError, OverflowError, OSError):
        raise argparse.ArgumentTypeError(f"takes {SOME_TIME}") from None


LARGEST_GIVEN = 999_999_999
LONGEST_LIFE = 36_500
"""Days."""


def whole(text: str, least: int = 0, most: int = LARGEST_GIVEN) -> int:
    """Read a whole number."""
    if text.isascii() and text.isdigit() and len(text) <= len(str(most)) and least <= int(text) <= most:
        return int(text)
    raise argparse.ArgumentTypeError(f"takes a whole number from {least} to {most}")


def life(text: str) -> int:
    """Read for how many days a token counts: one at least, and no longer than anybody lives."""
    return whole(text, 1, LONGEST_LIFE)


def seconds(text: str) -> float:
    """Read a length of time."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if 0 <= value < math.inf:
        return value
    raise argparse.ArgumentTypeError("takes a number of seconds from 0 on")


def port(text: str) -> int:
    """Read the number of a port."""
    return whole(text, 0, 65535)
