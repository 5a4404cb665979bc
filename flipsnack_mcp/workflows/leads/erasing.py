"""Forgetting a person: every lead in which an e-mail address stands goes, and every file made of leads that holds it."""

from dataclasses import dataclass

from flipsnack_mcp.store.records import Store


@dataclass(frozen=True)
class Erased:
    """What was erased."""

    leads: int = 0
    files: int = 0
    """Files that waited to be fetched."""
    remains: tuple[str, ...] = ()
    """Where copies may still lie, in sentences."""


async def erase(store: Store, address: str) -> Erased:
    """Erase every lead of this address, of all accounts."""
    raise NotImplementedError
