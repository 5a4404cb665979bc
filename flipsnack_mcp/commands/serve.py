"""`flipsnack-mcp serve`: the MCP server on stdio, or on HTTP for this machine or for a team."""

import logging
import sys
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any, NoReturn
from urllib.parse import urlsplit

import anyio

from flipsnack_mcp.commands.connecting import connect, kept_at, remarks_on_keys, remember
from flipsnack_mcp.commands.setup.keychain import with_keychain
from flipsnack_mcp.commands.stopping import see_to_stderr, serve_until_interrupted
from flipsnack_mcp.front.leaving import leave_when_interrupted
from flipsnack_mcp.front.remarks import log_to_stderr, remark_on
from flipsnack_mcp.redis_address import is_redis
from flipsnack_mcp.server.arriving.inlet import NOTHING_HEARD, Heard
from flipsnack_mcp.server.safety.redaction import Redactor
from flipsnack_mcp.server.server import FlipsnackServer, build_server
from flipsnack_mcp.settings import LOOPBACK, Settings
from flipsnack_mcp.store.records import Store

IMITATIONS_APART = (
    "An account is an imitation inside this process (sandbox), so each replica has other flipbooks: to try several, start "
    "`flipsnack-mcp sandbox` and let the accounts name it by its api_url and upload_url."
)
LEADS_NOWHERE = (
    "FLIPSNACK_LEADS is set, but FLIPSNACK_STATE is memory:, so no `hooks add` reaches this server, and what it kept would end "
    "with it: name a file or a Redis server."
)

log = logging.getLogger(__name__)


def serve(settings: Settings, where: tuple[str, int] | None, heard: Heard | None = None) -> int:
    """Serve until the client goes away or somebody interrupts: on stdio, or on HTTP at a host and port.

    What was heard already was so after the remarks on the settings; something in it needs more than a list.
    """
    leave_when_interrupted()
    see_to_stderr()
    settings = with_keychain(settings)
    if where:
        return serve_http(for_callers(settings, address_of_server(*where)), *where)
    if not (sys.stdin and sys.stdout):
        sys.stderr.write("stdin or stdout is closed: an MCP client talks to this server over both\n")
        return 1
    settings = told_to_all(settings, leads=False)  # nobody can send any to a server on stdio
    # Before the SDK: where `rich` is installed, its handler would print tracebacks past the redaction.
    log_to_stderr(settings)
    server = made(settings, remember(settings))
    if heard is None:
        remark_on(settings, remarks_on_keys(settings))
    return serve_stdio(server, heard or NOTHING_HEARD)


def made(settings: Settings, store: Store) -> FlipsnackServer:
    """The server, behind whose logging nothing secret passes."""
    server = build_server(settings, connect, store=store)
    Redactor.of(settings).guard()
    return server


def for_callers(settings: Settings, bound_to: str) -> Settings:
    """The settings of a server on HTTP, and of each of its accounts: whether they are a team's is known from here on.

    On loopback a team may go without a public address: what it is bound to is where it is reached.
    """
    team = settings.asks_who_calls
    alone = team and not settings.public_url and urlsplit(bound_to).hostname in LOOPBACK
    known: dict[str, Any] = {"team": team, **({"public_url": bound_to} if alone else {})}
    return told_to_all(settings, **known)


def told_to_all(settings: Settings, **known: Any) -> Settings:
    """The settings with what is known of the process and of each of its accounts."""
    return replace(settings, **known, accounts=tuple(replace(one, **known) for one in settings.accounts))


def address_of_server(host: str, port: int) -> str:
    """Where a server is reached that is bound to this."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def serve_stdio(server: FlipsnackServer, heard: Heard) -> NoReturn:
    """Serve one client, and end the process."""
    if sys.stdin.isatty():
        from flipsnack_mcp.started import as_typed  # noqa: PLC0415  # only for a person: no client waits for it

        announce(f"waiting for an MCP client; try `{as_typed('demo')}`, or press Ctrl-C to leave")
    anyio.run(serve_until_interrupted, partial(server.run_stdio_async, heard=heard))


def serve_http(settings: Settings, host: str, port: int) -> int:
    """Serve whoever comes and may, until interrupted."""
    # Stdio starts without all of it.
    from flipsnack_mcp.server.by_address.own_files import remarks_on_files  # noqa: PLC0415
    from flipsnack_mcp.team.authentication.starting import refusal_to_serve, remarks_on_callers  # noqa: PLC0415

    if said := refusal_to_serve(settings, host):
        for one in (*settings.warnings, said):  # a setting that is written wrongly counts as not set
            announce(one)
        return 2
    log_to_stderr(settings)
    if settings.team:
        from flipsnack_mcp.team.operating.lines import log_as_json  # noqa: PLC0415

        log_as_json(settings.log_level)
    store = remember(settings)
    server = made(settings, store)
    remark_on(settings, remarks_on_keys(settings))
    if sys.stderr.isatty():
        reached = settings.public_url.rstrip("/") or address_of_server(host, port)
        announce(f"waiting for MCP clients at {reached}/mcp; press Ctrl-C to leave")
    own = (*remarks_on_imitations(settings), *remarks_on_leads(settings))
    for one in (*remarks_on_callers(settings), *remarks_on_files(settings), *own):
        log.warning("%s", one)
    return served_over_http(server, settings, store, host, port)


def remarks_on_imitations(settings: Settings) -> list[str]:
    """What the person who starts one of several replicas should know of imitations inside them."""
    apart = [one.name for one in settings.every if one.sandbox and is_redis(settings.state)]
    return [IMITATIONS_APART] if apart else []


def remarks_on_leads(settings: Settings) -> list[str]:
    """What the person should know who wants leads to be kept where nothing is."""
    return [LEADS_NOWHERE] if settings.leads and kept_at(settings) == "memory:" else []


def served_over_http(server: FlipsnackServer, settings: Settings, store: Store, host: str, port: int) -> int:
    """Serve, or say why it cannot be."""
    from flipsnack_mcp.team.serving import serve_over_http  # noqa: PLC0415

    try:
        serve_over_http(server, settings, store, host, port)
    except SystemExit:
        announce(f"{host}:{port} cannot be served, the port may be in use; name another one")
        return 1
    return 0


def announce(text: str) -> None:
    """Say something to the person who started it, if there is one."""
    with suppress(OSError):
        sys.stderr.write(f"flipsnack-mcp: {text}\n")
        sys.stderr.flush()


def address(text: str) -> tuple[str, int]:
    """HOST:PORT.

    Raises:
        ValueError: It is none.
    """
    host, _, port = text.rpartition(":")
    host = host.strip("[]")
    if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
        raise ValueError("--http takes HOST:PORT, for example 127.0.0.1:8000")
    return host, int(port)
