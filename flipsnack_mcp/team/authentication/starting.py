"""What is to be said of who may call: before a server starts, and where somebody looks at its settings."""

from typing import TYPE_CHECKING

from flipsnack_mcp.reading import LOOPBACK
from flipsnack_mcp.server.callers.accounts import LONGEST_LIST
from flipsnack_mcp.server.callers.caller import Right
from flipsnack_mcp.settings import Settings
from flipsnack_mcp.started import as_typed
from flipsnack_mcp.team.authentication.allowed import BY_CLAIM, is_for_others
from flipsnack_mcp.team.authentication.knowing import Authentication
from flipsnack_mcp.team.authentication.tokens import TokensTold
from flipsnack_mcp.team.authentication.unknowable import CannotTellError
from flipsnack_mcp.text import names_with_room, quoted

if TYPE_CHECKING:
    from flipsnack_mcp.team.authentication.issuer import PublishedKeys

NOBODY_ASKED = (
    "{} can be reached from other machines, and nothing says who may call, so anyone there could use your Flipsnack account: "
    "set FLIPSNACK_TOKENS to a file and make a token with `{}`, or FLIPSNACK_AUTH_ISSUER to an authorization server; 127.0.0.1 "
    "serves this machine only. Nothing was started."
)
WRITTEN_WRONGLY = "who may call is to be asked, and what says so cannot be used, so everybody could: set it right. Nothing was started."
SAYS_WHO_MAY = {"FLIPSNACK_TOKENS", "FLIPSNACK_AUTH_ISSUER"}
NO_ADDRESS = "it has to be known under which address clients reach this server{}: set FLIPSNACK_PUBLIC_URL to it. Nothing was started."
FOR_ISSUER = ", for access tokens of FLIPSNACK_AUTH_ISSUER have to be for it"
NOBODY_YET = "nobody has a token of the file yet: `{}` makes one"
RECOMMENDED = (
    "nothing says who may call: every program and every other user of this machine can{}. To tell them apart set "
    "FLIPSNACK_TOKENS to a file and make a token with `{}`."
)
WHOEVER_REACHES = ", and everybody who reaches {}"
"""Behind a balancer or a tunnel it is bound to this machine, and open to others all the same."""
NOBODY_NAMED = (
    "FLIPSNACK_AUTH_ISSUER is set, and no account says whom it is for, so nobody may call by it: name them in "
    'FLIPSNACK_ACCOUNTS, with `callers = ["ISSUER SUBJECT", "claim:NAME=VALUE"]` at an account.'
)

OF_ANOTHER_ISSUER = (
    "{} may not call, though FLIPSNACK_ACCOUNTS names them: their issuer has to be written exactly as "
    "FLIPSNACK_AUTH_ISSUER, {}, with or without a stroke at its end."
)
FOR_NO_ACCOUNT = (
    "{} may use fewer accounts than their tokens were made for, or none: FLIPSNACK_ACCOUNTS names an account of them "
    "otherwise, or came later than the token. `{}` shows the names; take such a token back and make another, or give the "
    "account its name back."
)


def refusal_to_serve(settings: Settings, host: str) -> str:
    """Why nothing is served at this host, or nothing."""
    reachable = host not in LOOPBACK
    if reachable and not settings.asks_who_calls:
        return NOBODY_ASKED.format(host, as_typed("token add NAME"))
    if not settings.asks_who_calls and SAYS_WHO_MAY & settings.sources.keys():
        return WRITTEN_WRONGLY  # also on this machine: a balancer may stand before it
    if reachable and not settings.public_url:
        return NO_ADDRESS.format(FOR_ISSUER if settings.auth_issuer else "")
    return ""


async def looked_at_callers(settings: Settings) -> list[tuple[bool, str]]:
    """What can be found out of who may call, and whether each is well."""
    found = list[tuple[bool, str]]()
    known = Authentication(settings)
    if known.tokens:
        trouble = known.trouble()
        found.append((not trouble, trouble or tokens_told(known.tokens.read())))
        found += [(False, said) for said in tokens_for_no_account(known)]
    if known.signed:
        found.append(await keys_told(known.signed.keys))
        found += [(False, said) for said in names_that_let_in_nobody(settings)]
    return found


def names_that_let_in_nobody(settings: Settings) -> list[str]:
    """What is wrong with whom the accounts name, where an authorization server vouches for people."""
    issuer, named = settings.auth_issuer, list(dict.fromkeys(name for one in settings.every for name in one.callers))
    if not issuer or not named:
        return [NOBODY_NAMED] if issuer else []
    others = [one for one in named if not one.startswith(BY_CLAIM) and one.partition(" ")[0] != issuer]
    told = names_with_room([quoted(one) for one in others], LONGEST_LIST)
    return [OF_ANOTHER_ISSUER.format(told, issuer)] if others else []


def tokens_for_no_account(known: Authentication) -> list[str]:
    """Whose tokens are for accounts that are not there."""
    settings = known.settings
    readable = known.tokens and not known.trouble() and not settings.problems
    every = known.tokens.read().tokens if known.tokens and readable else ()
    whose = [quoted(one.name) for one in every if is_for_others(one, settings)]
    listed = names_with_room(whose, LONGEST_LIST)
    return [FOR_NO_ACCOUNT.format(listed, as_typed("token list"))] if whose else []


def tokens_told(told: TokensTold) -> str:
    """Whose tokens there are."""
    names = [f"{quoted(one.name)} ({', '.join(right for right in Right if right in one.may)})" for one in told.tokens]
    return f"{len(names)} with a token of the file: {names_with_room(names, LONGEST_LIST)}" if names else nobody_told()


def nobody_told() -> str:
    """That nobody has a token, and what makes one."""
    return NOBODY_YET.format(as_typed("token add NAME"))


async def keys_told(keys: "PublishedKeys") -> tuple[bool, str]:
    """Whether its keys can be had."""
    try:
        count = await keys.count()
    except CannotTellError as error:
        return False, str(error)
    return count > 0, f"{keys.issuer} publishes {count} keys that can have signed a token"


def remarks_on_callers(settings: Settings) -> list[str]:
    """What the person who starts a server on HTTP should know of who may call."""
    if not settings.asks_who_calls:
        others = WHOEVER_REACHES.format(settings.public_url) if settings.public_url else ""
        return [RECOMMENDED.format(others, as_typed("token add NAME"))]
    known = Authentication(settings)
    trouble = known.trouble() or (nobody_told() if known.nobody_yet else "")
    return [*names_that_let_in_nobody(settings), *tokens_for_no_account(known), *([trouble] if trouble else [])]
