"""The command line: parses, then imports only what the chosen command needs."""

# ruff: noqa: PLC0415

import gc
import io
import os
import signal
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    from flipsnack_mcp.settings import Settings

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
    except BaseExceptionGroup as several:
        if several.subgroup(SystemExit) is None:
            raise
        return EXIT_FAILED  # a command ended where nobody reads it any more


def run_typed(given: list[str]) -> int:
    """Run what was typed, or say why it cannot be understood."""
    from flipsnack_mcp.parsing import ALONE, WrongUsage

    if given[0].startswith("--") and given[0] not in ALONE:
        given = ["serve", *given]
    if given[0] != "serve":  # whose stdout is the protocol's
        read_nothing_where_nothing_comes()
        print_in_any_encoding()
    try:
        return run(typed_options(given))
    except WrongUsage as error:
        return wrong(str(error))


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


def read_nothing_where_nothing_comes() -> None:
    """A closed stdin is an empty one. Python has none then, which each question would have to know."""
    if sys.stdin is None:
        sys.stdin = io.StringIO()


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


def settings_of(options: "argparse.Namespace") -> "Settings":
    """Settings from the environment and, before it, the options."""
    from flipsnack_mcp.parsing import given_settings
    from flipsnack_mcp.settings import read_settings

    return read_settings(os.environ, given_settings(options))


def settings_with_key(options: "argparse.Namespace") -> "Settings":
    """The same for who asks Flipsnack: with what the keychain has, where nothing else has a key."""
    from flipsnack_mcp.commands.setup.keychain import with_keychain

    return with_keychain(settings_of(options))


def run(options: "argparse.Namespace") -> int:
    """Run the chosen command; each imports what it needs, and nothing is imported for another."""
    match options.command:
        case "serve":
            from flipsnack_mcp.parsing import given_settings

            return run_serve(options.http, given_settings(options))
        case "demo":
            with importing():
                from flipsnack_mcp.commands.demo import demo

            return demo(show=options.show)
        case "doctor":
            return run_doctor(options)
        case "approve":
            with importing():
                from flipsnack_mcp.commands.approve import approve

            return approve(settings_of(options), options.code)
        case "history" | "token" | "move" | "hooks" | "leads" | "setup" | "login":
            return WITH_THEIR_OWN[options.command](options)
    with importing():
        from flipsnack_mcp.commands.sandbox import pace_of, sandbox

    seconds = (options.conversion_seconds, options.package_seconds, options.retry_seconds)
    return sandbox(options.port, options.account, pace_of(options.calls_per_minute, *seconds), options.hook)


def run_doctor(options: "argparse.Namespace") -> int:
    """Look at this computer, or at a server that runs."""
    if options.http is None:
        with importing():
            from flipsnack_mcp.commands.doctor.here import doctor, doctor_of_config

        if options.config is not None:
            return doctor_of_config(options.config, as_json=options.json, fix=options.fix)
        return doctor(settings_with_key(options), as_json=options.json, fix=options.fix)
    with importing():
        from flipsnack_mcp.commands.doctor.served import doctor_of_server
        from flipsnack_mcp.commands.doctor.visit import server_at
    try:
        place = server_at(options.http)
    except ValueError as error:
        return wrong(str(error))
    return doctor_of_server(place, options.token_file, as_json=options.json)


def run_setup(options: "argparse.Namespace") -> int:
    """Set the server up in a client, take it out again, or only show how."""
    from flipsnack_mcp.parsing import given_settings

    with importing():
        from flipsnack_mcp.commands.setup import setting_up
    name, given = options.client, given_settings(options)
    if options.remove:
        return setting_up.said_plainly(lambda: setting_up.take_back(name, yes=options.yes))
    if options.print:
        return setting_up.said_plainly(lambda: setting_up.print_entry(name, given))
    return setting_up.said_plainly(lambda: setting_up.set_up(name, given, yes=options.yes))


def run_login(options: "argparse.Namespace") -> int:
    """Keep key and secret, or forget them."""
    from flipsnack_mcp.parsing import given_settings

    with importing():
        from flipsnack_mcp.commands.setup.login import log_in, log_out
        from flipsnack_mcp.commands.setup.setting_up import said_plainly
    if options.remove:
        return said_plainly(lambda: log_out(options.account))
    return said_plainly(lambda: log_in(options.account, given_settings(options)))


def run_move(options: "argparse.Namespace") -> int:
    """Move a state file to Redis."""
    with importing():
        from flipsnack_mcp.commands.move import move

    return move(settings_of(options), options.file)


def run_history(options: "argparse.Namespace") -> int:
    """Show the history, or undo what an entry of it tells of."""
    if options.undo is not None:
        with importing():
            from flipsnack_mcp.commands.undo import undo

        return undo(settings_with_key(options), options.undo, options.account)
    with importing():
        from flipsnack_mcp.commands.history import history

    settings = settings_of(options)
    return history(settings, as_json=options.json, verify=options.verify, account=options.account, since=options.since)


def run_token(options: "argparse.Namespace") -> int:
    """Make a token, show whose there are, or take one back."""
    settings = settings_of(options)
    with importing():
        from flipsnack_mcp.commands.token import token_add, token_list, token_revoke

    match options.what:
        case "add":
            return token_add(settings, options.name, options.account, options.may, options.expires)
        case "revoke":
            return token_revoke(settings, options.name)
    return token_list(settings)


def run_hooks(options: "argparse.Namespace") -> int:
    """Make, show, replace or end the address at which the leads of an account arrive."""
    settings = settings_of(options)
    with importing():
        from flipsnack_mcp.commands.leads.hooks import hooks_add, hooks_list, hooks_replace, hooks_revoke

    if options.what == "list":
        return hooks_list(settings)
    return {"add": hooks_add, "replace": hooks_replace, "revoke": hooks_revoke}[options.what](settings, options.account)


def run_leads(options: "argparse.Namespace") -> int:
    """Take leads out, or erase those of one person."""
    settings = settings_of(options)
    with importing():
        from flipsnack_mcp.commands.leads.taking_out import leads_erase, leads_export

    if options.what == "erase":
        return leads_erase(settings, options.address)
    return leads_export(settings, options.account, options.since, as_json=options.json)


WITH_THEIR_OWN = {
    "history": run_history,
    "token": run_token,
    "move": run_move,
    "hooks": run_hooks,
    "leads": run_leads,
    "setup": run_setup,
    "login": run_login,
}
"""Commands whose options are read in a function of their own."""


def run_serve(http: str | None, options: Mapping[str, str]) -> int:
    """Serve; on stdio most is imported once a client needs it. Garbage is left until then: that saves 50 ms."""
    gc.disable()
    if http is None:  # before any other import: within one an interrupt can get lost, and the server would go on
        from flipsnack_mcp.front.leaving import leave_when_interrupted

        leave_when_interrupted()
    from flipsnack_mcp.settings import read_settings

    settings = read_settings(os.environ, options)
    heard = None
    if http is None:
        from flipsnack_mcp.front.moments import first_moments

        heard = first_moments(settings)
    with importing():
        from flipsnack_mcp.commands.serve import address, serve

    gc.enable()
    gc.freeze()
    try:
        where = None if http is None else address(http)
    except ValueError as error:
        return wrong(str(error))
    return serve(settings, where, heard)


def wrong(text: str) -> int:
    """Say what is wrong with the usage."""
    if sys.stderr is not None:
        sys.stderr.write(f"flipsnack-mcp: {text}\n")
    return EXIT_WRONG_USAGE


if __name__ == "__main__":
    sys.exit(main())
