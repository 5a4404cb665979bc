"""Names that look like one that is not there: equal to the eye first, then the nearest ones."""

import difflib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from urllib.parse import unquote

from flipsnack_mcp import systems
from flipsnack_mcp.files.names import has_control
from flipsnack_mcp.files.paths.place import Place, objection_to
from flipsnack_mcp.text import as_compared

MOST_PROPOSED = 5
MOST_COMPARED = 1000
"""Nearness is worked out letter by letter: with more names somebody would have to wait for it."""
NOTHING_ALIKE = "Give the path of a regular, readable file in that folder; list_documents shows which PDFs are there."

Missing = tuple[Place, int, Sequence[str]]
"""A place, which of its names is the first that is not there, and the names that are there instead."""


def folded(name: str) -> str:
    """Returns what two names have in common that a person, or a model, cannot tell apart or does not mean to."""
    return as_compared(as_compared(name).casefold())


def next_step(
    missing: Sequence[Missing],
    otherwise: str = NOTHING_ALIKE,
    elsewhere: Callable[[], Sequence[Place]] = tuple,
) -> str:
    """Returns what to do about what is in none of these places; `otherwise` where nothing there is like it.

    `elsewhere` finds the files of other folders: who remembers a name often does not remember in which folder it lies.
    """
    alike = list(_written(missing, nearest=False))
    if len(alike) == 1:
        return f"There is one whose name only looks like that: give {alike[0]}, exactly as it stands here."
    if alike:
        return f"There are some whose names only look like that: {', '.join(alike)}. Ask the person which is meant."
    others = elsewhere() if missing else ()
    if same := [_as_it_can_be_given(one) for one in others if folded(one.name) == folded(missing[0][0].name)]:
        return _of_that_name(same[:MOST_PROPOSED])
    near = list(_written(missing, nearest=True)) or list(_nearest_of(others, missing))
    return f"The nearest there: {', '.join(near[:MOST_PROPOSED])}." if near else otherwise


def _of_that_name(same: Sequence[str]) -> str:
    if len(same) == 1:
        return f"There is one of that name in another folder there: give {same[0]}."
    return f"There are some of that name in other folders there: {', '.join(same)}. Ask the person which is meant."


def _nearest_of(others: Sequence[Place], missing: Sequence[Missing]) -> Iterator[str]:
    by_name = {one.name: one for one in others}
    for name in _nearest(missing[0][0].name, list(by_name)) if missing else ():
        yield _as_it_can_be_given(by_name[name])


def _written(missing: Sequence[Missing], *, nearest: bool) -> Iterator[str]:
    for place, depth, names in missing:
        usable = [name for name in names if not has_control(name) and not objection_to(name, systems.HERE)]
        for name in (_nearest if nearest else _alike)(place.parts[depth], usable)[:MOST_PROPOSED]:
            yield _as_it_can_be_given(Place(place.folder, (*place.parts[:depth], name, *place.parts[depth + 1 :])))


def _alike(name: str, names: Sequence[str]) -> list[str]:
    wanted = folded(name)
    return [one for one in names if folded(one) == wanted]


def _nearest(name: str, names: Sequence[str]) -> list[str]:
    by_looks = {folded(one): one for one in names[:MOST_COMPARED]}
    wanted = folded(unquote(name))  # a name out of a URL is a frequent one that is nearly right
    near = difflib.get_close_matches(wanted, by_looks, MOST_PROPOSED)
    return [by_looks[one] for one in near or [one for one in by_looks if wanted in one]]  # or a word of a long name


def _as_it_can_be_given(place: Place) -> str:
    """Returns the path in quotes, or as a URL: on its way to a model and back a rare blank or accent gets another form."""
    path = str(place.path)
    return f'"{path}"' if path.isascii() and '"' not in path else f'"{Path(path).as_uri()}"'
