"""A report as a file to be mailed: what the answer says, all its rows, whose it is, and what its numbers mean."""

import re
from collections.abc import Iterable, Mapping

from pydantic import BaseModel

from flipsnack_mcp.server.safety.cleaning import clean
from flipsnack_mcp.server.safety.heading import Heading
from flipsnack_mcp.server.tools.reporting.naming import shorten
from flipsnack_mcp.server.tools.tool import ToolCall
from flipsnack_mcp.server.views.page import as_page
from flipsnack_mcp.server.views.showing import Aside, plain_address
from flipsnack_mcp.server.wording import redacted_data
from flipsnack_mcp.workflows.reports.pages import WORDS, days_of
from flipsnack_mcp.workflows.reports.report import Report

ONLY_HERE = frozenset({"path", "next_step"})
"""What an answer tells an assistant on this machine, and nobody who gets the file."""
TITLE_IN_A_FILE = 320
"""Bytes: a thousand rows are to go by mail."""
PROFILE = re.compile(r"https://(?:www\.)?(flipsnack\.com/[^/?#]+)/[^/]+")
DEFINITIONS = {
    "Period": "{days}. Flipsnack does not say by which clock its days begin.",
    "Impressions": "Counted by Flipsnack each time the player loads.",
    "Views": "Counted by Flipsnack each time somebody interacts with the player; one reader may count several times.",
    "Reading time": "All the time that readers spent, as Flipsnack counts it.",
    "Average time": "The reading time divided by the views.",
    "Downloads": "Counted by Flipsnack, whose documentation says no more of them.",
    "Change": "By how many percent a number rose or fell against the period of the same length right before. There is none "
    "where that was zero.",
    "Most and least": "By {measure}. Drafts are in neither.",
    "Rose and fell most": "By {measure}, by the number and not by percent. What is new in the period is in neither.",
    "Without views": "Unread: online, and not once used in the period.",
    "Drafts": "Not published: nobody can read them. They are counted only where they were asked for.",
    "Created later": "Made after the period, so they are not counted.",
    "Not counted": "Flipsnack gave no numbers of them, so they are in no sum.",
    "With unknown": "Flipsnack did not tell this number of them: they are not in its sum, and it has no change.",
}
LEADS_DEFINED = {
    "Leads and orders": "Counted as they arrived by Flipsnack's webhook, by the day in UTC; what came before that was set up "
    "is in neither.",
}


def as_mailed(call: ToolCall, report: Report, answer: BaseModel, aside: Aside) -> bytes:
    """The file, which is the same from every process with these settings."""
    account = "" if report.over_accounts else call.app.called
    heading = Heading(call.app.redactor, all(one.settings.sandbox for one in call.apps), account)
    data = {name: one for name, one in redacted_data(answer, heading).items() if name not in ONLY_HERE}
    links = {name: link for name, one in aside.links.items() if (link := plain_address(one))}
    known = {
        "account": whose_numbers(call, report, links.values()),
        "made": report.made or report.today.isoformat(),
        "measure": aside.measure,
        "definitions": definitions_of(report, LEADS_DEFINED if "leads" in (data.get("totals") or {}) else {}),
    }
    rows = [clean({**one, "title": shorten(str(one.get("title", "")), TITLE_IN_A_FILE)}) for one in aside.rows]
    return as_page(data, heading.redactor.data({**clean(known), "links": links, "rows": rows}))


def whose_numbers(call: ToolCall, report: Report, links: Iterable[str]) -> str:
    """Whose numbers they are: the names of accounts, or where there is one without a name its profile at Flipsnack."""
    if report.over_accounts:
        return ", ".join(one.called for one in call.apps)
    profiles = {found[1] for one in links if (found := PROFILE.match(one))}
    return call.app.settings.name or (profiles.pop() if len(profiles) == 1 else "")


def definitions_of(report: Report, more: Mapping[str, str]) -> list[list[str]]:
    """What the numbers of a report mean, term by term."""
    here = {"days": days_of(report), "measure": WORDS[report.sort_by]}
    return [[term, meaning.format(**here)] for term, meaning in {**DEFINITIONS, **more}.items()]
