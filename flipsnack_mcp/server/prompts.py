"""Prompts: jobs that a person starts by name. Each says which tools to use, in which order, and where to stop and ask."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from functools import cache
from pathlib import Path
from typing import Annotated

from mcp import MCPError, types
from pydantic import Field

from flipsnack_mcp.api import cleaned, in_its_own_words, quoted
from flipsnack_mcp.server.callers.accounts import ARGUMENT, WhichAccountError, existing_account, name_given, not_offered
from flipsnack_mcp.server.callers.caller import EVERY_RIGHT, Right
from flipsnack_mcp.server.callers.rights import NONE_OF_THEIRS
from flipsnack_mcp.server.toolsets import menu
from flipsnack_mcp.settings import Settings

LONGEST_VALUE = 500
NO_JOBS = "This server's settings leave room for none: use the tools."
SENT_BY_HAND = "that I send to the upload address of create_collection, which you give me first,"
"""What stands for a document that is no web address, where the server reads nobody's files."""


class Argument(types.PromptArgument, defer_build=True):
    """One thing the person fills in."""

    required: bool = False
    absent: Annotated[str, Field(exclude=True)] = ""
    """What stands in the text where it is not given."""
    words: Annotated[tuple[str, ...], Field(exclude=True)] = ()
    """The words of which it has to be one."""
    kind: Annotated[str, Field(exclude=True)] = ""
    """What of the account or the computer it is, where that can be looked up for who is typing."""


class Prompt(types.Prompt, defer_build=True):
    """One job, as MCP lists it. In the text, `{name}` stands for the argument's value in quotes."""

    arguments: list[Argument] = []  # type: ignore[assignment]  # nobody puts others in
    text: Annotated[str, Field(exclude=True)]
    needs: Annotated[frozenset[str], Field(exclude=True)]
    """Tools without which the job cannot be done."""
    takes_offline: Annotated[bool, Field(exclude=True)] = False
    """Whether it needs the right to that as well: it follows from none of its tools."""

    def wrong_with(self, given: Mapping[str, str]) -> list[str]:
        """What has to be given otherwise, a sentence for each."""
        values = {one.name: given.get(one.name, "").strip() for one in self.arguments}
        unknown = sorted(set(given) - values.keys())[:1]
        missing = ", ".join(one.name for one in self.arguments if one.required and not values[one.name])
        chosen = [one for one in self.arguments if one.words and values[one.name]]
        return [
            *(f"There is no argument {quoted(name, 60)}." for name in unknown),
            *([f"Give {missing}."] if missing else []),
            *(
                f"{one.name} has to be {' or '.join(one.words)}."
                for one in chosen
                if values[one.name].lower() not in one.words
            ),
        ]

    def filled(self, given: Mapping[str, str], more: str = "") -> types.GetPromptResult:
        """The job with the person's values.

        Raises:
            MCPError: A value is missing, is for nothing, or is none of the words that it can be.
        """
        if wrong := self.wrong_with(given):
            known = ", ".join(one.name for one in self.arguments) or "none"
            raise MCPError(types.INVALID_PARAMS, f"{' '.join(wrong)} The arguments of {self.name}: {known}.")
        values = {
            one.name: in_its_own_words(value, LONGEST_VALUE)
            if cleaned(value := given.get(one.name, ""))
            else one.absent
            for one in self.arguments
        }
        message = types.PromptMessage(role="user", content=types.TextContent(text=self.text.format_map(values) + more))
        return types.GetPromptResult(description=self.description, messages=[message])


WHOSE = Argument(
    name=ARGUMENT, description="Whose collections; absent, the assistant asks or reads the first account's"
)


@cache
def prompts() -> tuple[Prompt, ...]:
    """All jobs, as they are written down in `prompts.toml`."""
    import tomllib  # noqa: PLC0415 - only where a client asks for prompts

    written = tomllib.loads(Path(__file__).with_name("prompts.toml").read_text(encoding="utf-8"))["prompt"]
    return tuple(Prompt.model_validate(one) for one in written)


def offered_prompts(settings: Settings, rights: AbstractSet[Right] = EVERY_RIGHT) -> list[Prompt]:
    """The jobs that can be done with the tools of these settings; of which account, where there are several."""
    tools, several = menu(settings, rights), len(settings.every) > 1
    known = tuple(map(with_addresses, prompts())) if settings.team else prompts()
    possible = (one for one in known if one.needs <= tools.keys())
    offered = [one for one in possible if not one.takes_offline or Right.DELETE in rights]
    return [one.model_copy(update={"arguments": [*one.arguments, WHOSE]}) if several else one for one in offered]


def with_addresses(prompt: Prompt) -> Prompt:
    """A job for people who share no disk with the server: its document may be sent to an address."""
    changes = {
        "required": False,
        "absent": SENT_BY_HAND,
        "description": "https address of the PDF; absent, you send it",
    }
    arguments = [one.model_copy(update=changes) if one.kind == "document" else one for one in prompt.arguments]
    return prompt.model_copy(update={"arguments": arguments})


def argument_of(prompt: str, argument: str) -> Argument | None:
    """An argument of a job, as it is written down."""
    return next((one for job in prompts() if job.name == prompt for one in job.arguments if one.name == argument), None)


def completed_as(prompt: str, argument: str) -> str:
    """What an argument is, where that can be looked up."""
    asked = argument_of(prompt, argument)
    return asked.kind if asked else ""


def suggest_words(prompt: str, argument: str, typed: str) -> types.Completion | None:
    """What an argument may be, of the words that begin as typed; None where it can be anything."""
    words = asked.words if (asked := argument_of(prompt, argument)) else ()
    begun = [word for word in words if word.startswith(typed.strip().lower())]
    return types.Completion(values=begun, total=len(begun), has_more=False) if words else None


def fill_prompt(
    name: str, given: Mapping[str, object], settings: Settings, rights: AbstractSet[Right] = EVERY_RIGHT
) -> types.GetPromptResult:
    """A job by its name.

    Raises:
        MCPError: There is no such job, or its values are wrong.
    """
    known = {one.name: one for one in offered_prompts(settings, rights)}
    if name not in known:
        there = f"There are: {', '.join(known)}." if known else NONE_OF_THEIRS if offered_prompts(settings) else NO_JOBS
        raise MCPError(types.INVALID_PARAMS, f"There is no prompt {quoted(name, 60)}. {there}")
    values, prompt = {key: str(value) for key, value in given.items()}, known[name]
    return prompt.filled(values, wording_of_account(prompt, values, settings))


def wording_of_account(prompt: Prompt, values: Mapping[str, str], settings: Settings) -> str:
    """What the job says of whose it is.

    Raises:
        MCPError: There is no such account, or the job cannot be done there.
    """
    name, every = name_given(values), settings.every
    if not name or len(every) == 1:
        return ""
    try:
        account = existing_account(every, name)
        if lacking := prompt.needs - menu(account).keys():
            raise not_offered(min(lacking), account, [one for one in every if prompt.needs <= menu(one).keys()])
    except WhichAccountError as error:
        raise MCPError(types.INVALID_PARAMS, f"{error.happened} {error.next_step}") from None
    return f'\nGive account="{account.name}" in every call.'
