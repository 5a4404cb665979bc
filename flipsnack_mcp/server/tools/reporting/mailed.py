"""A report as a file to be mailed: what the answer says, all its rows, whose it is, and what its numbers mean."""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict

from pydantic import BaseModel

from flipsnack_mcp.server.safety.cleaning import clean
from flipsnack_mcp.server.safety.heading import Heading
from flipsnack_mcp.server.tools.reporting.naming import Figures, change_of
from flipsnack_mcp.server.tools.tool import ToolCall
from flipsnack_mcp.server.views.page import as_page
from flipsnack_mcp.server.wording import redacted_data
from flipsnack_mcp.workflows.reports.figures import Line, ranked
from flipsnack_mcp.workflows.reports.pages import WORDS, days_of, known_by
from flipsnack_mcp.workflows.reports.report import Report

ONLY_HERE = frozenset({"path", "next_step"})
"""What an answer tells an assistant on this machine, and nobody who gets the file."""
PROFILE = re.compile(r"https?://(?:www\.)?(flipsnack\.com/[^/?#]+)/[^/]+")
DEFINITIONS = {
    "Period": "{days}. Flipsnack does not say by which clock its days begin.",
    "Impressions": "Counted by Flipsnack each time the player loads.",
    "Views": "Counted by Flipsnack each time somebody interacts with the player; one reader may count several times.",
    "Reading time": "All the time that readers spent. Of a view: that time divided by the views.",
    "Downloads": "Counted by Flipsnack, whose documentation says no more of them.",
    "Change": "By how many percent a number rose or fell against the period of the same length right before. There is none "
    "where that was zero.",
    "Best and least": "By {measure}. Drafts are in neither.",
    "Rose and fell the most": "By {measure}, by the number and not by percent. What is new in the period is in neither.",
    "Unread": "Online, without a single view in the period.",
    "Drafts": "Not published: nobody can read them. They are counted only where they were asked for.",
    "Created later": "Made after the period, so they are not counted.",
    "Not counted": "Flipsnack gave no numbers of them, so they are in no sum.",
}


def as_mailed(call: ToolCall, report: Report, answer: BaseModel, lines: Sequence[Line]) -> bytes:
    """The file, which is the same from every process with these settings."""
    account = "" if report.over_accounts else call.app.called
    heading = Heading(call.app.redactor, all(one.settings.sandbox for one in call.apps), account)
    data = {name: one for name, one in redacted_data(answer, heading).items() if name not in ONLY_HERE}
    rows = [clean(mailed_row(report, one)) for one in ranked(lines, report.sort_by)]
    known = {
        "account": whose_numbers(call, report, lines),
        "made": report.made or report.today.isoformat(),
        "measure": report.sort_by,
        "definitions": [
            [term, meaning.format(days=days_of(report), measure=WORDS[report.sort_by])]
            for term, meaning in DEFINITIONS.items()
        ],
        "links": links_of(lines),
    }
    return as_page(data, call.app.redactor.data({**clean(known), "rows": rows}))


def whose_numbers(call: ToolCall, report: Report, lines: Sequence[Line]) -> str:
    """Whose numbers they are: the names of accounts, or where there is one without a name its profile at Flipsnack."""
    if report.over_accounts:
        return ", ".join(one.called for one in call.apps)
    profiles = {found[1] for one in lines if (found := PROFILE.match(one.target.direct_link))}
    return call.app.settings.name or (profiles.pop() if len(profiles) == 1 else "")


def mailed_row(report: Report, line: Line) -> Figures:
    """A collection with all that is known of it."""
    name, title, status, day, _ = known_by(line.target)
    earlier = asdict(line.previous) if line.previous else {}
    return {
        **({"account": line.account} if line.account else {}),
        "collection_hash": name,
        "title": title,
        "status": status,
        "date": day,
        **asdict(line.numbers),
        **{f"previous_{figure}": value for figure, value in earlier.items()},
        **change_of(line, report.sort_by),
    }


def links_of(lines: Sequence[Line]) -> dict[str, str]:
    """The addresses for readers, by hash; of imitations several may have one hash, and then none is told."""
    found = defaultdict[str, set[str]](set)
    for one in lines:
        found[one.target.collection_hash].add(one.target.direct_link)
    return {name: links.pop() for name, links in found.items() if len(links) == 1 and any(links)}
