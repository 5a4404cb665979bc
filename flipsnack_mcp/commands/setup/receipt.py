"""What was done to a client's file, so that it can be undone to the byte: written down before it is done."""

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from flipsnack_mcp.commands.setup.client_file import ClientFile, write_for_owner
from flipsnack_mcp.commands.setup.editing.splice import Splice
from flipsnack_mcp.store.opening import default_file


@dataclass(frozen=True)
class Receipt:
    """The state before, and the cut."""

    path: str
    copy: str
    """Where the file lies as it was; empty where there was none."""
    before: str
    """By which the copy is known again."""
    after: str
    """By which is known that nobody touched the file since."""
    made: tuple[str, ...] = ()
    """The tables that were made for the entry."""
    replaced: str = ""
    inserted: str = ""
    """Empty where the client's own command put it in."""

    @property
    def splice(self) -> Splice | None:
        """The cut, wherever it has moved to; None where it was not ours."""
        return Splice(0, self.replaced, self.inserted) if self.inserted else None

    def original(self, now: bytes | None) -> tuple[bool, bytes | None]:
        """Whether the file is still as set-up left it, and what was there before."""
        if content_digest(now) != self.after:
            return False, None
        if not self.copy:
            return True, None
        try:
            content = Path(self.copy).read_bytes()
        except (OSError, ValueError):  # also of a name that none can be
            return False, None
        return content_digest(content) == self.before, content


def content_digest(content: bytes | None) -> str:
    """By what a content is known."""
    return "" if content is None else hashlib.sha256(content).hexdigest()


def own_folder() -> Path:
    """Where receipts and copies lie."""
    return default_file().parent / "setup"


def kept_receipt(client: str) -> Receipt | None:
    """The receipt of a client, if this program set it up."""
    try:
        told: Mapping[str, Any] = json.loads((own_folder() / f"{client}.json").read_bytes())
        receipt = replace(Receipt(**told), made=tuple(told.get("made", ())))
    except (OSError, ValueError, TypeError, RecursionError):
        return None
    texts = [one for name, one in asdict(receipt).items() if name != "made"]
    return receipt if all(isinstance(one, str) for one in (*texts, *receipt.made)) else None


def keep_receipt(client: str, seen: ClientFile, change: Receipt) -> Receipt:
    """Keep a copy of the file as it is without this server, and the receipt.

    Raises:
        Unsuitable: They cannot be written, and so nothing else may be.
    """
    copy = own_folder() / f"{client}.before"
    if seen.content is not None:
        write_for_owner(copy, seen.content)
    kept = replace(change, copy=str(copy) if seen.content is not None else "", before=content_digest(seen.content))
    write_receipt(client, kept)
    return kept


def write_receipt(client: str, receipt: Receipt) -> None:
    """Write it down."""
    write_for_owner(own_folder() / f"{client}.json", json.dumps(asdict(receipt), indent=1).encode())


def put_back_receipt(client: str, receipt: Receipt | None) -> None:
    """Have it as it was before a change that did not come to be."""
    if receipt is None:
        drop_receipt(client)
    else:
        write_receipt(client, receipt)


def drop_receipt(client: str) -> None:
    """Forget it, with the copy: that may hold what others keep secret."""
    for name in (f"{client}.json", f"{client}.before"):
        with suppress(OSError):
            (own_folder() / name).unlink()
