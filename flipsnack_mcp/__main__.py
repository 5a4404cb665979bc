"""The command line: parses, then imports only what the chosen command needs."""

# ruff: noqa: PLC0415

import gc
import io
import os
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    from flipsnack_mcp.server.arriving.inlet import Heard

EXIT_FAILED, EXIT_WRONG_USAGE = 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; without one, serve on stdio."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        # What most hosts start, and all of them wait for: no parser has to be imported for it.
        return run_serve(None, {}) if given in ([], ["serve"]) else run_typed(given)
    except KeyboardInterrupt:
        from flipsnack_mcp.front.leaving import EXIT_INTERRUPTED

        return EXIT_INTERRUPTED
    except ModuleNotFoundError as error:
        if (error.name or __package__).partition(".")[0] == __package__:
            raise
        return not_installed(str(error.name))
    except BaseExceptionGroup as several:
        if several.subgroup(SystemExit) is None:
            raise
        return EXIT_FAILED  # a command ended where nobody reads it any more
    finally:
        if arguments is None:
            gc.freeze()  # the process ends: Python would look through all that was imported twice more, for 0.2 s


def run_typed(given: list[str]) -> int:
    """Run what was typed, or say why it cannot be understood."""
    from flipsnack_mcp.parsing import ALONE, WrongUsage

    if given[0].startswith("--") and given[0] not in ALONE:
        given = ["serve", *given]
    if given[0] != "serve":  # whose stdout is the protocol's
        stand_in_for_closed_streams()
        print_in_any_encoding()
    try:
        return run(typed_options(given))
    except WrongUsage as error:
        return wrong(str(error))


def stand_in_for_closed_streams() -> None:
    """A closed stdin is an empty one, and nobody reads the others. Python has none then, which each command would have to know."""
    if sys.stdin is None:
        sys.stdin = io.StringIO()
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            nowhere = os.open(os.devnull, os.O_WRONLY)  # for as long as the process lasts
            setattr(sys, name, os.fdopen(nowhere, "w", encoding="utf-8", closefd=False))


def print_in_any_encoding() -> None:
    """Whatever a stream's encoding does not have is spelt out, instead of ending the command."""
    for stream in (sys.stdin, sys.stdout):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def typed_options(given: Sequence[str]) -> "argparse.Namespace":
    """What was typed; help and version are printed here, maybe for nobody."""
    from flipsnack_mcp.parsing import parsed

    try:
        return parsed(given)
    except (SystemExit, OSError) as end:
        from flipsnack_mcp.commands import end_output

        end_output(end if isinstance(end, OSError) else None)
        raise


def run(options: "argparse.Namespace") -> int:
    """Run the chosen command."""
    if options.command == "serve":
        from flipsnack_mcp.parsing import given_settings

        return run_serve(options.http, given_settings(options))
    from flipsnack_mcp.commands.chosen import CHOSEN

    return CHOSEN[options.command](options)


def run_serve(http: str | None, options: Mapping[str, str]) -> int:
    """Serve; on stdio most is imported once a client needs it. Garbage is left until then: that saves 50 ms."""
    gc.disable()
    from flipsnack_mcp.front.leaving import importing, leave_when_interrupted

    if http is None:  # before any other import: within one an interrupt can get lost, and the server would go on
        leave_when_interrupted()
    from flipsnack_mcp.settings import read_settings

    settings = read_settings(os.environ, options)
    heard = None
    if http is None:
        from flipsnack_mcp.front.moments import first_moments

        heard = first_moments(settings)
    try:
        with importing():
            from flipsnack_mcp.commands.serve import address, serve
    except Exception as error:  # half of an older version and half of a newer end in errors of any kind
        if heard is None:
            raise
        return told_unloaded(heard, error)

    gc.enable()
    gc.freeze()
    try:
        where = None if http is None else address(http)
    except ValueError as error:
        return wrong(str(error))
    return serve(settings, where, heard)


def told_unloaded(heard: "Heard", error: Exception) -> int:
    """Say to a client, which has its lists already, that what would answer it was updated or removed meanwhile."""
    from flipsnack_mcp.front.moments import answer_without_parts
    from flipsnack_mcp.server.arriving.inlet import INCOMPLETE

    answer_without_parts(heard)
    sys.stderr.write(f"flipsnack-mcp: {INCOMPLETE} ({type(error).__name__})\n")
    return EXIT_FAILED


def not_installed(library: str) -> int:
    """Say to who starts it from its folder alone that it needs more."""
    if sys.stderr is not None:
        where = f"for this Python ({sys.executable}), and this program needs it"
        sys.stderr.write(
            f"flipsnack-mcp: {library} is not installed {where}. README.md has the command that installs all.\n"
        )
    return EXIT_FAILED


def wrong(text: str) -> int:
    """Say what is wrong with the usage."""
    if sys.stderr is not None:
        sys.stderr.write(f"flipsnack-mcp: {text}\n")
    return EXIT_WRONG_USAGE


if __name__ == "__main__":
    sys.exit(main())
