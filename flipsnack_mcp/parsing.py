"""What can be typed on the command line, and what is said of anything else: never what was typed, for it may be a key."""

import argparse
import math
import re
import time
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, NoReturn

from typing_extensions import override

from flipsnack_mcp import __version__
from flipsnack_mcp.accounts_file import SIZES
from flipsnack_mcp.clients import CLIENTS
from flipsnack_mcp.reading import nearest
from flipsnack_mcp.server.callers.caller import Right
from flipsnack_mcp.settings import OF_A_TEAM, VARIABLES, Variable

SPAN = re.compile(r"([0-9]{1,4})([mhdw])")
LENGTHS = {"m": 60, "h": 3600, "d": 86_400, "w": 604_800}
SOME_TIME = "a day (2026-11-23), a day and a time (2026-11-23T14:30) or how long ago (30m, 12h, 7d, 2w)"
EVERY_NAME = frozenset(one.name for one in VARIABLES)
OF_TOKENS = frozenset({"FLIPSNACK_TOKENS", "FLIPSNACK_ACCOUNTS"})
"""The settings without which nobody can say what a token is for."""
TO_ASK_WITH = frozenset(
    {"FLIPSNACK_API_KEY_FILE", "FLIPSNACK_API_SECRET_FILE", "FLIPSNACK_API_URL", "FLIPSNACK_UPLOAD_URL"}
)
"""The settings by which a key is known and tried out."""
OF_LEADS = frozenset({"FLIPSNACK_STATE", "FLIPSNACK_ACCOUNTS", "FLIPSNACK_PUBLIC_URL"})
LACKING = "the following arguments are required: "
"""How the parser begins to say what is missing."""
ALONE = frozenset({"--version", "--help", "-h"})


class WrongUsage(Exception):  # noqa: N818 - it says what is wrong, in words of ours
    """Something was typed that is no command, option or value."""


class Parser(argparse.ArgumentParser):
    """A parser whose errors are worded here. No abbreviations: a value must not be taken for that of a longer name."""

    def __init__(self, **details: Any) -> None:
        super().__init__(**details, exit_on_error=False, allow_abbrev=False)

    @override
    def error(self, message: str) -> NoReturn:
        command = self.prog.split()[1:]
        if message.startswith(LACKING):
            raise WrongUsage(
                f"{' '.join((*command, message.removeprefix(LACKING)))} is what it takes; {see_help(*command)}"
            )
        raise WrongUsage(f"this cannot be understood; {see_help(*command)}")

    @property
    def options(self) -> list[str]:
        """All options it takes."""
        return [*self._option_string_actions]


def parsed(given: Sequence[str]) -> argparse.Namespace:
    """Read what was typed, which is one word at least.

    Raises:
        WrongUsage: Something in it is not known.
    """
    top, commands = parsers()
    if given[0] not in {*commands, *ALONE}:
        meant = nearest(given[0].lower(), commands)
        raise WrongUsage(f"there is no such command{meant or '; the commands are ' + ', '.join(commands)}")
    try:
        options, unknown = top.parse_known_args(given)
    except argparse.ArgumentError as error:
        raise WrongUsage(worded(error)) from None
    if unknown:
        raise WrongUsage(unknown_words(unknown, given[0], commands[given[0]]))
    if given[0] == "doctor" and options.token_file and not options.http:
        raise WrongUsage("--token-file goes with --http alone")
    if given[0] == "doctor" and options.http is not None and (options.config is not None or options.fix):
        raise WrongUsage("--http looks at a server from outside: --config and --fix are for this computer")
    if given[0] == "setup" and options.print and options.remove:
        raise WrongUsage("--print and --remove do not go together")
    if given[0] == "history" and options.undo is not None and (options.json or options.verify or options.since):
        raise WrongUsage("--undo goes with --account alone")
    return options


def unknown_words(unknown: Sequence[str], command: str, parser: Parser) -> str:
    """Say what was typed too much."""
    options = [one.partition("=")[0].lower() for one in unknown if one.startswith("-")]
    if not options:
        return "there is an argument too many"
    meant = nearest(options[0], parser.options)
    return f"there is no such option{meant or f'; {see_help(command)}'}"


def see_help(*command: str) -> str:
    """Name the help, as it is called here."""
    from flipsnack_mcp.started import as_typed  # noqa: PLC0415  # only for who mistypes

    return f"see {as_typed(' '.join((*command, '--help')))}"


def worded(error: argparse.ArgumentError) -> str:
    """Say what is wrong with the value of an option, without the value."""
    if error.message.startswith(("expected ", "takes ")):
        return f"{error.argument_name} {error.message}"
    if "|" in (error.argument_name or ""):
        return f"there is no such command; it takes {error.argument_name}"
    if error.message.startswith("ignored explicit argument"):
        return f"{error.argument_name} takes no value"
    return f"{error.argument_name} has a value that it does not take"


def parsers() -> tuple[Parser, dict[str, Parser]]:
    """Make the parser of everything, and those of the commands."""
    top = Parser(
        prog="flipsnack-mcp",
        description="Run a Flipsnack account from an assistant: an MCP server. Without a command it serves on stdio.",
    )
    top.add_argument("--version", action="version", version=f"flipsnack-mcp {__version__}")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    serve = commands.add_parser("serve", help="serve MCP on stdio, or on HTTP for this machine or a team")
    serve.add_argument("--http", metavar="HOST:PORT", help="serve on http://HOST:PORT/mcp instead of stdio")
    add_settings(serve)
    add_setup(commands.add_parser("setup", help="set this server up in an assistant, or take it out again"))
    add_login(commands.add_parser("login", help="keep key and secret in the keychain of this computer"))
    demo = commands.add_parser("demo", help="show the main job from one end to the other, without a key")
    demo.add_argument("--show", action="store_true", help="open the saved report in a browser at the end")
    doctor = commands.add_parser("doctor", help="check configuration, signing and access")
    doctor.add_argument("--json", action="store_true", help="print the findings as JSON")
    doctor.add_argument(
        "--http", metavar="URL", help="look at a server that runs, from outside, instead of at this computer"
    )
    doctor.add_argument(
        "--token-file", default="", metavar="FILE", help="with --http: holds a token for it; - to type one"
    )
    doctor.add_argument("--config", metavar="FILE", help="look at what this configuration file of a client says")
    doctor.add_argument("--fix", action="store_true", help="set right what can be without losing anything")
    approve = commands.add_parser("approve", help="approve a deletion that waits for a person")
    approve.add_argument("code", nargs="?", help="the code the assistant was given; without it, what waits is listed")
    history = commands.add_parser("history", help="show what was changed, by whose yes, and how it was before")
    history.add_argument("--json", action="store_true", help="print it as JSON, with how each was before its change")
    history.add_argument("--verify", action="store_true", help="say whether the trail is whole")
    history.add_argument("--account", metavar="NAME", help="of one account only, by its name, label or hash")
    history.add_argument(
        "--since", type=time_from, default=0.0, metavar="TIME", help=f"what was done since then: {SOME_TIME}"
    )
    history.add_argument(
        "--undo", type=whole, metavar="ID", help="put back what the change with this number left, once you agreed to it"
    )
    add_tokens(commands.add_parser("token", help="say who may call a server over HTTP, and take that back"))
    add_hooks(commands.add_parser("hooks", help="say where the leads of an account arrive, and take that back"))
    add_leads(commands.add_parser("leads", help="take out all leads, or erase those of an e-mail address"))
    move = commands.add_parser("move", help="move what a state file holds to the Redis server of FLIPSNACK_STATE")
    move.add_argument("file", nargs="?", help="the file; without it, the usual one")
    sandbox = commands.add_parser("sandbox", help="serve the imitation Flipsnack over HTTP, for tests")
    sandbox.add_argument("--port", type=port, default=0, help="port on this machine; 0 picks a free one")
    add_imitation(sandbox)
    return top, dict(commands.choices)


def add_setup(setup: argparse.ArgumentParser) -> None:
    """Where a server is set up, and what it is told there."""
    setup.add_argument("client", type=client, metavar="CLIENT", help=f"one of {', '.join(CLIENTS)}")
    setup.add_argument("--print", action="store_true", help="print the entry, and change nothing")
    setup.add_argument("--remove", action="store_true", help="take the entry out; the file is then as it was before")
    setup.add_argument("--yes", action="store_true", help="do not ask")
    add_settings(setup, EVERY_NAME - OF_A_TEAM)


def add_login(login: argparse.ArgumentParser) -> None:
    """Whose key and secret are kept."""
    login.add_argument("--account", metavar="NAME", help="of an account of FLIPSNACK_ACCOUNTS, by its name there")
    login.add_argument("--remove", action="store_true", help="forget them")
    add_settings(login, TO_ASK_WITH)


def client(text: str) -> str:
    """Read the name of a client."""
    if text.strip().lower() in CLIENTS:
        return text.strip().lower()
    raise argparse.ArgumentTypeError(f"takes one of {', '.join(CLIENTS)}")


def add_tokens(token: argparse.ArgumentParser) -> None:
    """What can be done with tokens."""
    what = token.add_subparsers(dest="what", required=True, metavar="add|list|revoke")
    add = what.add_parser("add", help="make a token, which is printed once")
    add.add_argument("name", metavar="NAME", help="whose it is, for the history")
    add.add_argument("--account", metavar="A,B", help="for which accounts of FLIPSNACK_ACCOUNTS; '*' for all of them")
    add.add_argument(
        "--may",
        metavar="RIGHTS",
        default="read",
        help=f"of {', '.join(Right)}, with commas; the last two are for what readers fill in (default: read)",
    )
    add.add_argument("--expires", type=whole, metavar="DAYS", help="after how many days it is over (default: never)")
    every = what.add_parser("list", help="show whose tokens there are")
    revoke = what.add_parser("revoke", help="take a token back")
    revoke.add_argument("name", metavar="NAME", help="whose it is")
    add_some_settings((add, every, revoke), OF_TOKENS)


def add_hooks(hooks: argparse.ArgumentParser) -> None:
    """What can be done with the addresses at which leads arrive."""
    what = hooks.add_subparsers(dest="what", required=True, metavar="add|list|replace|revoke")
    every = {
        "add": "make the address of an account, which is printed once",
        "list": "show which accounts have one, and how many leads came",
        "replace": "make another one; the one before ends",
        "revoke": "end it",
    }
    made = {name: what.add_parser(name, help=text) for name, text in every.items()}
    for name in made.keys() - {"list"}:
        made[name].add_argument("account", nargs="?", metavar="ACCOUNT", help="its name in FLIPSNACK_ACCOUNTS")
    add_some_settings(made.values(), OF_LEADS)


def add_leads(leads: argparse.ArgumentParser) -> None:
    """What can be done with leads in a terminal."""
    what = leads.add_subparsers(dest="what", required=True, metavar="export|erase")
    export = what.add_parser("export", help="print them all, unmasked, as a table (CSV)")
    export.add_argument("account", nargs="?", metavar="ACCOUNT", help="of one account only")
    export.add_argument("--since", type=time_from, default=0.0, metavar="TIME", help=f"since then: {SOME_TIME}")
    export.add_argument("--json", action="store_true", help="print them as JSON")
    erase = what.add_parser("erase", help="erase every lead of an e-mail address, for good")
    erase.add_argument("address", nargs="?", metavar="ADDRESS", help="without it, it is asked for")
    add_some_settings((export, erase), OF_LEADS)


def add_some_settings(commands: Iterable[argparse.ArgumentParser], names: frozenset[str]) -> None:
    """Some of the settings, as options."""
    for variable in VARIABLES:
        if variable.name in names:
            for one in commands:
                text = f"{variable.meaning} ({variable.name})".replace("%", "%%")
                one.add_argument(variable.option, dest=variable.name, help=text, metavar="VALUE")


def add_imitation(sandbox: argparse.ArgumentParser) -> None:
    """With what an imitation begins, and how fast it is."""
    sizes = "with what it begins: some 25 collections, some 210, or none (default: small)"
    sandbox.add_argument("--account", choices=SIZES, default=SIZES[0], help=sizes)
    paces = {
        "--calls-per-minute": (whole, 60, "calls that it takes; 0 for no limit (default: 60)"),
        "--conversion-seconds": (seconds, 5.0, "how long a document is converted (default: 5)"),
        "--package-seconds": (seconds, 5.0, "how long an HTML package takes (default: 5)"),
        "--retry-seconds": (seconds, 1.0, "how long until the first of a webhook's five retries (default: 1)"),
    }
    for option, (kind, usual, text) in paces.items():
        sandbox.add_argument(option, type=kind, default=usual, metavar="N", help=text)
    sandbox.add_argument(
        "--hook",
        type=hook_address,
        metavar="URL",
        help="where leads and orders go, once a POST to the leads_url of its first line asks for them",
    )


def hook_address(text: str) -> str:
    """Read where a webhook is."""
    from flipsnack_mcp.sandbox.webhook.address import may_be_hook  # noqa: PLC0415  # only for an imitation with one

    if may_be_hook(text):
        return text
    raise argparse.ArgumentTypeError("takes an https address, or an http address on this machine")


def time_from(text: str) -> float:
    """Read a day, a day and a time by the clock here, or how long ago something was."""
    if span := SPAN.fullmatch(text.strip().lower()):
        return time.time() - int(span[1]) * LENGTHS[span[2]]
    from datetime import datetime  # noqa: PLC0415  # a server starts without it

    try:
        return datetime.fromisoformat(text.strip()).timestamp()
    except (ValueError, OverflowError, OSError):
        raise argparse.ArgumentTypeError(f"takes {SOME_TIME}") from None


def whole(text: str) -> int:
    """Read a whole number."""
    if text.isascii() and text.isdigit() and len(text) <= 9:
        return int(text)
    raise argparse.ArgumentTypeError("takes a whole number")


def seconds(text: str) -> float:
    """Read a length of time."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if 0 <= value < math.inf:
        return value
    raise argparse.ArgumentTypeError("takes a number of seconds")


def port(text: str) -> int:
    """Read the number of a port."""
    if text.isascii() and text.isdigit() and len(text) <= 5 and int(text) < 65536:
        return int(text)
    raise argparse.ArgumentTypeError("takes a number from 0 to 65535")


def add_settings(parser: argparse.ArgumentParser, names: AbstractSet[str] = EVERY_NAME) -> None:
    """Every one of these settings that is no secret, as an option."""
    for variable in VARIABLES:
        if variable.option and variable.name in names:
            text = f"{variable.meaning} ({variable.name}; default: {variable.default or 'none'})".replace("%", "%%")
            parser.add_argument(variable.option, dest=variable.name, help=text, **values_of(variable))


def values_of(variable: Variable) -> dict[str, Any]:
    """How many values an option takes. A host that fills in a list may give none, and lists add up."""
    if variable.separator:
        return {"nargs": "*", "action": "extend", "metavar": "VALUE"}
    return {"nargs": "?", "const": "1", "metavar": "0|1"} if variable.flag else {"metavar": "VALUE"}


def given_settings(options: argparse.Namespace) -> dict[str, str]:
    """The settings among the options, each as its variable would hold it."""
    found = {one: getattr(options, one.name, None) for one in VARIABLES}
    joined = {one: one.separator.join(value) if isinstance(value, list) else value for one, value in found.items()}
    return {one.name: value for one, value in joined.items() if value or (value is not None and not one.separator)}
