"""The commands there are, with their arguments and what the help says of each."""

import argparse
from functools import cache

from flipsnack_mcp import __version__
from flipsnack_mcp.accounts_file import SIZES
from flipsnack_mcp.clients import CLIENTS
from flipsnack_mcp.parsing.as_options import EVERY_NAME, add_settings
from flipsnack_mcp.parsing.usage import Parser
from flipsnack_mcp.parsing.values import SOME_TIME, client, hook_address, life, port, seconds, size, time_from, whole
from flipsnack_mcp.server.callers.caller import Right
from flipsnack_mcp.settings import OF_A_TEAM

OF_TOKENS = frozenset({"FLIPSNACK_TOKENS", "FLIPSNACK_ACCOUNTS"})
"""The settings without which nobody can say what a token is for."""
TO_ASK_WITH = frozenset(
    {"FLIPSNACK_API_KEY_FILE", "FLIPSNACK_API_SECRET_FILE", "FLIPSNACK_API_URL", "FLIPSNACK_UPLOAD_URL"}
)
"""The settings by which a key is known and tried out."""
OF_LEADS = frozenset({"FLIPSNACK_STATE", "FLIPSNACK_ACCOUNTS", "FLIPSNACK_PUBLIC_URL"})


@cache
def parsers() -> tuple[Parser, dict[str, Parser]]:
    """Make the parser of everything, and those of the commands: once, also where entries of many clients are read."""
    top = Parser(
        prog="flipsnack-mcp",
        description="Run a Flipsnack account from an assistant: an MCP server. Without a command it serves on stdio.",
    )
    top.add_argument("--version", action="version", version=f"flipsnack-mcp {__version__}")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    serve = add_command(commands, "serve", "serve MCP on stdio, or on HTTP for this machine or a team")
    serve.add_argument("--http", metavar="HOST:PORT", help="serve on http://HOST:PORT/mcp instead of stdio")
    add_settings(serve)
    add_setup(add_command(commands, "setup", "set this server up in an assistant, or take it out again"))
    add_login(add_command(commands, "login", "keep key and secret in the keychain of this computer"))
    demo = add_command(commands, "demo", "show the main job from one end to the other, without a key")
    demo.add_argument("--show", action="store_true", help="open the saved report in a browser at the end")
    add_doctor(add_command(commands, "doctor", "check configuration, signing and access"))
    approve = add_command(commands, "approve", "approve a deletion that waits for a person")
    approve.add_argument("code", nargs="?", help="the code the assistant was given; without it, what waits is listed")
    add_history(add_command(commands, "history", "show what was changed, by whose yes, and how it was before"))
    add_tokens(add_command(commands, "token", "say who may call a server over HTTP, and take that back"))
    add_hooks(add_command(commands, "hooks", "say where the leads of an account arrive, and take that back"))
    add_leads(add_command(commands, "leads", "take out all leads, or erase those of an e-mail address"))
    move = add_command(commands, "move", "move what a state file holds to the Redis server of FLIPSNACK_STATE")
    move.add_argument("file", nargs="?", help="the file; without it, the usual one")
    sandbox = add_command(commands, "sandbox", "serve the imitation Flipsnack over HTTP, for tests")
    sandbox.add_argument("--port", type=port, default=0, help="port on this machine; 0 picks a free one")
    add_imitation(sandbox)
    return top, dict(commands.choices)


def add_command(commands: "argparse._SubParsersAction[Parser]", name: str, text: str) -> Parser:
    """A command of which the help says the same as its own does."""
    return commands.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")


def add_doctor(doctor: argparse.ArgumentParser) -> None:
    """What is looked at, and whether it is set right."""
    doctor.add_argument("--json", action="store_true", help="print the findings as JSON")
    doctor.add_argument(
        "--http", metavar="URL", help="look at a server that runs, from outside, instead of at this computer"
    )
    doctor.add_argument(
        "--token-file", default="", metavar="FILE", help="with --http: holds a token for it; - to type one"
    )
    doctor.add_argument("--config", metavar="FILE", help="look at what this configuration file of a client says")
    doctor.add_argument("--fix", action="store_true", help="set right what can be without losing anything")


def add_history(history: argparse.ArgumentParser) -> None:
    """Which changes are shown, and which is undone."""
    history.add_argument("--json", action="store_true", help="print it as JSON, with how each was before its change")
    history.add_argument("--verify", action="store_true", help="say whether the trail is whole")
    history.add_argument("--account", metavar="NAME", help="of one account only, by its name, label or hash")
    history.add_argument(
        "--since", type=time_from, default=0.0, metavar="TIME", help=f"what was done since then: {SOME_TIME}"
    )
    history.add_argument(
        "--undo",
        type=whole,
        metavar="ID",
        help="put back what was before the change with this number, once you agreed to it",
    )


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


def add_tokens(token: Parser) -> None:
    """What can be done with tokens."""
    what = token.add_subparsers(dest="what", required=True, metavar="add|list|revoke")
    add = add_command(what, "add", "make a token, which is printed once")
    add.add_argument("name", metavar="NAME", help="whose it is, for the history")
    accounts = "for which accounts of FLIPSNACK_ACCOUNTS; '*' for all of them"
    add.add_argument("--account", action="append", default=[], metavar="A,B", help=accounts)
    add.add_argument(
        "--may",
        action="append",
        metavar="RIGHTS",
        help=f"of {', '.join(Right)}, with commas; the last two are for what readers fill in (default: read)",
    )
    add.add_argument("--expires", type=life, metavar="DAYS", help="after how many days it is over (default: never)")
    every = add_command(what, "list", "show whose tokens there are")
    revoke = add_command(what, "revoke", "take a token back")
    revoke.add_argument("name", metavar="NAME", help="whose it is")
    for one in (add, every, revoke):
        add_settings(one, OF_TOKENS, with_defaults=False)


def add_hooks(hooks: Parser) -> None:
    """What can be done with the addresses at which leads arrive."""
    what = hooks.add_subparsers(dest="what", required=True, metavar="add|list|replace|revoke")
    every = {
        "add": "make the address of an account, which is printed once",
        "list": "show which accounts have such an address, and how many leads came",
        "replace": "make another address for an account; the one before ends",
        "revoke": "end the address of an account",
    }
    made = {name: add_command(what, name, text) for name, text in every.items()}
    for name in made.keys() - {"list"}:
        made[name].add_argument("account", nargs="?", metavar="ACCOUNT", help="its name in FLIPSNACK_ACCOUNTS")
    for one in made.values():
        add_settings(one, OF_LEADS, with_defaults=False)


def add_leads(leads: Parser) -> None:
    """What can be done with leads in a terminal."""
    what = leads.add_subparsers(dest="what", required=True, metavar="export|erase")
    export = add_command(what, "export", "print all leads, unmasked, as a table (CSV)")
    export.add_argument("account", nargs="?", metavar="ACCOUNT", help="of one account only")
    export.add_argument("--since", type=time_from, default=0.0, metavar="TIME", help=f"since then: {SOME_TIME}")
    export.add_argument("--json", action="store_true", help="print them as JSON")
    erase = add_command(what, "erase", "erase every lead of an e-mail address, for good")
    erase.add_argument("address", nargs="?", metavar="ADDRESS", help="without it, it is asked for")
    for one in (export, erase):
        add_settings(one, OF_LEADS, with_defaults=False)


def add_imitation(sandbox: argparse.ArgumentParser) -> None:
    """With what an imitation begins, and how fast it is."""
    sizes = "with what it begins: some 25 collections, some 210, or none (default: small)"
    names = f"{{{','.join(SIZES)}}}"
    sandbox.add_argument("--account", type=size, default=SIZES[0], metavar=names, help=sizes)
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
