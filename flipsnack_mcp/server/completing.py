"""What a person who is typing may mean: a collection, a document in the upload folders, a season of the titles, a day.

A collection is suggested with its title, status and day behind its hash; whatever takes a hash takes that as well.
"""

import re
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import date, timedelta
from functools import partial

from anyio.to_thread import run_sync
from mcp.types import Completion

from flipsnack_mcp.api import Action, FlipsnackError, ResultT_co, cleaned, hash_and_title
from flipsnack_mcp.files.paths.listing import FoundFile, list_files
from flipsnack_mcp.files.refusal import RefusedFile
from flipsnack_mcp.server.app import App
from flipsnack_mcp.server.safety.redaction import log_unexpected
from flipsnack_mcp.server.tools.batches.listing import given_path
from flipsnack_mcp.workflows.batches.rules import has_words, in_plain_letters
from flipsnack_mcp.workflows.context import CallContext
from flipsnack_mcp.workflows.finding import day_of
from flipsnack_mcp.workflows.reports.report import Period, last_full_days
from flipsnack_mcp.workflows.searching.search import Search, all_rows, is_short, search

SUGGESTED = 20
NOTHING = Completion(values=[])
TIME_TO_READ = 15.0
"""Seconds: a client shows nothing while it reads, and a person is typing while it completes."""
YEAR, WORD = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)"), re.compile(r"[^\W\d_]{3,}")
SEASONS = frozenset({
    "spring", "summer", "autumn", "fall", "winter", "christmas", "easter", "frühling", "frühjahr", "sommer", "herbst",
    "weihnachten", "ostern", "printemps", "été", "automne", "hiver", "noël", "pâques", "primavera", "verano", "otoño",
    "invierno", "navidad", "estate", "autunno", "inverno", "natale", "pasqua",
})  # fmt: skip
SERIES = 2
"""Titles that make a season of a word that is no name of one."""
Suggestions = tuple[list[str], int]
"""The first of them, and how many there are."""


async def suggest(app: App, kind: str, typed: str, given: Mapping[str, str]) -> Completion:
    """What fits what was typed until now; nothing where it cannot be had. `given` are the other arguments."""
    try:
        values, total = await KINDS[kind](app, typed.strip(), given)
    except (FlipsnackError, RefusedFile):
        return NOTHING
    except Exception as error:  # noqa: BLE001  # the SDK would log its text
        log_unexpected("a completion", error)
        return NOTHING
    shown = [app.redactor.text(one) for one in values[:SUGGESTED]]
    return Completion(values=shown, total=total, has_more=total > len(shown))


async def ask_lately(app: App, action: Action[ResultT_co]) -> ResultT_co:
    """What Flipsnack says, some seconds old at most. Nobody is told the progress."""
    app.check_settings()
    return await app.recent.ask(CallContext(app.flipsnack).within(TIME_TO_READ), action)


async def collections_like(app: App, typed: str, _: Mapping[str, str]) -> Suggestions:
    """Collections whose titles have what was typed, or whose hash begins with it."""
    found = await search(partial(ask_lately, app), Search(typed, limit=SUGGESTED, begun=True))
    rows = [row for row in found.rows if row.collection_hash]
    return [hash_and_title(row.collection_hash, row.title, row.status, day_of(row)) for row in rows], found.total


async def documents_like(app: App, typed: str, _: Mapping[str, str]) -> Suggestions:
    """Documents by what `file_path` takes: the shortest path that means one only."""
    if app.handing or "create_collection" not in app.offered:
        return [], 0
    listing = await run_sync(lambda: list_files(None, app.settings.upload_dirs, deep=True))
    names = Counter("/".join(one.place.parts) for one in listing.files)
    fitting = [one for one in listing.files if has_words(one.place.parts, typed)]
    return [shortest_path(one, names) for one in fitting], len(fitting)


def shortest_path(file: FoundFile, names: Counter[str]) -> str:
    """Its path in the upload folder; its whole one where several folders have that, or where it reads as something else."""
    path, whole = "/".join(file.place.parts), given_path(file.place.path)
    plain = names[path] == 1 and whole == str(file.place.path) and not path.startswith("~") and ":" not in path
    return path if plain else whole


async def seasons_like(app: App, typed: str, _: Mapping[str, str]) -> Suggestions:
    """Seasons that titles speak of; of a long list those of its newest titles."""
    ask, wanted = partial(ask_lately, app), Search(begun=True)
    short = await is_short(ask, wanted)
    rows = await all_rows(ask, wanted, "") if short else (await ask(wanted.question(0, 100, query=typed))).collections
    begun = in_plain_letters(typed).split()
    every = [
        season
        for season in seasons_in(row.title for row in rows)
        if all(any(word.startswith(one) for word in in_plain_letters(season).split()) for one in begun)
    ]
    return every, len(every)


def seasons_in(titles: Iterable[str]) -> list[str]:
    """Words of titles with the year beside them: names of seasons first, then what several titles have, the newest first."""
    found = Counter(
        (word.capitalize(), year)
        for title in map(cleaned, titles)
        for year in set(YEAR.findall(title))
        for word in {one.casefold() for one in WORD.findall(title)}
    )

    def rank(one: tuple[str, str]) -> tuple[bool, int, int, str]:
        word, year = one
        return word.casefold() not in SEASONS, -int(year), -found[one], word

    meant = [one for one in found if one[0].casefold() in SEASONS or found[one] >= SERIES]
    return [" ".join(one) for one in sorted(meant, key=rank)]


async def first_days(app: App, typed: str, _: Mapping[str, str]) -> Suggestions:
    """First days of usual periods."""
    return days_like([one.start for one in usual_periods(app.reports.today)], typed)


async def last_days(app: App, typed: str, given: Mapping[str, str]) -> Suggestions:
    """Last days of usual periods; of those that begin on the day that was given first."""
    start = given.get("start_date", "").strip()
    periods = [one for one in usual_periods(app.reports.today) if one.end.isoformat() >= start]
    return days_like([one.end for one in sorted(periods, key=lambda one: one.start.isoformat() != start)], typed)


def usual_periods(today: date) -> list[Period]:
    """What people report on: the last full week, month, quarter and year, the last 30 full days, and this year so far."""
    week, month, year = today - timedelta(days=today.weekday()), today.replace(day=1), today.replace(month=1, day=1)
    quarter = month.replace(month=month.month - (month.month - 1) % 3)
    until = [one - timedelta(days=1) for one in (week, month, quarter, year)]
    since = [until[0] - timedelta(days=6), until[1].replace(day=1), until[2].replace(month=until[2].month - 2, day=1)]
    full = [Period(*days) for days in zip([*since, until[3].replace(month=1, day=1)], until, strict=True)]
    so_far = [Period(year, today - timedelta(days=1))] if year < today else []
    return [*full[:2], last_full_days(today), *full[2:], *so_far]


def days_like(days: Iterable[date], typed: str) -> Suggestions:
    """Days that begin as typed, each once."""
    found = [one for one in dict.fromkeys(day.isoformat() for day in days) if one.startswith(typed)]
    return found, len(found)


KINDS: dict[str, Callable[[App, str, Mapping[str, str]], Awaitable[Suggestions]]] = {
    "collection": collections_like,
    "document": documents_like,
    "season": seasons_like,
    "first_day": first_days,
    "last_day": last_days,
}
"""By what `prompts.toml` calls what an argument is."""
