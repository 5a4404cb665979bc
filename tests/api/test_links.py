"""A hash out of whatever people paste, and addresses judged by their spelling."""

from base64 import b64encode

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from flipsnack_mcp.api.links import HASH, NOT_A_HASH, hash_from, public_address

PLAYER = "OURDRThEN0Q3NUUrZHhuc3VqMWd2dQ=="  # 9DCE8D7D75E+dxnsuj1gvu, from a page in the wild
WIDGET = "https://cdn.flipsnack.com/widget"
STARTS = ("https://www.", "http://www.", "www.", "//www.", "")
PATHS = (
    *("weekly-offers-fxh4k89.html?p=4#x", "weekly-offers-fxh4k89", "weekly-offers-fxh4k89/full-view.html"),
    *("%C3%A9t%C3%A9-fxh4k89.html", "summer-fxh4k89.html"),
)
hashes = st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=7, max_size=10)
accounts = st.text("0123456789ABCDEF", min_size=11, max_size=11)


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


@pytest.mark.parametrize(
    "given",
    [
        *("fxh4k89", "  fxh4k89\n"),
        # widgets, the newest first, and the embedding of the days of Flash
        f"{WIDGET}/v2/flipsnackwidget.html?hash=fxh4k89&bgcolor=EEEEEE&t=1433",
        f"{WIDGET}/flipsnackwidget.html?hash=fxh4k89&bgcolor=EEEEEE&t=1433",
        "http://files.flipsnack.com/iframe/embed.html?hash=fxh4k89&wmode=window&bgcolor=EEEEEE&t=1",
        # direct links, with and without what people leave out
        *(f"{start}flipsnack.com/hearth/weekly-offers-fxh4k89.html" for start in STARTS),
        "HTTPS://WWW.FLIPSNACK.COM/hearth/weekly-offers-fxh4k89.HTML",
        *(f"https://www.flipsnack.com/hearth/{path}" for path in PATHS),
        "https://www.flipsnack.com./hearth/weekly-offers-fxh4k89.html",
        "https://www.flipsnack.com/9DCE8D7D75E/weekly-fxh4k89/full-view.html",
    ],
)
def test_a_hash_is_found_in_every_form_people_have(given: str) -> None:
    assert hash_from(given) == "fxh4k89"


def test_a_player_address_that_was_not_packed_has_never_been_seen() -> None:
    with pytest.raises(ValueError, match="hash"):
        hash_from("https://player.flipsnack.com?hash=9DCE8D7D75E+dxnsuj1gvu")


@pytest.mark.parametrize(
    "given",
    [
        # only a slug: as the documentation shows it, with a year, with a word as long as a hash
        *("http://www.flipsnack.com/user/lorem-ipsum.html", "https://www.flipsnack.com/hearth/weekly-offers.html"),
        "https://www.flipsnack.com/hearth/weekly-offers/full-view.html",
        "https://www.flipsnack.com/h/my-catalogue.html",
        "https://www.flipsnack.com/hearth/offers-spring2026.html",
        "https://www.flipsnack.com/hearth/offers-2026.html",
        # a profile, the front page, and domains of people's own, also with something like a hash
        *("https://www.flipsnack.com/hearth/", "https://www.flipsnack.com/hearth", "https://www.flipsnack.com/"),
        *("https://offers.example.com/weekly.html", "https://offers.example.com/weekly-fxh4k89.html"),
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
        # names that begin or end alike, and what only carries ours
        *("https://evilflipsnack.com/a/b-fxh4k89.html", "https://flipsnack.com.evil.example/a/b-fxh4k89.html"),
        *("https://flipsnack.com@evil.example/a/b-fxh4k89.html", "https://evil.example/?hash=fxh4k89&u=flipsnack.com"),
        *("https://[::1/a-fxh4k89.html", "https://", "https://[flipsnack.com"),
        "javascript://www.flipsnack.com/%0aalert(1)",
        *("https://www.flipsnack.com/a/b-fxh4k89.html/../../x", "https://player.flipsnack.com?hash="),
        *("https://player.flipsnack.com?hash=a%20b", "https://player.flipsnack.com?hash=..%2F..%2Fx"),
        "https://player.flipsnack.com?hash=" + "a" * 65,
        # what ends a parameter, a path or a line
        *("a/b", "../abc", "a b", "a&action=x", "abc?x=1", "abc#x", "abc%2fdef", "abc\ndef", "abc\0"),
        *("a" * 65, "", "   ", None, [], ["abc"], {"a": "b"}, b"fxh4k89"),
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


def shown(address: str) -> str:
    """An address as it stands in the name of a test."""
    return ascii(address[:60])


@pytest.mark.parametrize(
    "address",
    [
        # not https
        *("", "offers.pdf", "example.com/a.pdf", "//example.com/a.pdf", "http://example.com/a.pdf", "data:text/x,x"),
        *("ftp://example.com/a.pdf", "file:///etc/passwd", "file://example.com/etc/passwd", "javascript:alert(1)"),
        *("data:application/pdf;base64,JVBERi0=", "gopher://example.com/_x", "dict://example.com:11211/x"),
        *("jar:https://example.com/a.zip!/a.pdf", "view-source:https://example.com/"),
        # no host, or none that could be one
        *("https://", "https:example.com", "https:/example.com/a.pdf", "https:///example.com/a.pdf", "https://[::1"),
        *("https://.com/a.pdf", "https://.example.com/a.pdf", "https://a..com/a.pdf", "https://[example.com/a.pdf"),
        *("https://[v1.abc]/a.pdf", "https://[v1.example.com]/", "https://4294967297/a.pdf"),
        # somebody's name and password
        *("https://user:secret@example.com/a.pdf", "https://user@example.com/a.pdf", "https://@example.com/a.pdf"),
        *("https://:@example.com/a.pdf", "https://a@b@example.com/a.pdf", "https://example.com@127.0.0.1/a.pdf"),
        # this machine
        *("https://localhost/a.pdf", "https://localhost./", "https://a.localhost/", "https://localhost.localdomain/"),
        *("https://127.0.0.1/a.pdf", "https://127.0.0.1./", "https://127.0.0.1:443/", "https://127.1/", "https://0/"),
        *("https://0.0.0.0/", "https://2130706433/", "https://0x7f.1/", "https://0x7f000001/", "https://a.0x7f/"),
        *("https://0x7f.0x0.0x0.0x1/", "https://0177.0.0.1/", "https://017700000001/", "https://127.0x0.1/"),
        # a network around it
        *("https://10.0.0.1/a.pdf", "https://172.16.0.1/", "https://192.168.1.1/", "https://100.64.0.1/"),
        *("https://169.254.169.254/latest", "https://metadata.google.internal/", "https://a.internal/"),
        *("https://printer.local/", "https://PRINTER.LOCAL/", "https://a.local./", "https://nas.lan/"),
        "https://a.corp/",
        *("https://x.home.arpa/", "https://a.intranet/", "https://intranet/a.pdf", "https://printer.\uff4cocal/"),
        # the same in IPv6
        *("https://[::1]/", "https://[0000:0000:0000:0000:0000:0000:0000:0001]/", "https://[::]/"),
        "https://[fd00:ec2::254]/",
        *("https://[::ffff:127.0.0.1]/", "https://[::ffff:7f00:1]/", "https://[64:ff9b::7f00:1]/"),
        *("https://[fe80::1%25eth0]/", "https://[fe80::1%25a.b]/"),
        # spelled so that it looks like something else
        *("https://\uff11\uff12\uff17.0.0.1/", "https://\u2460\u2461\u2466.0.0.1/"),
        "https://\u0661\u0662\u0667.0.0.\u0661/",
        *("https://127\u30020\u30020\u30021/", "https://127\uff0e0\uff0e0\uff0e1/"),
        "https://127\uff610\uff610\uff611/",
        *("https://%31%32%37.0.0.1/", "https://127%2e0%2e0%2e1/", "https://a%2eb.com/x", "https://exa\ufe0fmple.com/"),
        *("https://\u2460.example.com/", "https://127.0.0.1\u200b/"),
        # read in two ways
        *("https://example.com\\@evil.example/", "https://example.com\\@127.0.0.1/a.pdf", "https:\\\\127.0.0.1\\a.pdf"),
        *("https://exa mple.com/", "https://example.com/a b.pdf", "https://a\tb.com/", "https://example.com/\n"),
        *("https://example.com/a.pdf\nHost: x", " https://example.com/", "https://example.com/\u202e"),
        "https://example.com/\x00",
        *("https://example.com:99999/", "https://example.com:x/", "https://example.com:http/"),
        "https://example.com:-1/",
    ],
    ids=shown,
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
