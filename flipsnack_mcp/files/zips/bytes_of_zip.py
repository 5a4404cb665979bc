"""How the bytes of a zip are asked for, and what it is called where they are not what they should be."""

from typing import BinaryIO


class BadPackage(Exception):  # noqa: N818 - it names what arrived, as RefusedFile names what was asked
    """What arrived is not a whole and safe zip, for a reason that is said in one sentence; nothing of it was kept."""


class NotWhole(BadPackage):
    """What may have been damaged on its way: another transfer may bring it whole."""


def not_whole(reason: str) -> NotWhole:
    """Make the error for what is damaged, cut or glued."""
    return NotWhole(f"The package is not a whole zip: {reason}.")


def unsafe(reason: str) -> BadPackage:
    """Make the error for what unpackers would not all read alike, or what harms where it is unpacked."""
    return BadPackage(f"The package is not safe to unpack: {reason}.")


def read_at(file: BinaryIO, position: int, count: int) -> bytes:
    """Read exactly so many bytes."""
    file.seek(position)
    content = file.read(count)
    if len(content) != count:
        raise not_whole("it ends too early")
    return content
