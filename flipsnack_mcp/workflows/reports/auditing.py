"""What an audit finds: a report over a whole account, looked through for what somebody should tidy up. Pure."""

import re
import unicodedata
from collections import defaultdict
from dataclasses import dataclass

from flipsnack_mcp.workflows.finding import Choice
from flipsnack_mcp.workflows.reports.figures import Gathered
from flipsnack_mcp.workflows.reports.report import Report, ReportedCollection

# Of Latin, Greek and Cyrillic: what sits on a letter elsewhere makes another letter.
EUROPEAN_ACCENTS = re.compile("[\u0300-\u036f]")
BETWEEN_FIGURES = re.compile(r"(?<=\d)[^\w]+(?=\d)")
NO_PART_OF_A_TITLE = ("P", "Z", "Sk", "Sm", "Cf")

Some = tuple[ReportedCollection, ...]


@dataclass(frozen=True)
class Findings:
    """What there is to tidy up, by kind. One collection may be of several."""

    duplicates: Some
    """Those with nearly the same title beside each other."""
    empty_titles: Some
    failed: Some
    """Those whose conversion did."""
    old_drafts: Some
    unread: Some
    """Published ones that nobody opened in the period."""
    unclear: Some
    """Those of which it could not be seen whether their conversion failed."""


def can_be_audited(report: Report) -> bool:
    """Whether a report is about all of an account; one that version 0.1.0 began knows too little of it."""
    return report.choice == Choice() and all(one.status for one in report.targets)


def findings_of(report: Report, gathered: Gathered) -> Findings:
    """What there is to tidy up, once all is known."""
    every, old = report.targets, report.draft_days or 0
    converted = {one.collection_hash: gathered.conversions.get(one.collection_hash, "unknown") for one in every}
    unread = tuple(one.target for one in gathered.lines if not one.numbers.views and not one.target.is_draft)
    return Findings(
        duplicates=duplicates_among(every),
        empty_titles=tuple(one for one in every if not one.title),
        failed=tuple(one for one in every if converted[one.collection_hash] == "failed"),
        old_drafts=tuple(
            one for one in every if one.is_draft and one.created and (report.today - one.created).days > old
        ),
        unread=unread,
        unclear=tuple(
            one
            for one in every
            if converted[one.collection_hash] == "unknown"
            and (not one.has_cover or one.collection_hash in gathered.conversions)
        ),
    )


def duplicates_among(every: Some) -> Some:
    """All that share a title with another one, each beside those that it shares it with."""
    same = defaultdict[str, list[ReportedCollection]](list)
    for one in every:
        if one.title:
            same[as_title(one.title)].append(one)
    return tuple(one for group in same.values() if len(group) > 1 for one in group)


def as_title(title: str) -> str:
    """What two titles have in common that are nearly the same: case, accents, spaces and punctuation do not count.

    Numbers do, and where one ends: a series of weeks, stores or editions is no duplicate.
    """
    plain = EUROPEAN_ACCENTS.sub("", "".join(map(decomposed, unicodedata.normalize("NFC", title)))).casefold()
    apart = BETWEEN_FIGURES.sub("\n", plain)
    kept = (one for one in apart if one == "\n" or not unicodedata.category(one).startswith(NO_PART_OF_A_TITLE))
    return "".join(kept) or title


def decomposed(one: str) -> str:
    """A character as its parts, in plain width; but a fraction or a small figure is no figure."""
    return one if unicodedata.category(one) == "No" else unicodedata.normalize("NFKD", one)
