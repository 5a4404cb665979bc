"""Prompts: jobs that a person starts by name. Each says which tools to use, in which order, and where to stop and ask."""

from collections.abc import Mapping
from dataclasses import dataclass

from mcp import MCPError, types

from flipsnack_mcp.api.text import cleaned, quoted

LONGEST_VALUE = 500


@dataclass(frozen=True)
class Argument:
    """One thing the person fills in."""

    name: str
    description: str
    required: bool = False
    absent: str = ""
    """What stands in the text where it is not given."""


@dataclass(frozen=True)
class Prompt:
    """One job. In the text, `{name}` stands for the argument's value in quotes."""

    name: str
    title: str
    description: str
    text: str
    arguments: tuple[Argument, ...] = ()
    needs: frozenset[str] = frozenset()
    """Tools without which the job cannot be done."""

    def described(self) -> types.Prompt:
        """The prompt as MCP lists it."""
        given = [
            types.PromptArgument(name=one.name, description=one.description, required=one.required)
            for one in self.arguments
        ]
        return types.Prompt(name=self.name, title=self.title, description=self.description, arguments=given)

    def filled(self, given: Mapping[str, str]) -> types.GetPromptResult:
        """The job with the person's values.

        Raises:
            MCPError: A value is missing, or is for nothing.
        """
        unknown = set(given) - {one.name for one in self.arguments}
        missing = [one.name for one in self.arguments if one.required and not given.get(one.name, "").strip()]
        if unknown or missing:
            wrong = f"There is no argument {quoted(min(unknown), 60)}." if unknown else f"Give {', '.join(missing)}."
            known = ", ".join(one.name for one in self.arguments) or "none"
            raise MCPError(types.INVALID_PARAMS, f"{wrong} The arguments of {self.name}: {known}.")
        values = {
            one.name: quoted(value, LONGEST_VALUE) if cleaned(value := given.get(one.name, "")) else one.absent
            for one in self.arguments
        }
        message = types.PromptMessage(role="user", content=types.TextContent(text=self.text.format_map(values)))
        return types.GetPromptResult(description=self.description, messages=[message])


FILE_ARGUMENT = Argument("file", "Absolute path or https address of the PDF", required=True)

PROMPTS = (
    Prompt(
        name="publish_issue",
        title="Publish this period's PDF",
        description="Upload a PDF, wait for its conversion, publish it and hand over link and embed code.",
        arguments=(
            FILE_ARGUMENT,
            Argument("title", "What readers see", absent="a title you propose from the file's name and I agree to"),
            Argument("status", "public or unlisted", absent="public, unless I say unlisted"),
        ),
        needs=frozenset({"create_collection", "update_collection"}),
        text="""Publish the PDF {file} on Flipsnack. Title: {title}. Status when done: {status}.
1. list_collections with the title: if one like it exists, tell me and ask before you upload a second one.
2. create_collection with dry_run=true; show me title, pages, size, uploads left and every warning, and wait for my yes.
3. create_collection as a draft, then get_upload until the conversion is complete. If it failed, stop: another upload costs another of the month's.
4. update_collection to the status above. The hash changes; use the new one from the answer.
5. get_embed_code. Give me the reader's link, the embed code and the hash, each on its own line.""",
    ),
    Prompt(
        name="weekly_report",
        title="Weekly performance report",
        description="How the collections did in a period, against the one before it.",
        arguments=(
            Argument("start_date", "First day, YYYY-MM-DD", absent="the last full week's Monday"),
            Argument("end_date", "Last day, YYYY-MM-DD", absent="the last full week's Sunday"),
            Argument("query", "Only collections with these words", absent="all published collections"),
        ),
        needs=frozenset({"report_stats"}),
        text="""Report how my Flipsnack collections did from {start_date} to {end_date}. Collections: {query}.
1. get_user_stats for the account's totals.
2. report_stats with these dates and compare=true; while it is unfinished, call it again with the report_id it gives.
3. Write half a page: totals and their change, the best and the weakest collections by views, average reading time, \
and what had no views. Say which figures are partial or failed; guess none.
4. Offer to save it with save_as.""",
    ),
    Prompt(
        name="archive_season",
        title="Archive last season",
        description="Keep offline packages of a season's collections, then take them out of public view.",
        arguments=(Argument("season", "Words of the titles, such as Summer 2025", required=True),),
        needs=frozenset({"update_collections"}),
        text="""Archive the Flipsnack collections of {season}.
1. list_collections with these words, all pages; show me the list and wait until I say which ones are meant.
2. download_collection_html for each of them, one after another, calling again until each is complete. Report path and size.
3. If any package is missing, stop there and tell me.
4. update_collections on exactly these hashes with status=editable: show me the plan first. Carrying it out takes their \
links offline, so a person has to confirm it; never confirm in my place.
Delete nothing.""",
    ),
    Prompt(
        name="audit_account",
        title="Audit my account",
        description="Find duplicates, forgotten drafts, failed conversions and collections nobody reads. Changes nothing.",
        needs=frozenset({"list_collections", "report_stats"}),
        text="""Audit my Flipsnack account. Change nothing.
1. list_collections, all pages with limit=100: note titles that occur more than once, empty titles, and drafts (editable) older than a month.
2. get_collection with wait_seconds=0 for the drafts and everything without a cover: list failed conversions.
3. report_stats over the last 90 days: list what had no views.
4. Give me one table: collection, what is wrong, what you propose. Ask before you do any of it.""",
    ),
    Prompt(
        name="swap_issue",
        title="Swap an issue for a new one",
        description="Publish a new PDF, hand over its embed code, then unlist the old one. Flipsnack cannot replace a file: the link changes.",
        arguments=(
            Argument("old", "Hash or link of the collection to replace", required=True),
            FILE_ARGUMENT,
            Argument("title", "Of the new one", absent="the old one's title"),
        ),
        needs=frozenset({"create_collection", "update_collection"}),
        text="""Replace the Flipsnack collection {old} by the PDF {file}. Title of the new one: {title}.
Tell me first: Flipsnack cannot put a new file behind an old link, so link and embed code change; every page that embeds the old one has to be edited.
1. get_collection for the old one: remember title, description, size and status.
2. create_collection with dry_run=true and the same description and size; show it to me and wait for my yes.
3. create_collection, then get_upload until the conversion is complete; then update_collection to the old one's status.
4. get_embed_code of the new one. Give me new link and embed code, and wait until I say that my pages are changed.
5. Only then update_collection for the old one with status=unlisted: its link goes on working. Do not delete it.""",
    ),
)


def offered_prompts(tools: Mapping[str, object]) -> list[Prompt]:
    """The jobs that can be done with these tools."""
    return [one for one in PROMPTS if one.needs <= tools.keys()]


def fill_prompt(name: str, given: Mapping[str, object], tools: Mapping[str, object]) -> types.GetPromptResult:
    """A job by its name.

    Raises:
        MCPError: There is no such job, or its values are wrong.
    """
    known = {one.name: one for one in offered_prompts(tools)}
    if name not in known:
        raise MCPError(types.INVALID_PARAMS, f"There is no prompt {quoted(name, 60)}. There are: {', '.join(known)}.")
    return known[name].filled({key: str(value) for key, value in given.items()})
