"""A hash out of whatever people paste, and addresses judged by their spelling."""

import json
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from flipsnack_mcp.api.actions.publishing import CreateCollection
from flipsnack_mcp.api.links import (
    HASH,
    NOT_A_HASH,
    account_in_embed_code,
    account_in_link,
    hash_from,
    is_link,
    public_address,
    same_origin,
    slug_in_link,
)

PLAYER = "OURDRThEN0Q3NUUrZHhuc3VqMWd2dQ=="  # 9DCE8D7D75E+dxnsuj1gvu, from a page in the wild
SITE = "https://player.flipsnack.com"
# By what is expected of them, and what kind they are.
PASTED: dict[str, dict[str, list[Any]]] = json.loads(Path(__file__).with_name("links.json").read_bytes())
hashes = st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=7, max_size=10)
accounts = st.text("0123456789ABCDEF", min_size=11, max_size=11)


def pasted_as(kind: str) -> list[Any]:
    return [one for group in PASTED[kind].values() for one in group]


def shown(given: object) -> str:
    """What was pasted, as it stands in the name of a test."""
    return ascii(given)[:90]


FOUND: list[tuple[Any, str]] = [
    # A number, and the hash of a flipbook.
    *((one, str(one)) for one in (1234567, "1234567", 0, "0012345", "1e5", "da8637256a0276f13999204f5f1i462s")),
    *((one, "fxh4k89") for one in pasted_as("a hash in every form people have")),
    *((form.format(PLAYER), "dxnsuj1gvu") for form in ("{}", f"{SITE}?hash={{}}", f"{SITE}/?hash={{}}&p=8")),
    (f"{SITE}?hash={PLAYER.replace('=', '%3D')}", "dxnsuj1gvu"),
    ("https://cdn.flipsnack.com/widget/v2/widget.html?hash=dxnsuj1gvu", "dxnsuj1gvu"),
    ("https://www.flipsnack.com/hearth/weekly-FxH4k89A.html", "FxH4k89A"),
]


@pytest.mark.parametrize(("given", "found"), FOUND, ids=shown)
def test_a_hash_is_found_in_every_form_people_have_and_in_what_players_carry(given: object, found: str) -> None:
    assert hash_from(given) == found


COVERS = "http://{}files.flipsnack.net/collections/items/{}/covers/page_1/thumb".format
REFUSED: dict[str, list[Any]] = {
    "by it or its title with list_collections": pasted_as("no hash in a link"),
    "cover picture": [
        *(COVERS("", "913699e80d28331517aee0afci188784"), COVERS("dev", "0553278b2fd72f91d88224222i188776")),
        COVERS("", "913699e80d28331517aee0afci188784").replace("http", "https") + "?hash=fxh4k89",
    ],
    r".{20}": [*pasted_as("no hash and no link"), b"fxh4k89"],
    f"^{NOT_A_HASH}$": ["été", "目录", "fxh4k8\uff19", "fxh4k89\u200b", "\ud800"],
    "as text": [["fxh4k89"], {"hash": "fxh4k89"}, [], b"fxh4k89"],
    # What JSON made of an unquoted hash.
    "send it in quotes": [True, False, 1.5, 1e20, float("nan"), float("inf")],
    # A player's address that was not packed has never been seen.
    "hash": [f"{SITE}?hash=9DCE8D7D75E+dxnsuj1gvu", f"{SITE}?hash={PLAYER[:8]}*{PLAYER[8:]}"],
}


@pytest.mark.parametrize(("said", "given"), [(said, one) for said, rows in REFUSED.items() for one in rows], ids=shown)
def test_what_has_no_hash_is_refused_in_words_that_help(said: str, given: object) -> None:
    with pytest.raises(ValueError, match=said):
        hash_from(given)


@pytest.mark.parametrize("cut", ["OURDRThEN0Q3NUUrZHhuc3VqMWd2dQ", "OURDRThEN0Q3NUUrZHhuc3VqMWd2dQ="])
@pytest.mark.parametrize("before", ["", f"{SITE}?hash="])
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
    assert hash_from(f"{SITE}?hash={packed}") == collection_hash
    assert hash_from(packed) == collection_hash
    assert account_in_link(f"{SITE}?hash={packed}") == account_in_link(packed) == account


FULL = "https://www.flipsnack.com/{}/weekly-fxh4k89/full-view.html".format
OF_NOBODY: list[Any] = [
    *("fxh4k89", 1234567, None, True, ["fxh4k89"], "", FULL("hearth"), FULL("9dce8d7d75e"), FULL("9DCE8D7D75E00")),
    *(
        f"{SITE}?hash=fxh4k89",
        f"https://evil.example/?hash={PLAYER}",
        f"https://flipsnack.com.evil.example/?hash={PLAYER}",
    ),
    *(FULL("hearth") + f"#?hash={PLAYER}", f"{SITE}?x=1;hash={PLAYER}", f"{SITE}?h=fxh4k89#&hash={PLAYER}"),
]


@pytest.mark.parametrize("given", OF_NOBODY, ids=shown)
def test_what_names_no_account_names_none(given: object) -> None:
    """Where the hash of a link is not that of a player, what else stands in the link says nothing of its account."""
    assert account_in_link(given) == ""


LINKS_WITH_SLUGS = {
    FULL("hearth"): "weekly-fxh4k89",
    "https://www.flipsnack.com/hearth/summer%20catalogue.HTML?p=2": "summer catalogue",
    "www.flipsnack.com/hearth/weekly-offers/": "weekly-offers",
    f"{SITE}?hash={PLAYER}": "",
    "https://[": "",
}


@pytest.mark.parametrize(("link", "slug"), LINKS_WITH_SLUGS.items(), ids=shown)
def test_the_readable_part_of_a_link_is_its_last_step_without_what_every_link_has(link: str, slug: str) -> None:
    assert is_link(link)
    assert slug_in_link(link) == slug


@pytest.mark.parametrize(
    ("text", "link"),
    [
        *((one, True) for one in (PLAYER, f" {PLAYER} ", "//flipsnack.com/a", "WWW.example.com", "offers.html")),
        *((one, False) for one in ("", "fxh4k89", "Weekly offers", "a/b", "htmlx", "T3ZlcnM=")),
    ],
    ids=shown,
)
def test_a_link_is_told_from_words_and_from_a_plain_hash(text: str, *, link: bool) -> None:
    assert is_link(text) is link


EMBEDDED = {
    "as documented": f'<iframe src="{SITE}?hash={PLAYER}" width="100%"></iframe>',
    "with marks of HTML": f"<iframe width='1' src='//player.flipsnack.com/?p=2&amp;hash={PLAYER}'>",
    "beside another address": f'<script src="https://cdn.flipsnack.com/a.js"></script><iframe src="{SITE}?hash={PLAYER}">',
}


@pytest.mark.parametrize("code", EMBEDDED.values(), ids=list(EMBEDDED))
def test_the_code_that_embeds_a_collection_names_its_account(code: str) -> None:
    assert account_in_embed_code(code) == "9DCE8D7D75E"
    assert account_in_link(FULL("9DCE8D7D75E")) == "9DCE8D7D75E"


@pytest.mark.parametrize(
    "code", ["", "<iframe>", f'<iframe src="{SITE}?hash=fxh4k89">', f"hash={PLAYER}", "//[", "https://["]
)
def test_code_without_a_number_names_none(code: str) -> None:
    assert account_in_embed_code(code) == ""


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


@pytest.mark.parametrize("written", ['"{}"', "'{}'", "<{}>", "[the PDF]({})", " {}\n"])
def test_an_address_of_a_document_is_understood_in_what_a_link_may_stand_in(written: str) -> None:
    address = "https://example.com/a.pdf?token=x&b=%20"
    assert CreateCollection(file_url=written.format(address)).file_url == address
    with pytest.raises(ValueError, match="only https://"):
        CreateCollection(file_url=written.format("http://example.com/a.pdf"))


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


@pytest.mark.parametrize("other", ["http://a.example/x", "https://b.example/x", "https://a.example:444/x"])
def test_only_scheme_host_and_port_together_are_the_same_server(other: str) -> None:
    assert same_origin("https://a.example/v1/?b", "https://a.example/x")
    assert not same_origin(other, "https://a.example/v1/?b")
