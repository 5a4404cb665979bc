"""A hash out of whatever people paste, and addresses judged by their spelling."""

import json
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from flipsnack_mcp.api.links import HASH, NOT_A_HASH, hash_from, public_address

PLAYER = "OURDRThEN0Q3NUUrZHhuc3VqMWd2dQ=="  # 9DCE8D7D75E+dxnsuj1gvu, from a page in the wild
WIDGET = "https://cdn.flipsnack.com/widget"
# By what is expected of them, and what kind they are.
PASTED: dict[str, dict[str, list[Any]]] = json.loads(Path(__file__).with_name("links.json").read_bytes())
hashes = st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=7, max_size=10)
accounts = st.text("0123456789ABCDEF", min_size=11, max_size=11)


def pasted_as(kind: str) -> list[Any]:
    return [one for group in PASTED[kind].values() for one in group]


def shown(given: object) -> str:
    """What was pasted, as it stands in the name of a test."""
    return ascii(given)[:90]


@pytest.mark.parametrize(
    "given", [1234567, "1234567", 0, "0012345", "1e5", "da8637256a0276f13999204f5f1i462s"], ids=repr
)
def test_a_number_and_the_hash_of_a_flipbook_are_hashes(given: object) -> None:
    assert hash_from(given) == str(given)


@pytest.mark.parametrize(
    "given",
    [
        *(PLAYER, f"https://player.flipsnack.com?hash={PLAYER}", f"https://player.flipsnack.com/?hash={PLAYER}&p=8"),
        f"https://player.flipsnack.com?hash={PLAYER.replace('=', '%3D')}",
        f"{WIDGET}/v2/widget.html?hash=dxnsuj1gvu",
    ],
)
def test_a_hash_is_found_in_what_players_carry(given: str) -> None:
    assert hash_from(given) == "dxnsuj1gvu"


@pytest.mark.parametrize("given", pasted_as("a hash in every form people have"), ids=shown)
def test_a_hash_is_found_in_every_form_people_have(given: str) -> None:
    assert hash_from(given) == "fxh4k89"


def test_a_player_address_that_was_not_packed_has_never_been_seen() -> None:
    with pytest.raises(ValueError, match="hash"):
        hash_from("https://player.flipsnack.com?hash=9DCE8D7D75E+dxnsuj1gvu")


@pytest.mark.parametrize("given", pasted_as("no hash in a link"), ids=shown)
def test_a_link_without_a_hash_sends_to_the_title(given: str) -> None:
    with pytest.raises(ValueError, match="title with list_collections"):
        hash_from(given)


@pytest.mark.parametrize(
    "given",
    [
        "http://files.flipsnack.net/collections/items/913699e80d28331517aee0afci188784/covers/page_1/thumb",
        "http://devfiles.flipsnack.net/collections/items/0553278b2fd72f91d88224222i188776/covers/page_1/thumb",
        "https://files.flipsnack.net/collections/items/913699e80d28331517aee0afci188784/covers/page_1/thumb?hash=fxh4k89",
    ],
)
def test_a_cover_is_refused_since_it_names_a_page(given: str) -> None:
    with pytest.raises(ValueError, match="cover picture"):
        hash_from(given)


@pytest.mark.parametrize("given", [*pasted_as("no hash and no link"), b"fxh4k89"], ids=shown)
def test_what_is_no_hash_and_no_link_is_refused(given: object) -> None:
    with pytest.raises(ValueError, match=r".{20}"):
        hash_from(given)


@pytest.mark.parametrize("given", ["été", "目录", "fxh4k8\uff19", "fxh4k89\u200b", "\ud800"])
def test_letters_that_no_hash_has_are_refused_in_words_that_help(given: str) -> None:
    with pytest.raises(ValueError, match=f"^{NOT_A_HASH}$"):
        hash_from(given)


@pytest.mark.parametrize("given", [True, False, 1.5, 1e20, float("nan"), float("inf")])
def test_what_json_made_of_an_unquoted_hash_cannot_be_recovered(given: object) -> None:
    with pytest.raises(ValueError, match="send it in quotes"):
        hash_from(given)


@pytest.mark.parametrize("cut", ["OURDRThEN0Q3NUUrZHhuc3VqMWd2dQ", "OURDRThEN0Q3NUUrZHhuc3VqMWd2dQ="])
@pytest.mark.parametrize("before", ["", "https://player.flipsnack.com?hash="])
def test_a_player_link_that_lost_its_last_signs_is_never_taken_for_a_hash(before: str, cut: str) -> None:
    try:
        found = hash_from(before + cut)
    except ValueError:
        return
    assert found == "dxnsuj1gvu"


@given(hashes)
@example("cyt0amlu")
@example("cys3bmt6")
@example("aytxamd2")
def test_a_plain_hash_is_always_itself(given: str) -> None:
    assert hash_from(given) == given


@given(accounts, hashes)
def test_every_player_link_leads_to_its_hash(account: str, collection_hash: str) -> None:
    packed = b64encode(f"{account}+{collection_hash}".encode()).decode()
    assert hash_from(f"https://player.flipsnack.com?hash={packed}") == collection_hash
    assert hash_from(packed) == collection_hash


pasted = st.builds(
    "{}//{}flipsnack.com{}/{}".format,
    st.sampled_from(["https:", "http:", ""]),
    *(st.text("abcw."), st.text(":[]@0189", max_size=5), st.text("-abcxyz0189/%?=&+.")),
)


@given(st.text() | pasted | st.integers() | st.floats() | st.booleans() | st.none() | st.binary())
@example("https://[")
@example("//\\[]")
@example("https://www.flipsnack.com:99999/a-fxh4k89.html")
@example("https://www.flipsnack.com/?hash=%ff%fe")
def test_whatever_is_given_ends_in_a_hash_or_a_value_error(given: object) -> None:
    try:
        found = hash_from(given)
    except ValueError:
        return
    assert HASH.fullmatch(found)


@pytest.mark.parametrize("address", pasted_as("a public address"), ids=shown)
def test_a_public_address_is_passed_on_as_it_is(address: str) -> None:
    assert public_address(address) == address


@pytest.mark.parametrize("address", pasted_as("no public address"), ids=shown)
def test_an_address_that_is_not_public_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match=r"https|host|user name|spaces"):
        public_address(address)


@given(st.text() | st.text(max_size=20).map(lambda text: f"https://{text}"))
@example("https://[")
@example("https://]")
@example("https://a]b.com")
def test_whatever_address_is_given_ends_well_or_in_a_value_error(address: str) -> None:
    try:
        found = public_address(address)
    except ValueError:
        return
    assert found == address
    assert "@" not in found.split("/")[2]
