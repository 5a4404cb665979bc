"""`flipsnack-mcp login`: keeps key and secret of an account, so that no client's configuration has to hold them."""

import os
from collections.abc import Mapping

from flipsnack_mcp.accounts_file import NAME
from flipsnack_mcp.commands import fail, say
from flipsnack_mcp.commands.setup.before import NOTHING_WAS_CHANGED
from flipsnack_mcp.commands.setup.client_file import Unsuitable
from flipsnack_mcp.commands.setup.credentials import (
    Keeping,
    check_credentials,
    forget_credentials,
    keep_credentials,
    typed_credentials,
)
from flipsnack_mcp.commands.setup.editing.in_toml import in_toml
from flipsnack_mcp.commands.setup.keychain import ONLY_ACCOUNT, Credentials
from flipsnack_mcp.commands.setup.wanted import RUN_AGAIN, carried_out
from flipsnack_mcp.reading import ACCOUNTS, CREDENTIALS
from flipsnack_mcp.settings import read_settings
from flipsnack_mcp.started import as_typed

WITHOUT_KEY = "FLIPSNACK_SANDBOX"


def log_in(account: str | None, options: Mapping[str, str]) -> int:
    """Keep key and secret of an account, once Flipsnack knows them or could not be asked.

    Raises:
        Unsuitable: They are wrong, or none came.
    """
    name = named_account(account)
    # What the environment says of a key may be meant for another account.
    of_others = () if account is None else (*CREDENTIALS, ACCOUNTS)
    environment = {one: text for one, text in os.environ.items() if not one.startswith((WITHOUT_KEY, *of_others))}
    settings = read_settings(environment, options)
    if settings.problems:
        raise Unsuitable(f"{' '.join(settings.problems)} {NOTHING_WAS_CHANGED}")
    given = Credentials(settings.api_key, settings.api_secret) if settings.api_key and settings.api_secret else None
    found = given or typed_credentials("to leave all as it is")
    if found is None:
        return fail(NOTHING_WAS_CHANGED)
    called_so = (one for one in read_settings(os.environ).accounts if account and one.name.lower() == account.lower())
    if said := check_credentials(found, next(called_so, settings)):
        say(said)
    with carried_out(RUN_AGAIN):
        keeping = keep_credentials(name, found)
    say(f"Key and secret are kept {keeping.said}.")
    say(what_then(name, account, keeping))
    return 0


def named_account(account: str | None) -> str:
    """What an account is kept as.

    Raises:
        Unsuitable: No account can be called so.
    """
    if account is not None and not NAME.fullmatch(account):
        raise Unsuitable(
            f"A name of an account has letters, digits, - and _, at most 40 of them. {NOTHING_WAS_CHANGED}"
        )
    return ONLY_ACCOUNT if account is None else account


def what_then(name: str, account: str | None, keeping: Keeping) -> str:
    """What a person does then."""
    if account is not None and keeping.environment:
        key, secret = (in_toml(one) if "'" in one else f"'{one}'" for one in keeping.environment.values())
        return f"In the file of accounts write below [accounts.{name}]: key_file = {key} and secret_file = {secret}."
    if account is not None:
        return f"In the file of accounts [accounts.{name}] needs neither key nor secret now."
    return f"`{as_typed('setup CLIENT')}` tells an assistant of it; `{as_typed('setup --help')}` names the clients."


def log_out(account: str | None) -> int:
    """Forget key and secret of an account."""
    with carried_out(RUN_AGAIN):
        gone = forget_credentials(named_account(account))
    if not gone:
        say(f"Neither key nor secret was kept. {NOTHING_WAS_CHANGED}")
        return 0
    say(f"Forgotten: {', '.join(gone)}.")
    say(f"Whoever was set up with them has no key at its next start: `{as_typed('doctor')}` names the assistants.")
    return 0
