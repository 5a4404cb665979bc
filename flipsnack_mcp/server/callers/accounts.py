"""Which account a request is about, where a server has several: rules over their settings, without asking anybody."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from flipsnack_mcp.api import FlipsnackError, names_with_room, quoted, shows_nothing
from flipsnack_mcp.settings import Settings

if TYPE_CHECKING:  # a terminal asks for accounts as well, and needs no SDK for that
    from mcp.types import Tool

ARGUMENT = "account"
EVERY_ONE = "*"
LONGEST_LIST = 2500
"""Characters of names in a text."""


class NoSuchWorkError(FlipsnackError):
    """The account knows no work by that id."""


class WhichAccountError(FlipsnackError):
    """It cannot be told which account is meant, or it is not the one that was named; nothing was asked."""

    retry = "Correct the arguments, then make the call again."


def names_of(every: Iterable[Settings], room: int = LONGEST_LIST) -> str:
    """As many names of accounts as have room in a text, and how many more there are."""
    return names_with_room([one.name for one in every], room)


def name_given(arguments: Mapping[str, Any] | None) -> str:
    """What a call names as its account; what a client filled in where it had nothing to say names none."""
    value = (arguments or {}).get(ARGUMENT) or ""
    return "" if shows_nothing(str(value)) else str(value).strip()


def account_named(every: Sequence[Settings], name: str) -> Settings | None:
    """The account that is called so, by any of its names; large and small letters are the same."""
    wanted = name.strip().casefold()
    return next((one for one in every if wanted in {each.casefold() for each in (one.name, *one.aliases)}), None)


def existing_account(every: Sequence[Settings], name: str) -> Settings:
    """The account of that name.

    Raises:
        WhichAccountError: There is none.
    """
    if found := account_named(every, name):
        return found
    raise no_account_named(every, name)


def no_account_named(every: Sequence[Settings], name: str) -> WhichAccountError:
    """What to say where no single account is called so."""
    happened = (
        "Only report_stats takes all accounts at once."
        if name == EVERY_ONE
        else f"There is no account {quoted(name, 60)}."
    )
    return WhichAccountError(happened, f"The accounts are: {names_of(every)}.")


def identity_of(every: Sequence[Settings], arguments: Mapping[str, Any] | None) -> str:
    """By what the store knows the account that these arguments name; that of the first, where they name none."""
    named = account_named(every, name_given(arguments)) if len(every) > 1 else None
    return (named or every[0]).account


def none_named(every: Sequence[Settings], owner: Settings | None) -> WhichAccountError:
    """What to say where a call that names no account would have to guess whose it is to change."""
    if owner:
        return WhichAccountError(
            f'The link is of the account "{owner.name}", and a call that may change something has to name its account.',
            f'Give account="{owner.name}" if that one is meant.',
        )
    return WhichAccountError(
        "A call that may change something has to name its account.",
        f'Give account="..." with one of: {names_of(every)}. Ask the person if you cannot tell which.',
    )


def not_by_this_link(chosen: Settings, owner: Settings | None) -> WhichAccountError:
    """What to say where something would be changed by a link that is not known to be of the named account."""
    if owner:
        return WhichAccountError(
            f'The link is of the account "{owner.name}", and "{chosen.name}" was named.',
            f'Give account="{owner.name}" if that one is meant.',
        )
    return WhichAccountError(
        f'It cannot be told that the link is of the account "{chosen.name}", which was named.',
        "Find the collection by its title with list_collections, and give its hash if it is there.",
    )


def not_offered(tool: str, account: Settings, others: Iterable[Settings]) -> WhichAccountError:
    """What to say where other accounts have a tool that this one has not."""
    why = "it is read-only" if account.read_only else "FLIPSNACK_TOOLSETS leaves it out there"
    return WhichAccountError(
        f'The account "{account.name}" has no `{tool}`: {why}.',
        f"Tell the person. These have it: {names_of(others)}.",
        retry="Trying again there will not help.",
    )


def taking_account(tool: "Tool", over_accounts: Mapping[str, Any] | None, *, writes: bool) -> "Tool":
    """The tool as it is listed where there are several accounts; `over_accounts` is the schema of its answer over all.

    What has to be named is not described as well: with both it would cost more tokens than a tool has for its account.
    """
    described = (
        {} if writes else {"description": f"Default first; {EVERY_ONE} all" if over_accounts else "Default: first"}
    )
    schema = tool.input_schema
    properties = {**schema.get("properties", {}), ARGUMENT: {**described, "type": "string"}}
    required = [*schema.get("required", ()), *([ARGUMENT] if writes else [])]
    changed = {**schema, "properties": properties, **({"required": required} if required else {})}
    return tool.model_copy(update={"input_schema": changed, "output_schema": over_accounts or tool.output_schema})
