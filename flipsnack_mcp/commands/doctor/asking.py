"""Whether Flipsnack can be asked: which way, by one signed question; and what its answer tells of clock, quota and sharing."""

import re
from collections.abc import Iterator

import anyio
import httpx2

from flipsnack_mcp.api import ConfigurationError, Flipsnack, FlipsnackError, Terms
from flipsnack_mcp.api.actions.statistics import GetUserStats, UserStats
from flipsnack_mcp.api.budget import others
from flipsnack_mcp.api.errors import (
    MaintenanceError,
    NotAuthorisedError,
    OutOfTimeError,
    QuotaExceededError,
    RateLimitedError,
    RefusedError,
    UnreachableError,
    UnreadableAnswerError,
)
from flipsnack_mcp.api.network import described
from flipsnack_mcp.api.wire import signature
from flipsnack_mcp.commands.connecting import budget, connect
from flipsnack_mcp.commands.doctor.finding import Finding
from flipsnack_mcp.commands.doctor.reaching import clock_of
from flipsnack_mcp.settings import Settings

# https://developers.flipsnack.com/how-to-sign-a-request
PUBLISHED_EXAMPLE = {"action": "collection.getCollection", "apiKey": "45FD-267-7SG7832", "collectionHash": "fxh4k89"}
PUBLISHED_SECRET = "123ABCDE-456-7890-FGH"  # noqa: S105  # the example of the documentation
PUBLISHED_SIGNATURE = "26e781d3d1751d82ec284acf4a019def"
CALL_PATIENCE = 20.0
NO_UPLOADS_LEFT = (
    "no upload is left of this month's quota, so whatever is published is refused (code 33); more come with the next month "
    "or a larger plan"
)
MORE_UPLOADS = "The month's uploads are used up; more come with the next month or a larger plan."
IN_ITS_PLACE = (
    "If it stays so, something on the way may answer in Flipsnack's place: a proxy, or a network that wants a login."
)
CODES_EXPLAINED = "What each code means stands at https://developers.flipsnack.com/api-status-codes"
SHARED_KEY = "shared key"
TO_THE_PERSON = re.compile(r"Ask the person to (\w)|tell the person, and (\w)")
"""How an assistant is told of what a person can do."""
WRONG_CLOCK = 120
"""Seconds: by fewer no certificate is judged wrongly, and nothing that Flipsnack is told holds a time."""


def signing() -> Finding:
    """Sign the example that Flipsnack publishes, and compare."""
    right = signature(PUBLISHED_SECRET, PUBLISHED_EXAMPLE) == PUBLISHED_SIGNATURE
    said = "gives the published signature"
    return Finding("signing", right, said if right else f"not so: it no longer {said}. Install this server once more")


async def asked(settings: Settings) -> list[Finding]:
    """Ask Flipsnack, where that is possible; one that is wrong with the way there is found once."""
    if settings.missing:
        return []
    way = [] if settings.sandbox else [network(settings)]
    return way if any(not one.ok for one in way) else [*way, *await called(settings)]


def network(settings: Settings) -> Finding:
    """Say which way Flipsnack is asked, or what is wrong with a proxy or with certificates on it."""
    try:
        ways = [described(one) for one in dict.fromkeys((settings.api_url, settings.upload_url))]
    except ConfigurationError as error:
        return Finding("network", ok=False, said=f"{error.happened} {what_helps(error)}", cause="setting")
    return Finding("network", ok=True, said="; ".join(dict.fromkeys(ways)))


async def called(settings: Settings) -> list[Finding]:
    """Ask one harmless signed question, the account's statistics, and see by the answer what there is to see."""
    times = list[str]()

    async def keep_time(answer: httpx2.Response) -> None:
        times.append(answer.headers.get("date", ""))

    async with connect(settings) as flipsnack:
        if not settings.sandbox:
            flipsnack.http.event_hooks = {"response": [keep_time]}
        found = [await call(flipsnack)]
        found += [*clock_here(times[-1])] if times else []
        # Who asks an imitation on this machine need not have named its other address.
        if found[0].ok and not settings.sandbox and not flipsnack.own_address:
            found += await upload_host(flipsnack, settings.upload_url)
    used_by_others = found[0].ok or found[0].cause == SHARED_KEY
    return [*found, *(await sharing(settings) if used_by_others else [])]


async def call(flipsnack: Flipsnack) -> Finding:
    """Ask it."""
    try:
        stats = await flipsnack.send(GetUserStats(), terms=Terms(deadline=anyio.current_time() + CALL_PATIENCE))
    except FlipsnackError as error:
        return Finding("call", ok=False, said=f"{error.happened} {what_helps(error)}", cause=cause_in_a_word(error))
    except Exception as error:  # noqa: BLE001  # a doctor that breaks down helps nobody; the text can hold anything
        said = f"Something unexpected went wrong here: {type(error).__name__}. If it does so again, report it with the version."
        return Finding("call", ok=False, said=said, cause="unexpected")
    return told_by_answer(stats)


def told_by_answer(stats: UserStats) -> Finding:
    """What the answer says; an account whose uploads are used up can publish nothing."""
    if stats.api_uploads_left == 0:
        return Finding("call", ok=False, said=f"user.getStats answered: {NO_UPLOADS_LEFT}", cause="quota")
    left = "not told" if stats.api_uploads_left is None else stats.api_uploads_left
    return Finding("call", ok=True, said=f"user.getStats answered; API uploads left: {left}")


def cause_in_a_word(error: FlipsnackError) -> str:
    """In a word what kept Flipsnack from answering."""
    if isinstance(error, NotAuthorisedError):
        return "key" if error.code == 41 else "secret"
    if isinstance(error, RateLimitedError):
        return SHARED_KEY
    if isinstance(error, QuotaExceededError):
        return "quota"
    return "maintenance" if isinstance(error, MaintenanceError) else error.at or "answer"


def what_helps(error: FlipsnackError) -> str:
    """What the person can do who reads this. The next steps of some errors are an assistant's: to tell the person."""
    if isinstance(error, UnreadableAnswerError):
        return f"{error.again} {IN_ITS_PLACE}"
    if isinstance(error, OutOfTimeError | MaintenanceError) or (isinstance(error, UnreachableError) and not error.at):
        return error.again
    if isinstance(error, QuotaExceededError):
        return MORE_UPLOADS
    if isinstance(error, RefusedError) and not isinstance(error, NotAuthorisedError | RateLimitedError):
        return CODES_EXPLAINED
    return TO_THE_PERSON.sub(lambda found: found[1].upper() if found[1] else f"tell {found[2]}", error.next_step)


def clock_here(date: str) -> Iterator[Finding]:
    """Compare the clock of this computer with Flipsnack's."""
    for ahead in clock_of(date):
        wrong = abs(ahead) > WRONG_CLOCK
        side = "behind" if ahead > 0 else "ahead of"
        said = f"this computer's clock is {abs(ahead):.0f} s {side} Flipsnack's"
        cure = ". Set it by a time server: certificates and the history go by it." if wrong else ""
        yield Finding("clock", not wrong, said + cure if abs(ahead) >= 1 else "the same as Flipsnack's")


async def upload_host(flipsnack: Flipsnack, address: str) -> list[Finding]:
    """Look whether the host that takes documents can be reached too. It is told nothing: neither key nor signature."""
    try:
        await flipsnack.http.head(address)
    except FlipsnackError as error:
        return [
            Finding("upload host", ok=False, said=f"{error.happened} {what_helps(error)}", cause=cause_in_a_word(error))
        ]
    except httpx2.HTTPError:
        said = "it broke off, so documents may not arrive. Look whether a firewall or a proxy lets it through."
        return [Finding("upload host", ok=False, said=said, cause="connection")]
    return []


async def sharing(settings: Settings) -> list[Finding]:
    """Say how many other programs of ours use the key."""
    store = budget(settings)
    try:
        count = await store.change(lambda document, _: others(document, " ")) - 1  # this one has just called
    finally:
        await store.close()
    if count <= 0:
        return []
    who = "one other process has" if count == 1 else f"{count} other processes have"
    said = f"{who} used it within the last minute; all share the {settings.calls_per_minute} calls a minute that Flipsnack allows"
    return [Finding(SHARED_KEY, ok=True, said=said)]
