"""From the setting FLIPSNACK_STATE to what is kept there. Opens nothing yet."""

from pathlib import Path
from typing import TYPE_CHECKING

from flipsnack_mcp.redis_address import RedisAddress, is_redis, redis_address
from flipsnack_mcp.store.document_text import DocumentT, Fits
from flipsnack_mcp.store.records import OpenedStore, Store
from flipsnack_mcp.store.redis.presence import presence_on
from flipsnack_mcp.store.redis.redis_document import Habits, NoHabits, RedisDocument
from flipsnack_mcp.store.redis.redis_store import RedisStore
from flipsnack_mcp.store.shared_document import SharedDocument
from flipsnack_mcp.store.sqlite import MemoryStore, SqliteStore

if TYPE_CHECKING:
    from flipsnack_mcp.store.redis.channel import RedisChannel


def open_store(state: str) -> OpenedStore:
    """Make the store that `state` names."""
    if is_redis(state):
        return RedisStore(address_in(state))
    path = state_file(state)
    return SqliteStore(path) if path else MemoryStore()


def open_shared_document(
    state: str, name: str, first: DocumentT, fits: Fits[DocumentT], habits: Habits[DocumentT] | None = None
) -> SharedDocument[DocumentT] | RedisDocument[DocumentT] | None:
    """Make a document beside the records: in Redis, or in a file of its own; None where no file is wanted."""
    if is_redis(state):
        address = address_in(state)
        return RedisDocument(address, name, first, fits, habits or NoHabits(), presence_on(address.url))
    path = state_file(state)
    return SharedDocument(path.with_name(f"{name}.sqlite"), first, fits) if path else None


def channel_of(store: Store) -> "RedisChannel | None":
    """What reaches all servers on the same store, those of other machines as well; None where there are none."""
    if not isinstance(store, RedisStore):
        return None
    from flipsnack_mcp.store.redis.channel import RedisChannel  # noqa: PLC0415 - nothing else needs it

    return RedisChannel(store.link, "changes")


def address_in(state: str) -> RedisAddress:
    """Read the address of a Redis server, which is not repeated where it cannot be understood."""
    try:
        return redis_address(state)
    except ValueError as error:
        raise ValueError(f"FLIPSNACK_STATE {error}") from None


def state_file(state: str) -> Path | None:
    """Find the file that `state` names. What cannot be understood is not repeated: it may hold a password."""
    kind, _, path = state.partition(":")
    if state == "memory:":
        return None
    if state and (kind != "sqlite" or not path):
        raise ValueError(
            "FLIPSNACK_STATE must be sqlite:PATH (a file), redis://HOST:PORT/DATABASE, memory: (nothing is kept), or empty for the usual file."
        )
    return given_file(path) if path else default_file()


def given_file(path: str) -> Path:
    """Read a path as a person means it: what starts a server expands no ~, and may change its folder later."""
    try:
        return Path(path).expanduser().absolute()
    except RuntimeError:
        raise ValueError("FLIPSNACK_STATE names a home folder that cannot be found. Write the whole path.") from None
    except OSError:  # of the working folder, which no whole path asks for
        said = "FLIPSNACK_STATE names a file by its way from the working folder, which is gone. Write the whole path."
        raise ValueError(said) from None


def default_file() -> Path:
    """Find the state file of the person who runs this."""
    import platformdirs  # noqa: PLC0415 - the server starts without it

    return platformdirs.user_state_path("flipsnack-mcp") / "state.sqlite"
