"""The parameters and figures that actions share. The same thing has the same name, meaning and check everywhere."""

import json
import re
from contextlib import suppress
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from flipsnack_mcp.api.action import FreeText, Unsent, Wire
from flipsnack_mcp.api.links import LOOKS_LIKE_LINK, hash_from, plain_hash, public_address, taken_out
from flipsnack_mcp.text import words_of_name

StatusName = Literal["public", "unlisted", "editable"]


def status_from(value: object) -> object:
    """`draft` is what people call `editable`."""
    if not isinstance(value, str):
        return value
    text = value.strip().lower()
    return "editable" if text == "draft" else text


def day_from(value: object) -> date:
    """A calendar day written YYYY-MM-DD, and nothing else a date could be made from."""
    if isinstance(value, date):
        return value
    if not isinstance(value, str) or not re.fullmatch(r"\d{4}-\d{2}-\d{2}", value.strip()):
        raise ValueError("write the day as YYYY-MM-DD")
    try:
        return date.fromisoformat(value.strip())
    except ValueError:
        raise ValueError("there is no such day: write it as YYYY-MM-DD") from None


def check_period(given: Any) -> Any:
    """What was given, where its period ends no earlier than it begins."""
    if given.start_date and given.end_date and given.start_date > given.end_date:
        raise ValueError("`start_date` lies after `end_date`: exchange them")
    return given


def flipbook_hash_from(value: object) -> str:
    """A flipbook's hash; links carry those of collections only."""
    if isinstance(value, str) and LOOKS_LIKE_LINK.search(value):
        raise ValueError("a link carries no flipbook's hash: look at the collection's flipbooks with get_collection")
    return hash_from(value)


BEGINS_JSON = frozenset('[{"-0123456789tfnNI')
"""Any other text is none: an error that is made and caught takes longer than to look."""


def opened(value: object) -> object:
    """A list or an object that a client sent as JSON text."""
    if isinstance(value, str) and value.lstrip()[:1] in BEGINS_JSON:
        with suppress(ValueError, RecursionError):
            return json.loads(value)
    return value


LARGEST_FIGURE = 10**15
"""Nothing of an account is more; with more digits a number is a mistake, and none to divide by or to lay out."""


def whole_number(value: object) -> int | None:
    """A whole number out of a number or its text; None where there is none, or it is beyond all that is counted."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value if abs(value) <= LARGEST_FIGURE else None
    try:
        number = float(str(value).strip().replace(",", ""))
    except ValueError:
        return None
    return round(number) if abs(number) <= LARGEST_FIGURE else None


def count_told(value: object) -> int | None:
    """How many there are; None where that is not told, also by a number below 0: nothing is there so often."""
    number = whole_number(value)
    return None if number is None or number < 0 else number


CollectionHash = Annotated[str, BeforeValidator(hash_from), Field(description="Hash or link")]
FlipbookHash = Annotated[str, BeforeValidator(flipbook_hash_from), Field(description="From get_collection")]
Status = Annotated[
    StatusName,
    BeforeValidator(status_from),
    Wire("collectionStatus"),
    Field(description="public: listed; unlisted: link only; editable: draft"),
]
Title = Annotated[str, Field(max_length=300, description="What readers see"), FreeText()]
Description = Annotated[str, Field(max_length=2000, description="Shown with the title"), FreeText()]
Width = Annotated[int, Field(ge=1, le=10_000, description="Pixels"), Wire("collectionWidth")]
Height = Annotated[int, Field(ge=1, le=10_000, description="Pixels"), Wire("collectionHeight")]
Day = Annotated[date, BeforeValidator(day_from), Field(description="YYYY-MM-DD")]
FileUrl = Annotated[
    str,
    Field(max_length=2000, description="Public https address"),
    AfterValidator(taken_out),
    AfterValidator(public_address),
]

# What Flipsnack sends as a hash goes into texts and further calls: anything that is none counts as not sent.
ReturnedHash = Annotated[str, AfterValidator(plain_hash)]

# Figures as Flipsnack sends them: now as numbers, now as text.
Whole = Annotated[int, BeforeValidator(whole_number)]
MaybeWhole = Annotated[int | None, BeforeValidator(whole_number)]
MaybeCount = Annotated[int | None, BeforeValidator(count_told)]

# Never accepted among `settings`: what identifies or routes a request, and what has a parameter of its own.
OWN_PARAMETERS = frozenset({
    "action", "apikey", "signature", "file", "fileurl", "collectionhash", "flipbookhash", "format", "callback",
    "title", "description", "status", "collectionstatus", "width", "collectionwidth", "height", "collectionheight",
})  # fmt: skip


# What Flipsnack could read as a status or as an end, by parts of a name; no such name is documented. Whoever may not take
# a collection offline unasked may not do so by a parameter that nobody knows.
LIKE_A_STATUS = re.compile(
    "status|visib|privat|privac|public|publish|listed|editable|draft|online|offline|hidden|archiv|trash|delet|expir|"
    "schedul|password"
)
LIKE_A_STATUS_WORDS = frozenset({"state", "active", "activate", "deactivate", "access", "live", "remove", "removed"})
"""As words of their own: `interactive` and `accessibility` are none."""


def settings_from(settings: dict[str, str]) -> dict[str, str]:
    """Further parameters of Flipsnack's, none of which shadows one that is checked here."""
    for name in settings:
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,63}", name):
            raise ValueError("a name in settings has only letters, digits and _")
        plain = name.lower().replace("_", "")
        if plain in OWN_PARAMETERS:
            raise ValueError(
                f"`{name}` cannot be given in settings: it has a parameter of its own or is set by the server"
            )
        if LIKE_A_STATUS.search(plain) or LIKE_A_STATUS_WORDS & set(words_of_name(name)):
            raise ValueError(
                f"`{name}` cannot be given in settings: Flipsnack could take the collection offline by it. "
                "Use status for that; anything else it may do is set at flipsnack.com"
            )
    return settings


ExtraParameters = Annotated[
    dict[str, str],
    BeforeValidator(opened),
    AfterValidator(settings_from),
    Unsent(),
    Field(description="More parameters"),
]
