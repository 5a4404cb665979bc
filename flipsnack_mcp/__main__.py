"""The command line: parses, then imports only what the chosen command needs."""

# ruff: noqa: PLC0415

import argparse
import gc
import io
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from flipsnack_mcp.parsing import ALONE, WrongUsage, given_settings, parsed
from flipsnack_mcp.settings import Settings, read_settings

EXIT_FAILED, EXIT_WRONG_USAGE = 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; without one, serve on stdio."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if not given or (given[0].startswith("--") and given[0] not in ALONE):
        given.insert(0, "serve")
    if given[0] != "serve":  # whose stdout is the protocol's
        print_in_any_encoding()
    try:
        return run(typed_options(given))
    except WrongUsage as error:
        return wrong(str(error))
    except KeyboardInterrupt:
        from flipsnack_mcp.commands.stopping import EXIT_INTERRUPTED

        return EXIT_INTERRUPTED
    except BaseExceptionGroup as several:
        if several.subgroup(SystemExit) is None:
            raise
        return EXIT_FAILED  # a command ended where nobody reads it any more


@contextmanager
def importing() -> Iterator[None]:
    """An interrupt ends the process within it: half an import is an error of any kind, and nothing has begun."""
    usual = signal.getsignal(signal.SIGINT)
    # Whoever started it may want something else; and only the main thread is interrupted.
    if usual is not signal.default_int_handler or threading.current_thread() is not threading.main_thread():
        yield
        return
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, usual)


def print_in_any_encoding() -> None:
    """Whatever a stream's encoding does not have is spelt out, instead of ending the command."""
    for stream in (sys.stdin, sys.stdout):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def typed_options(given: Sequence[str]) -> argparse.Namespace:
    """What was typed; help and version are printed here, maybe for nobody."""
    try:
        return parsed(given)
    except (SystemExit, OSError) as end:
        from flipsnack_mcp.commands import end_output

        end_output(end if isinstance(end, OSError) else None)
        raise


def settings_of(options: argparse.Namespace) -> Settings:
    """Settings from the environment and, before it, the options."""
    return read_settings(os.environ, given_settings(options))


def run(options: argparse.Namespace) -> int:
    """Run the chosen command; each imports what it needs, and nothing is imported for another."""
    match options.command:
        case "serve":
            return run_serve(options)
        case "demo":
            with importing():
                from flipsnack_mcp.commands.demo import demo

            return demo(show=options.show)
        case "doctor":
            with importing():
                from flipsnack_mcp.commands.doctor import doctor

            return doctor(settings_of(options), as_json=options.json)
        case "approve":
            with importing():
                from flipsnack_mcp.commands.approve import approve

            return approve(settings_of(options), options.code)
        case "history":
            return run_history(options)
    with importing():
        from flipsnack_mcp.commands.sandbox import pace_of, sandbox

    pace = pace_of(options.calls_per_minute, options.conversion_seconds, options.package_seconds)
    return sandbox(options.port, options.account, pace)


def run_history(options: argparse.Namespace) -> int:
    """Show the history, or undo what an entry of it tells of."""
    settings = settings_of(options)
    if options.undo is not None:
        with importing():
            from flipsnack_mcp.commands.undo import undo

        return undo(settings, options.undo, options.account)
    with importing():
        from flipsnack_mcp.commands.history import history

    return history(settings, as_json=options.json, verify=options.verify, account=options.account, since=options.since)


def run_serve(options: argparse.Namespace) -> int:
    """Serve; garbage collection waits until the imports are done, which saves 50 ms of the start."""
    gc.disable()
    with importing():
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
    if sys.stderr is not None:
        sys.stderr.write(f"flipsnack-mcp: {text}\n")
    return EXIT_WRONG_USAGE


if __name__ == "__main__":
    sys.exit(main())
