"""One-time addresses in the store: by both clocks, by whom, and for what."""

import pytest

from flipsnack_mcp.store.clock import Moment
from flipsnack_mcp.store.sqlite import MemoryStore
from flipsnack_mcp.workflows.addresses.drawing import ADDRESS_SECONDS, DRAWN
from flipsnack_mcp.workflows.addresses.fetched import FileAddresses, behind_file_address
from flipsnack_mcp.workflows.addresses.handed import HandedUpload, HandedUploads, behind_upload_address
from flipsnack_mcp.workflows.begun import Beginner

ANNA = Beginner("Anna", "token Anna")


class Clocks:
    """What runs, and what shows on the wall, which anybody can set."""

    def __init__(self) -> None:
        self.ran, self.set_by = 1000.0, 0.0

    def __call__(self) -> Moment:
        return Moment(1_790_000_000.0 + self.ran + self.set_by, self.ran, "one start")


@pytest.fixture
def clocks() -> Clocks:
    return Clocks()


@pytest.fixture
def store(clocks: Clocks) -> MemoryStore:
    return MemoryStore(clocks)


async def upload_address(store: MemoryStore) -> str:
    asked = HandedUpload(upload_id="abcdefgh", account="one", tool="create_collection", arguments={}, **ANNA._asdict())
    return (await HandedUploads(store, "one").give(asked)).secret


TIMES = {
    "at once": (0.0, 0.0, True),
    "just in time": (ADDRESS_SECONDS - 1, 0.0, True),
    "late": (ADDRESS_SECONDS + 1, 0.0, False),
    "late, and the clock was set back": (ADDRESS_SECONDS + 1, -ADDRESS_SECONDS, False),
    "in time, and the clock was set back": (10.0, -3600.0, False),
    "in time, and the clock was set on": (10.0, 3600.0, False),
}


@pytest.mark.parametrize("when", TIMES)
async def test_an_address_is_good_within_its_time_by_both_clocks(store: MemoryStore, clocks: Clocks, when: str) -> None:
    ran, set_by, good = TIMES[when]
    upload = await upload_address(store)
    file = (await FileAddresses(store, "one").keep(b"content", "a.csv", "report_stats", ANNA)).secret
    clocks.ran, clocks.set_by = clocks.ran + ran, set_by
    assert bool(await behind_upload_address(store, upload)) == good
    assert bool(await behind_file_address(store, file)) == good


async def test_an_address_is_128_random_bits(store: MemoryStore) -> None:
    drawn = {
        (await FileAddresses(store, "one").keep(b"content", "a.csv", "report_stats", ANNA)).secret for _ in range(50)
    }
    assert len(drawn) == 50
    assert all(DRAWN.fullmatch(one) for one in drawn)


@pytest.mark.parametrize("content", [b"", b"a,b\r\n", bytes(range(256)) * 1000])
async def test_what_is_kept_comes_back_byte_for_byte(store: MemoryStore, content: bytes) -> None:
    drawn = await FileAddresses(store, "one").keep(content, "a.csv", "report_stats", ANNA)
    found = await behind_file_address(store, drawn.secret)
    assert found
    assert (found.account, found.name, found.content) == ("one", "a.csv", content)


async def test_of_two_that_take_a_document_one_does_and_only_that_one_writes_what_became_of_it(
    store: MemoryStore,
) -> None:
    await upload_address(store)
    handed = HandedUploads(store, "one")
    assert await handed.take("abcdefgh", "first")
    assert not await handed.take("abcdefgh", "second")
    await handed.settle("abcdefgh", "second", state="refused", said="not mine")
    seen = await handed.look("abcdefgh")
    assert seen
    assert seen.handed.state == "taken"


async def test_an_upload_is_unknown_in_another_account_of_the_store(store: MemoryStore) -> None:
    await upload_address(store)
    assert await HandedUploads(store, "other").look("abcdefgh") is None
