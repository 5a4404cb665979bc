"""The command line: parses, then imports only what the chosen command needs."""

# ruff: noqa: PLC0415

import argparse
import gc
import io
import os
import sys
from collections.abc import Sequence

from flipsnack_mcp import __version__
from flipsnack_mcp.settings import VARIABLES, Settings, read_settings

EXIT_FAILED, EXIT_WRONG_USAGE = 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; without one, serve on stdio."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if not given or (given[0].startswith("--") and given[0] not in {"--version", "--help"}):
        given.insert(0, "serve")
    if given[0] != "serve":  # whose stdout is the protocol's
        print_in_any_encoding()
    options, unknown = parsed(given)
    if unknown:
        # Names only: a value may be a key that somebody tried to pass.
        names = [one.partition("=")[0] for one in unknown if one.startswith("-")]
        return wrong(f"there is no option {', '.join(names)}" if names else "there is an argument too many")
    try:
        return run(options)
    except KeyboardInterrupt:
        return EXIT_FAILED
    except BaseExceptionGroup as several:
        if several.subgroup(SystemExit) is None:
            raise
        return EXIT_FAILED  # a command ended where nobody reads it any more


def print_in_any_encoding() -> None:
    """Whatever a stream's encoding does not have is spelt out, instead of ending the command."""
    for stream in (sys.stdin, sys.stdout):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def parsed(given: list[str]) -> tuple[argparse.Namespace, list[str]]:
    """Options and what is none; help and version are printed here, maybe for nobody."""
    try:
        return parser().parse_known_args(given)
    except (SystemExit, OSError) as end:
        from flipsnack_mcp.commands import end_output

        end_output(end if isinstance(end, OSError) else None)
        raise


def parser() -> argparse.ArgumentParser:
    """Make the parser of all commands and options."""
    top = argparse.ArgumentParser(
        prog="flipsnack-mcp",
        description="Run a Flipsnack account from an assistant: an MCP server. Without a command it serves on stdio.",
    )
    top.add_argument("--version", action="version", version=f"flipsnack-mcp {__version__}")
    # No abbreviations: `--api-key` must not be taken for `--api-key-file` and its value shown in process lists.
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    serve = commands.add_parser("serve", allow_abbrev=False, help="serve MCP on stdio, or on HTTP for this machine")
    serve.add_argument("--http", metavar="HOST:PORT", help="serve on http://HOST:PORT/mcp instead of stdio")
    add_settings(serve)
    commands.add_parser("demo", help="show the main job from one end to the other, without a key")
    doctor = commands.add_parser("doctor", help="check configuration, signing and access")
    doctor.add_argument("--json", action="store_true", help="print the findings as JSON")
    approve = commands.add_parser("approve", help="approve a deletion that waits for a person")
    approve.add_argument("code", nargs="?", help="the code the assistant was given; without it, what waits is listed")
    history = commands.add_parser("history", help="show what was changed, by whose yes, and how it was before")
    history.add_argument("--json", action="store_true", help="print it as JSON")
    history.add_argument("--verify", action="store_true", help="say whether the trail is whole")
    sandbox = commands.add_parser("sandbox", help="serve the imitation Flipsnack over HTTP, for tests")
    sandbox.add_argument("--port", type=int, default=0, help="port on this machine; 0 picks a free one")
    return top


def add_settings(serve: argparse.ArgumentParser) -> None:
    """Every setting that is no secret, as an option."""
    for variable in VARIABLES:
        if not variable.option:
            continue
        details = {"nargs": "?", "const": "1", "metavar": "0|1"} if variable.flag else {"metavar": "VALUE"}
        text = f"{variable.meaning} ({variable.name}; default: {variable.default or 'none'})".replace("%", "%%")
        serve.add_argument(variable.option, dest=variable.name, help=text, **details)  # type: ignore[arg-type]  # argparse's own looseness


def settings_of(options: argparse.Namespace) -> Settings:
    """Settings from the environment and, before it, the options."""
    given = {one.name: getattr(options, one.name, None) for one in VARIABLES}
    return read_settings(os.environ, {name: value for name, value in given.items() if value is not None})


def run(options: argparse.Namespace) -> int:  # noqa: PLR0911  # one for each command
    """Run the chosen command; each imports what it needs, and nothing is imported for another."""
    match options.command:
        case "serve":
            return run_serve(options)
        case "demo":
            from flipsnack_mcp.commands.demo import demo

            return demo()
        case "doctor":
            from flipsnack_mcp.commands.doctor import doctor

            return doctor(settings_of(options), as_json=options.json)
        case "approve":
            from flipsnack_mcp.commands.approve import approve

            return approve(settings_of(options), options.code)
        case "history":
            from flipsnack_mcp.commands.history import history

            return history(settings_of(options), as_json=options.json, verify=options.verify)
    if not 0 <= options.port < 65536:
        return wrong("--port takes a number from 0 to 65535")
    from flipsnack_mcp.commands.sandbox import sandbox

    return sandbox(options.port)


def run_serve(options: argparse.Namespace) -> int:
    """Serve; garbage collection waits until the imports are done, which saves 50 ms of the start."""
    gc.disable()
    from flipsnack_mcp.commands.serve import address, serve

    gc.enable()
    gc.freeze()
    try:
        where = None if options.http is None else address(options.http)
    except ValueError as error:
        return wrong(str(error))
    return serve(settings_of(options), where)


def wrong(text: str) -> int:
    """Say what is wrong with the usage."""
    sys.stderr.write(f"flipsnack-mcp: {text}\n")
    return EXIT_WRONG_USAGE


if __name__ == "__main__":
    sys.exit(main())
