"""Files that are fetched by an address: small ones lie in the store, where any replica has them; a package is named only."""

import base64
import zlib
from dataclasses import dataclass
from hashlib import sha256

from flipsnack_mcp.api import FlipsnackError
from flipsnack_mcp.files.limits import MEGABYTE
from flipsnack_mcp.store.records import Body, Records, Store
from flipsnack_mcp.workflows.addresses.drawing import (
    ADDRESS_SECONDS,
    MOST_FILES,
    Drawn,
    draw,
    give_out,
    look_up_address,
)
from flipsnack_mcp.workflows.begun import Beginner

FILE_ADDRESS, KEPT_FILE = "file address", "kept file"
MOST_KEPT_BYTES = 4 * MEGABYTE
"""Packed. A table of ten thousand collections is a quarter of it."""


@dataclass(frozen=True)
class FetchableFile:
    """What an address leads to."""

    account: str
    name: str
    content: bytes | None
    """None where it is a package, which is found on the spool or fetched from Flipsnack."""
    principal: str
    """Who was given it."""
    tool: str
    """Which tool gave it: it is theirs as long as they may call that; empty for one of an earlier version."""
    collection_hash: str = ""
    """Whose package it is."""


@dataclass(frozen=True)
class FileAddresses:
    """The addresses of files of one account."""

    store: Store
    account: str

    async def keep(self, content: bytes, name: str, tool: str, beginner: Beginner) -> Drawn:
        """The address of a small file, which lies in the store as long as an address leads to it.

        Raises:
            FlipsnackError: It is too large for that.
        """
        packed = zlib.compress(content)
        if len(packed) > MOST_KEPT_BYTES:
            raise FlipsnackError(
                f"The file has {len(content) / MEGABYTE:.0f} MB, which is more than this server hands out.",
                "Choose fewer collections.",
                retry="Trying again as it is will not help.",
            )
        kept = f"{self.account}/{sha256(content).hexdigest()}"
        body = {"packed": base64.b64encode(packed).decode()}
        return await self._give({"name": name, "tool": tool, "kept": kept, "size": len(packed)}, beginner, (kept, body))

    async def name_package(self, collection_hash: str, name: str, tool: str, beginner: Beginner) -> Drawn:
        """The address of a collection's package."""
        return await self._give({"name": name, "tool": tool, "collection_hash": collection_hash}, beginner)

    async def _give(self, body: Body, beginner: Beginner, content: tuple[str, Body] | None = None) -> Drawn:
        drawn = draw()

        def work(records: Records) -> None:
            give_out(records, FILE_ADDRESS, drawn, beginner, {**body, "account": self.account}, MOST_FILES)
            if content:
                records.put(KEPT_FILE, *content, keep=ADDRESS_SECONDS)

        await self.store.transact(work)
        return drawn


async def behind_file_address(store: Store, secret: str) -> FetchableFile | None:
    """What an address leads to; None where it is over, or never was one."""

    def work(records: Records) -> tuple[Body, Body | None] | None:
        body = look_up_address(records, FILE_ADDRESS, secret)
        return (body, records.get(KEPT_FILE, body["kept"]) if "kept" in body else None) if body else None

    found = await store.transact(work)
    if found is None:
        return None
    body, kept = found
    whose = body["principal"], body.get("tool", "")
    if "kept" not in body:
        return FetchableFile(body["account"], body["name"], None, *whose, body["collection_hash"])
    if kept is None:
        return None
    content = zlib.decompress(base64.b64decode(kept["packed"]))
    return FetchableFile(body["account"], body["name"], content, *whose)
