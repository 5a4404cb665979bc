"""From the command that was typed to its code, each with its options; each imports what it needs, and nothing for another."""

# ruff: noqa: PLC0415

import os
from argparse import Namespace
from collections.abc import Callable, Mapping

from flipsnack_mcp.front.leaving import importing
from flipsnack_mcp.parsing import WrongUsage, given_settings
from flipsnack_mcp.settings import Settings, read_settings


def settings_of(options: Namespace) -> Settings:
    """Settings from the environment and, before it, the options."""
    return read_settings(os.environ, given_settings(options))


def settings_with_key(options: Namespace) -> Settings:
    """The same for who asks Flipsnack: with what the keychain has, where nothing else has a key."""
    from flipsnack_mcp.commands.setup.keychain import with_keychain

    return with_keychain(settings_of(options))


def run_demo(options: Namespace) -> int:
    """Show the main job."""
    with importing():
        from flipsnack_mcp.commands.demo import demo

    return demo(show=options.show)


def run_doctor(options: Namespace) -> int:
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
        raise WrongUsage(str(error)) from None
    return doctor_of_server(place, options.token_file, as_json=options.json)


def run_approve(options: Namespace) -> int:
    """Approve what waits, or list it."""
    with importing():
        from flipsnack_mcp.commands.approve import approve

    return approve(settings_of(options), options.code)


def run_history(options: Namespace) -> int:
    """Show the history, or undo what an entry of it tells of."""
    if options.undo is not None:
        with importing():
            from flipsnack_mcp.commands.undo import undo

        return undo(settings_with_key(options), options.undo, options.account)
    with importing():
        from flipsnack_mcp.commands.history import history

    settings = settings_of(options)
    return history(settings, as_json=options.json, verify=options.verify, account=options.account, since=options.since)


def run_token(options: Namespace) -> int:
    """Make a token, show whose there are, or take one back."""
    settings = settings_of(options)
    with importing():
        from flipsnack_mcp.commands.token import token_add, token_list, token_revoke

    match options.what:
        case "add":
            accounts, may = ",".join(options.account), ",".join(options.may or ["read"])  # what is given twice adds up
            return token_add(settings, options.name, accounts, may, options.expires)
        case "revoke":
            return token_revoke(settings, options.name)
    return token_list(settings)


def run_hooks(options: Namespace) -> int:
    """Make, show, replace or end the address at which the leads of an account arrive."""
    settings = settings_of(options)
    with importing():
        from flipsnack_mcp.commands.leads.hooks import hooks_add, hooks_list, hooks_replace, hooks_revoke

    if options.what == "list":
        return hooks_list(settings)
    return {"add": hooks_add, "replace": hooks_replace, "revoke": hooks_revoke}[options.what](settings, options.account)


def run_leads(options: Namespace) -> int:
    """Take leads out, or erase those of one person."""
    settings = settings_of(options)
    with importing():
        from flipsnack_mcp.commands.leads.taking_out import leads_erase, leads_export

    if options.what == "erase":
        return leads_erase(settings, options.address)
    return leads_export(settings, options.account, options.since, as_json=options.json)


def run_move(options: Namespace) -> int:
    """Move a state file to Redis."""
    with importing():
        from flipsnack_mcp.commands.move import move

    return move(settings_of(options), options.file)


def run_sandbox(options: Namespace) -> int:
    """Serve the imitation."""
    with importing():
        from flipsnack_mcp.commands.sandbox import pace_of, sandbox

    seconds = (options.conversion_seconds, options.package_seconds, options.retry_seconds)
    return sandbox(options.port, options.account, pace_of(options.calls_per_minute, *seconds), options.hook)


def run_setup(options: Namespace) -> int:
    """Set the server up in a client, take it out again, or only show how."""
    with importing():
        from flipsnack_mcp.commands.setup import setting_up
    name, given = options.client, given_settings(options)
    if options.remove:
        return setting_up.said_plainly(lambda: setting_up.take_back(name, yes=options.yes))
    if options.print:
        return setting_up.said_plainly(lambda: setting_up.print_entry(name, given))
    return setting_up.said_plainly(lambda: setting_up.set_up(name, given, yes=options.yes))


def run_login(options: Namespace) -> int:
    """Keep key and secret, or forget them."""
    with importing():
        from flipsnack_mcp.commands.setup.login import log_in, log_out
        from flipsnack_mcp.commands.setup.setting_up import said_plainly
    if options.remove:
        return said_plainly(lambda: log_out(options.account))
    return said_plainly(lambda: log_in(options.account, given_settings(options)))


CHOSEN: Mapping[str, Callable[[Namespace], int]] = {
    "setup": run_setup,
    "login": run_login,
    "demo": run_demo,
    "doctor": run_doctor,
    "approve": run_approve,
    "history": run_history,
    "token": run_token,
    "hooks": run_hooks,
    "leads": run_leads,
    "move": run_move,
    "sandbox": run_sandbox,
}
"""All but `serve`, which is started so often that nothing of this is imported for it."""
