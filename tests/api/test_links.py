"""A hash out of whatever people paste, and addresses judged by their spelling."""

from base64 import b64encode

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from flipsnack_mcp.api.links import HASH, NOT_A_HASH, hash_from, public_address

PLAYER = "OURDRThEN0Q3NUUrZHhuc3VqMWd2dQ=="  # 9DCE8D7D75E+dxnsuj1gvu, from a page in the wild
WIDGET = "https://cdn.flipsnack.com/widget"
hashes = st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=7, max_size=10)
accounts = st.text("0123456789ABCDEF", min_size=11, max_size=11)


@pytest.mark.parametrize(
    ("given", "found"),
    [
        pytest.param("fxh4k89", "fxh4k89", id="hash"),
        pytest.param("  fxh4k89\n", "fxh4k89", id="hash with spaces"),
        pytest.param("da8637256a0276f13999204f5f1i462s", "da8637256a0276f13999204f5f1i462s", id="hash of a flipbook"),
        pytest.param(1234567, "1234567", id="number"),
        pytest.param("1234567", "1234567", id="number as text"),
        pytest.param(0, "0", id="zero"),
        pytest.param("0012345", "0012345", id="leading zeros"),
        pytest.param("1e5", "1e5", id="text like an exponent"),
        pytest.param(PLAYER, "dxnsuj1gvu", id="base64"),
        pytest.param(f"https://player.flipsnack.com?hash={PLAYER}", "dxnsuj1gvu", id="player"),
        pytest.param(f"https://player.flipsnack.com/?hash={PLAYER}&p=8", "dxnsuj1gvu", id="player with a page"),
        pytest.param(
            "https://player.flipsnack.com?hash=OURDRThEN0Q3NUUrZHhuc3VqMWd2dQ%3D%3D", "dxnsuj1gvu", id="encoded"
        ),
        pytest.param("https://player.flipsnack.com?hash=9DCE8D7D75E+dxnsuj1gvu", None, id="never seen: not packed"),
        pytest.param(f"{WIDGET}/v2/widget.html?hash=dxnsuj1gvu", "dxnsuj1gvu", id="widget v2"),
        pytest.param(f"{WIDGET}/v2/flipsnackwidget.html?hash=fxh4k89&bgcolor=EEEEEE&t=1433", "fxh4k89", id="older v2"),
        pytest.param(f"{WIDGET}/flipsnackwidget.html?hash=fxh4k89&bgcolor=EEEEEE&t=1433", "fxh4k89", id="widget v1"),
        pytest.param(
            "http://files.flipsnack.com/iframe/embed.html?hash=fxh4k89&wmode=window&bgcolor=EEEEEE&t=1",
            "fxh4k89",
            id="Flash",
        ),
        pytest.param("https://www.flipsnack.com/hearth/weekly-offers-fxh4k89.html", "fxh4k89", id="direct"),
        pytest.param("http://www.flipsnack.com/hearth/weekly-offers-fxh4k89.html", "fxh4k89", id="http"),
        pytest.param("www.flipsnack.com/hearth/weekly-offers-fxh4k89.html", "fxh4k89", id="no scheme"),
        pytest.param("//www.flipsnack.com/hearth/weekly-offers-fxh4k89.html", "fxh4k89", id="scheme left out"),
        pytest.param("flipsnack.com/hearth/weekly-offers-fxh4k89.html", "fxh4k89", id="no www"),
        pytest.param("HTTPS://WWW.FLIPSNACK.COM/hearth/weekly-offers-fxh4k89.HTML", "fxh4k89", id="capitals"),
        pytest.param("https://www.flipsnack.com./hearth/weekly-offers-fxh4k89.html", "fxh4k89", id="root dot"),
        pytest.param("https://www.flipsnack.com/hearth/weekly-offers-fxh4k89.html?p=4#x", "fxh4k89", id="query"),
        pytest.param("https://www.flipsnack.com/hearth/weekly-offers-fxh4k89", "fxh4k89", id="no suffix"),
        pytest.param(
            "https://www.flipsnack.com/hearth/weekly-offers-fxh4k89/full-view.html", "fxh4k89", id="full view"
        ),
        pytest.param("https://www.flipsnack.com/9DCE8D7D75E/weekly-fxh4k89/full-view.html", "fxh4k89", id="by account"),
        pytest.param("https://www.flipsnack.com/hearth/%C3%A9t%C3%A9-fxh4k89.html", "fxh4k89", id="encoded slug"),
    ],
)
def test_a_hash_is_found_in_every_form_people_have(given: object, found: str | None) -> None:
    if found is None:
        with pytest.raises(ValueError, match="hash"):
            hash_from(given)
        return

    assert hash_from(given) == found


@pytest.mark.parametrize(
    "given",
    [
        pytest.param("http://www.flipsnack.com/user/lorem-ipsum.html", id="documented direct link"),
        pytest.param("https://www.flipsnack.com/hearth/weekly-offers.html", id="slug only"),
        pytest.param("https://www.flipsnack.com/hearth/weekly-offers/full-view.html", id="full view of a slug"),
        pytest.param("https://www.flipsnack.com/hearth/offers-spring2026.html", id="word with a year"),
        pytest.param("https://www.flipsnack.com/hearth/offers-2026.html", id="year"),
        pytest.param("https://www.flipsnack.com/hearth/my-catalogue.html", id="word as long as a hash"),
        pytest.param("https://www.flipsnack.com/hearth/", id="profile"),
        pytest.param("https://www.flipsnack.com/", id="home"),
        pytest.param("https://offers.example.com/weekly.html", id="own domain"),
        pytest.param("https://offers.example.com/weekly-fxh4k89.html", id="own domain with something like a hash"),
    ],
)
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


@pytest.mark.parametrize(
    "given",
    [
        pytest.param("https://evilflipsnack.com/a/b-fxh4k89.html", id="name that ends alike"),
        pytest.param("https://flipsnack.com.evil.example/a/b-fxh4k89.html", id="name that begins alike"),
        pytest.param("https://flipsnack.com@evil.example/a/b-fxh4k89.html", id="user name"),
        pytest.param("https://evil.example/?hash=fxh4k89&u=flipsnack.com", id="elsewhere"),
        pytest.param("https://[::1/a-fxh4k89.html", id="broken bracket"),
        pytest.param("https://www.flipsnack.com/a/b-fxh4k89.html/../../x", id="way up"),
        pytest.param("https://player.flipsnack.com?hash=", id="empty hash"),
        pytest.param("https://player.flipsnack.com?hash=a%20b", id="space"),
        pytest.param("https://player.flipsnack.com?hash=..%2F..%2Fx", id="path"),
        pytest.param("https://player.flipsnack.com?hash=" + "a" * 65, id="too long"),
        pytest.param("javascript://www.flipsnack.com/%0aalert(1)", id="script"),
        pytest.param("a/b", id="slash"),
        pytest.param("a b", id="blank"),
        pytest.param("a&action=x", id="ampersand"),
        pytest.param("a" * 65, id="too long a hash"),
        pytest.param("", id="empty"),
        pytest.param("   ", id="spaces"),
        pytest.param(None, id="none"),
        pytest.param([], id="list"),
        pytest.param(b"fxh4k89", id="bytes"),
    ],
)
def test_what_is_no_hash_and_no_link_is_refused(given: object) -> None:
    with pytest.raises(ValueError, match=r".{20}"):
        hash_from(given)


@pytest.mark.parametrize("given", ["été", "目录", "fxh4k8\uff19", "fxh4k89\u200b", "\ud800"])
def test_letters_that_no_hash_has_are_refused_in_words_that_help(given: str) -> None:
    with pytest.raises(ValueError, match="a hash has only letters") as caught:
        hash_from(given)

    assert str(caught.value) == NOT_A_HASH


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


pasted = st.from_regex(r"(https?:)?//[a-z.]*flipsnack\.com[:\[\]@0-9]{0,5}/[-a-z0-9/%?=&+.]*\Z")


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


@pytest.mark.parametrize(
    "address",
    [
        "https://example.com/a.pdf",
        "HTTPS://Example.COM/a.pdf",
        "https://example.com:8443/a.pdf?x=1#y",
        "https://bücher.example/a.pdf",
        "https://xn--bcher-kva.example/a.pdf",
        "https://a-b.example.co.uk/%20a.pdf",
        "https://example.com./a.pdf",
        "https://example.com/Été.pdf",
        "https://example.com/a@b.pdf",
    ],
)
def test_a_public_address_is_passed_on_as_it_is(address: str) -> None:
    assert public_address(address) == address


@pytest.mark.parametrize(
    "address",
    [
        *("", "example.com/a.pdf", "http://example.com/a.pdf", "ftp://example.com/a.pdf", "file:///etc/passwd"),
        *("https:example.com", "https:///a.pdf", "https://", "//example.com/a.pdf", "data:application/pdf,x"),
        *("https://user:secret@example.com/a.pdf", "https://user@example.com/a.pdf", "https://@example.com/a.pdf"),
        *("https://localhost/a.pdf", "https://localhost./a.pdf", "https://intranet/a.pdf", "https://a.localhost/"),
        *("https://a%2eb.com/x", "https://exa\ufe0fmple.com/", "https://[v1.example.com]/"),
        *("https://127.0.0.1/a.pdf", "https://127.0.0.1./", "https://127.1/", "https://2130706433/", "https://0x7f.1/"),
        *("https://0177.0.0.1/", "https://169.254.169.254/latest", "https://[::1]/", "https://[::ffff:127.0.0.1]/"),
        *(
            "https://\uff11\uff12\uff17.0.0.1/",
            "https://127。0。0。1/",
            "https://①.example.com/",
            "https://a.0x7f/",
            "https://[fe80::1%25a.b]/",
        ),
        *("https://printer.local/", "https://a.internal/", "https://metadata.google.internal/", "https://x.home.arpa/"),
        *("https://a.lan/", "https://a.corp/", "https://a.intranet/", "https://A.LOCAL/", "https://a.local./"),
        *(
            "https://exa mple.com/",
            "https://example.com/a b.pdf",
            "https://example.com\\@evil.example/",
            "https://a\tb.com/",
        ),
        *("https://example.com/\n", " https://example.com/", "https://example.com/\u202e", "https://example.com/\x00"),
        *("https://example.com:99999/", "https://example.com:x/", "https://[::1", "https://%31%32%37.0.0.1/"),
        *("https://.com/a.pdf", "https://a..com/a.pdf"),
    ],
)
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
