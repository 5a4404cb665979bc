"""`flipsnack-mcp token`: who may call a server over HTTP, each with a token of their own, which is shown once."""

import sys
from collections.abc import Callable, Iterable
from datetime import timedelta
from pathlib import Path

from flipsnack_mcp.api import cleaned, names_with_room, quoted, shows_nothing
from flipsnack_mcp.commands import NAMES_NO_ACCOUNT, NotDone, fail_beside, say
from flipsnack_mcp.commands.columns import aligned
from flipsnack_mcp.server.callers.accounts import account_named, names_of
from flipsnack_mcp.server.callers.caller import Right
from flipsnack_mcp.settings import ACCOUNTS, Settings
from flipsnack_mcp.team.authentication.changing import change_tokens
from flipsnack_mcp.team.authentication.tokens import (
    ALL_ACCOUNTS,
    TokenEntry,
    TokensFile,
    TokensTold,
    TokensUnusableError,
    as_told_apart,
    new_token,
    now_in_utc,
    token_digest,
)

LONGEST_CALLED = 60
NO_FILE = "FLIPSNACK_TOKENS is not set: name a file in it, the same as for `serve --http`. Nothing was changed."
HOW_TO_USE = (
    'This token is shown once. Give it to {} alone; their client sends it as "Authorization: Bearer ...". '
    "It counts from now on, without a restart.\n"
)
NEW_ACCOUNTS = "Only an account that a server did not find in FLIPSNACK_ACCOUNTS when it started needs one.\n"
CANNOT_LOOK = "Without the right `read` nothing can be looked at with it, not even what became of an upload.\n"
HEADS = ("Name", "Accounts", "May", "Made", "Expires")
BY_DAY = "%Y-%m-%d"


def token_add(settings: Settings, name: str, accounts: str, may: str, days: int | None) -> int:
    """Make a token, print it once, and say beside it what it is for."""
    made = new_token()

    def add(told: TokensTold) -> TokensTold:
        given = checked_name(name, told.tokens)
        now = now_in_utc()
        entry = TokenEntry(
            name=given,
            sha256=token_digest(made),
            accounts=chosen_accounts(settings, accounts),
            may=rights_in(may),
            made=now,
            expires=None if days is None else now + timedelta(days=days),
        )
        return TokensTold(tokens=(*told.tokens, entry))

    if (status := change_or_say(settings, add)) == 0:
        say(made)
        sys.stderr.write(HOW_TO_USE.format(quoted(cleaned(name, LONGEST_CALLED))))
        if settings.accounts_file:
            sys.stderr.write(NEW_ACCOUNTS)
        if Right.READ not in rights_in(may):
            sys.stderr.write(CANNOT_LOOK)
    return status


def token_list(settings: Settings) -> int:
    """Print whose tokens there are; of none what it is."""
    if settings.tokens is None:
        return fail_beside(" ".join(settings.problems) or NO_FILE)
    try:
        told = TokensFile(settings.tokens).read()
    except TokensUnusableError as error:
        return fail_beside(str(error))
    say(aligned([HEADS, *map(token_row, told.tokens)]) if told.tokens else "Nobody has a token.")
    return 0


def token_revoke(settings: Settings, name: str) -> int:
    """Take a token back: whoever has it is let in no more from their next request on."""

    def revoke(told: TokensTold) -> TokensTold:
        wanted = as_told_apart(cleaned(name, LONGEST_CALLED))
        kept = tuple(one for one in told.tokens if one.called != wanted)
        if len(kept) == len(told.tokens):
            known = names_with_room([quoted(one.name) for one in told.tokens], 1000) or "none"
            raise NotDone(f"Nobody called {quoted(name, LONGEST_CALLED)} has a token. There are: {known}.")
        return TokensTold(tokens=kept)

    if (status := change_or_say(settings, revoke)) == 0:
        say(f"The token of {quoted(cleaned(name, LONGEST_CALLED))} is none any more, from its next request on.")
    return status


def change_or_say(settings: Settings, change: Callable[[TokensTold], TokensTold]) -> int:
    """Change the file, or say why not; the exit status."""
    if settings.tokens is None:
        return fail_beside(" ".join(settings.problems) or NO_FILE)
    try:
        change_tokens(Path(settings.tokens), change)
    except (NotDone, TokensUnusableError) as error:
        said = str(error)
        return fail_beside(said if "Nothing was changed" in said else f"{said} Nothing was changed.")
    return 0


def checked_name(name: str, known: Iterable[TokenEntry]) -> str:
    """The name as it is kept: one that a person can read, and that nobody else has.

    Raises:
        NotDone: It is none.
    """
    given = cleaned(name, LONGEST_CALLED)
    if shows_nothing(given) or len(name.strip()) > LONGEST_CALLED:
        raise NotDone(f"A name has something to read in it, and at most {LONGEST_CALLED} characters.")
    if as_told_apart(given) in {one.called for one in known}:
        raise NotDone(f"There is a token called {quoted(given)}. Take that back first, or choose another name.")
    return given


def chosen_accounts(settings: Settings, typed: str) -> tuple[str, ...]:
    """The accounts that are meant, as the accounts file calls them.

    Without that file there is one account. With it they have to be named, for a file gets longer: who is to use
    whatever it will name one day says so with `*`.

    Raises:
        NotDone: They are not there, or not named.
    """
    if ACCOUNTS in settings.sources and not settings.accounts_file:
        raise NotDone(" ".join(settings.problems))
    names = [one.strip() for one in typed.split(",") if one.strip()]
    if names == [ALL_ACCOUNTS]:
        return (ALL_ACCOUNTS,)
    if not settings.accounts_file:
        if names:
            raise NotDone(NAMES_NO_ACCOUNT.format("--account"))
        return ()
    known = f"The accounts are: {names_of(settings.every)}."
    if not names:
        raise NotDone(
            f"Say for which accounts: --account NAME,NAME, or --account '*' for all, also those to come. {known}"
        )
    found = [account_named(settings.every, one) for one in names]
    if unknown := [one for one, there in zip(names, found, strict=True) if there is None]:
        raise NotDone(f"There is no account {quoted(unknown[0], LONGEST_CALLED)}. {known}")
    return tuple(dict.fromkeys(one.name for one in found if one))


def rights_in(typed: str) -> frozenset[Right]:
    """The rights that are meant.

    Raises:
        NotDone: There are no such rights.
    """
    names = [one.strip().lower() for one in typed.split(",") if one.strip()]
    every = {one.value for one in Right}
    if not names or set(names) - every:
        raise NotDone(f"--may takes rights with commas between them: {', '.join(Right)}.")
    return frozenset(map(Right, names))


def token_row(entry: TokenEntry) -> tuple[str, ...]:
    """One line of the list."""
    accounts = ", ".join("all" if one == ALL_ACCOUNTS else one for one in entry.accounts) or "the one there is"
    may = ", ".join(one.value for one in Right if one in entry.may)
    over = entry.is_over(now_in_utc().timestamp())
    expires = f"{entry.expires.strftime(BY_DAY)}{' (over)' if over else ''}" if entry.expires else "never"
    return quoted(entry.name), accounts, may, entry.made.strftime(BY_DAY), expires
