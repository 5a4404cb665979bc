"""What a Redis server is not told that journals need, in sentences."""

from pathlib import Path

import pytest

from flipsnack_mcp.store.records import StoreUnusable
from flipsnack_mcp.store.redis.promises import broken_promises
from tests.redis_server import running_redis

OTHERWISE = {
    (
        "--appendonly",
        "no",
    ): "appendonly is no: it forgets what came since its last snapshot when it ends. Set appendonly yes.",
    (
        "--appendfsync",
        "everysec",
    ): "appendfsync is everysec: what it has just taken can be lost with its machine. Set appendfsync always.",
    (
        "--maxmemory-policy",
        "allkeys-lru",
    ): "maxmemory-policy is allkeys-lru: it throws records away when its memory is full. Set maxmemory-policy noeviction.",
}


@pytest.mark.usefixtures("patient_with_redis")
async def test_a_server_that_is_configured_as_it_has_to_be_breaks_no_promise(quick_folder: Path) -> None:
    with running_redis(quick_folder) as server:
        assert await broken_promises(server.url) == ()


@pytest.mark.usefixtures("patient_with_redis")
@pytest.mark.parametrize("number", [1, 3])
async def test_each_setting_that_breaks_one_is_named_with_what_happens_otherwise(
    quick_folder: Path, number: int
) -> None:
    for first in range(len(OTHERWISE) + 1 - number):
        wrong = [*OTHERWISE][first : first + number]
        with running_redis(quick_folder, *(part for one in wrong for part in one)) as server:
            assert await broken_promises(server.url) == tuple(OTHERWISE[one] for one in wrong)


@pytest.mark.usefixtures("patient_with_redis")
async def test_a_server_that_does_not_tell_its_configuration_is_left_to_a_person(quick_folder: Path) -> None:
    with running_redis(quick_folder) as server:
        server.cli("ACL", "SETUSER", "rented", "on", "nopass", "~*", "+@all", "-config", "-ping")
        (said,) = await broken_promises(f"{server.url}&username=rented&password=any")
    assert said.startswith(
        "It does not tell how it is configured: see yourself that it has appendonly yes, appendfsync"
    )


async def test_a_server_that_cannot_be_asked_is_an_error_and_no_promise(quick_folder: Path) -> None:
    with pytest.raises(StoreUnusable, match="cannot be reached"):
        await broken_promises(f"unix://{quick_folder}/none")
    with (
        running_redis(quick_folder, "--requirepass", "secret-of-redis") as server,
        pytest.raises(StoreUnusable, match="does not take the user and password"),
    ):
        await broken_promises(server.url)
