"""A client's configuration as it is, and as it would be without this server."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from flipsnack_mcp.api import Changed
from flipsnack_mcp.clients import CLIENTS, ENTRY, Client, this_computer
from flipsnack_mcp.commands.setup.client_file import ClientFile, Unsuitable, file_found
from flipsnack_mcp.commands.setup.editing.change import IN_JSON, IN_TOML, Configuration
from flipsnack_mcp.commands.setup.editing.jsonc import BYTE_ORDER_MARK, NotUnderstood
from flipsnack_mcp.commands.setup.receipt import Receipt, kept_receipt
from flipsnack_mcp.files.in_sight import is_in_sight
from flipsnack_mcp.started import PACKAGE, SCRIPT

NOTHING_WAS_CHANGED: str = Changed.NOTHING.value
NOT_OURS = Receipt(path="", copy="-", before="", after="")
"""Of an entry that another program or a person wrote."""


@dataclass(frozen=True)
class Before:
    """A client's file, and what it would hold without this server."""

    name: str
    seen: ClientFile
    content: bytes | None
    """None where there would be no file."""

    @property
    def client(self) -> Client:
        """The client."""
        return CLIENTS[self.name]

    @cached_property
    def configuration(self) -> Configuration:
        """What the client was told then."""
        return configuration_in(self.client, ClientFile(self.seen.path, self.content))

    @cached_property
    def told_now(self) -> Configuration:
        """What the client is told now."""
        return configuration_in(self.client, self.seen)


def is_of_another_program(configuration: Configuration) -> bool:
    """Whether an entry under our name starts something else, here or elsewhere."""
    told = configuration.entry if isinstance(configuration.entry, dict) else {}
    started = f"{told.get('command')} {told.get('args')}"  # of any kind
    return configuration.has_entry and not any(one in started for one in (SCRIPT, PACKAGE.name))


def leave_to_the_other(before: Before) -> Unsuitable:
    """What to say of such an entry."""
    return Unsuitable(
        f'{before.seen.path} has an entry "{ENTRY}" of another program. It was left as it is: rename it or take it out '
        "yourself, then run this again."
    )


def as_before(name: str) -> Before:
    """How a client's configuration is without what was set up before; an entry that somebody else wrote stays in it.

    Raises:
        Unsuitable: It cannot be changed with certainty, and is left alone.
    """
    seen = file_found(file_read_by(CLIENTS[name]))
    now = Before(name, seen, seen.content)
    receipt = receipt_for(name, seen)
    return (
        now if receipt is NOT_OURS or not now.told_now.has_entry else Before(name, seen, without_set_up(now, receipt))
    )


def receipt_for(name: str, seen: ClientFile) -> Receipt:
    """What was written down when this very file was changed."""
    receipt = kept_receipt(name)
    return receipt if receipt and receipt.path == str(seen.path) else NOT_OURS


def file_read_by(client: Client) -> Path:
    """The one file that a client reads here.

    Raises:
        Unsuitable: It may be any of several.
    """
    files = [Path(one) for one in client.files(this_computer())]
    found = [one for one in files if is_in_sight(one)] if len(files) > 1 else files
    if len(found) == 1:
        return found[0]
    named = ", ".join(str(one) for one in found or files)
    raise Unsuitable(
        f"{client.title} may read any of these: {named}. {NOTHING_WAS_CHANGED} Use --print and choose yourself."
    )


def configuration_in(client: Client, seen: ClientFile) -> Configuration:
    """What a client was told.

    Raises:
        Unsuitable: It is not understood.
    """
    configuration = Configuration(client, seen.text, IN_TOML if seen.path.suffix == ".toml" else IN_JSON)
    try:
        _ = configuration.told
    except NotUnderstood as error:
        raise not_understood(seen, error) from None
    return configuration


def not_understood(seen: ClientFile, error: NotUnderstood) -> Unsuitable:
    """What to say of a configuration that is left alone."""
    return Unsuitable(
        f"{seen.path} {error}. It was left as it is: set it right, or run this with --print and write the entry yourself."
    )


def without_set_up(now: Before, receipt: Receipt) -> bytes | None:
    """The file as it was before, but for what others changed since.

    Raises:
        Unsuitable: The entry cannot be taken out with certainty.
    """
    untouched, original = receipt.original(now.seen.content)
    if untouched:
        return original
    try:
        text = configuration_in(now.client, now.seen).without_entry(receipt.made, receipt.splice)
    except NotUnderstood as error:
        raise not_understood(now.seen, error) from None
    return None if not receipt.copy and text.strip(f"{BYTE_ORDER_MARK} \r\n") in {"", "{}"} else text.encode()
