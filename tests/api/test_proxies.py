"""Which host is asked through which proxy, as curl reads the variables; and why there is no way, by the system's error."""

import errno
import socket
import ssl
from collections.abc import Mapping

import httpcore2
import httpx2
import pytest

from flipsnack_mcp.api.errors import Changed, ConfigurationError, UnreachableError
from flipsnack_mcp.api.network import Departure
from flipsnack_mcp.api.network.failures import Route, failure_of
from flipsnack_mcp.api.network.proxies import Proxy, covers, proxies_of, proxy_secrets
from tests.api.asking import each

HOST = "api.flipsnack.com"
HTTPS, ALL, HTTP = "http://secure:1", "socks5://all:2", "http://plain:3"
CHOSEN: dict[str, tuple[Mapping[str, str], str]] = {
    "nothing": ({}, ""),
    "the one for https": ({"HTTPS_PROXY": HTTPS, "ALL_PROXY": ALL, "HTTP_PROXY": HTTP}, HTTPS),
    "the one for all": ({"ALL_PROXY": ALL, "HTTP_PROXY": HTTP}, ALL),
    "not the one for http": ({"HTTP_PROXY": HTTP}, ""),
    "small letters": ({"https_proxy": HTTPS}, HTTPS),
    "small letters win": ({"https_proxy": HTTPS, "HTTPS_PROXY": ALL}, HTTPS),
    "small letters win, whatever comes first": ({"HTTPS_PROXY": ALL, "https_proxy": HTTPS}, HTTPS),
    "mixed letters": ({"Https_Proxy": HTTPS}, HTTPS),
    "an empty one is none": ({"HTTPS_PROXY": ""}, ""),
    "an empty small one takes it back": ({"https_proxy": "", "HTTPS_PROXY": HTTPS}, ""),
    "blanks around it": ({"HTTPS_PROXY": f"  {HTTPS} "}, HTTPS),
    "no scheme": ({"HTTPS_PROXY": "secure:1"}, HTTPS),
    "a name and password without a scheme": ({"HTTPS_PROXY": "u:p@secure:1"}, "http://u:p@secure:1"),
    "everything excepted": ({"HTTPS_PROXY": HTTPS, "NO_PROXY": "*"}, ""),
    "the host excepted": ({"HTTPS_PROXY": HTTPS, "NO_PROXY": f"a.com, {HOST}"}, ""),
    "its domain excepted": ({"ALL_PROXY": ALL, "no_proxy": ".flipsnack.com"}, ""),
    "blanks between the exceptions": ({"HTTPS_PROXY": HTTPS, "NO_PROXY": f"a.com {HOST}\tb.com"}, ""),
    "blanks and commas between them": ({"HTTPS_PROXY": HTTPS, "NO_PROXY": f" a.com ,, .b.com , {HOST}"}, ""),
    "another excepted": ({"ALL_PROXY": ALL, "no_proxy": "snack.com"}, ALL),
    "another program's": ({"TRAVIS_APT_PROXY": HTTP, "FTP_PROXY": HTTP}, ""),
    "the right file for the wrong reason": ({"REQUESTS_CA_BUNDLE": "/x", "all_proxy": ALL}, ALL),
}


THIS_MACHINE = """127.0.0.1 127.9.9.9 127.1 127.0.1 0x7f.1 0177.0.0.1 2130706433 0x7f000001 ::1 [::1] ::ffff:127.0.0.1
localhost LOCALHOST localhost. a.localhost 127.0.0.1. 0.0.0.0 [::]"""
OTHER_MACHINES = (
    "126.255.255.255 128.1 2147483649 ::2 fd00::1 localhost.com notlocalhost 127.0.0.1.nip.io 10.0.0.1 1.127"
)


@pytest.mark.parametrize("host", THIS_MACHINE.split())
def test_no_spelling_of_this_machine_is_asked_through_a_proxy(host: str) -> None:
    assert proxies_of({"ALL_PROXY": ALL}).between("https", host, 443) is None


@pytest.mark.parametrize("host", OTHER_MACHINES.split())
def test_what_only_looks_like_this_machine_is_another(host: str) -> None:
    assert proxies_of({"ALL_PROXY": ALL}).between("https", host, 443) is not None


@each("row", CHOSEN)
def test_the_proxy_for_a_host(row: tuple[Mapping[str, str], str]) -> None:
    environment, expected = row
    proxy = proxies_of(environment).between("https", HOST, 443)
    assert (proxy.address if proxy else "") == expected


COVERS = """* api.flipsnack.com yes|flipsnack.com api.flipsnack.com yes|.flipsnack.com api.flipsnack.com yes
.flipsnack.com flipsnack.com yes|*.flipsnack.com api.flipsnack.com yes|snack.com flipsnack.com no
API.Flipsnack.COM api.flipsnack.com yes|flipsnack.com API.FLIPSNACK.COM yes|api.flipsnack.com api.flipsnack.com. yes
api.flipsnack.com:443 api.flipsnack.com yes|api.flipsnack.com:8443 api.flipsnack.com no|com. flipsnack.com yes
https://api.flipsnack.com api.flipsnack.com yes|10.0.0.0/8 10.1.2.3 yes|10.0.0.0/8 11.1.2.3 no|10.1.2.3 10.1.2.3 yes
10.1.2.3:443 10.1.2.3 yes|10.1.2.3:80 10.1.2.3 no|fd00::/8 fd00::1 yes|[fd00::1] fd00::1 yes|[fd00::1]:443 fd00::1 yes
[fd00::1]:80 fd00::1 no|fd00::1 [fd00::1] yes|10.0.0.0/8 ten.com no|10.0.0.0/99 10.0.0.1 no|. flipsnack.com no
*. flipsnack.com no|: flipsnack.com no|[ flipsnack.com no|:443 flipsnack.com no|flip*.com flipsnack.com no"""


@pytest.mark.parametrize("row", COVERS.replace("\n", "|").split("|"))
def test_an_entry_of_no_proxy_covers_a_host_or_not(row: str) -> None:
    entry, host, expected = row.split()
    assert covers(entry, host, 443) is (expected == "yes")


def test_an_empty_entry_covers_nothing() -> None:
    assert not covers(" ", HOST, 443)


LONG = "correct-horse-battery"


@pytest.mark.parametrize(
    ("address", "known"),
    [
        (f"http://u:{LONG}@h:1", {f"u:{LONG}", LONG, "dTpjb3JyZWN0LWhvcnNlLWJhdHRlcnk="}),
        ("http://u:unlisted@h:1", {"u:unlisted", "dTp1bmxpc3RlZA=="}),
        ("socks5h://u:p%40ss%3Aword@h:1", {"u:p%40ss%3Aword", "p%40ss%3Aword", "u:p@ss:word", "dTpwQHNzOndvcmQ="}),
        ("u:secret@h:1", {"u:secret", "dTpzZWNyZXQ="}),
        ("http://u:a@b@h:1", {"u:a@b", "dTphQGI="}),
        ("http://u@h:1", set()),
        ("http://h:1", set()),
        ("garbage:secret@", {"garbage:secret", "Z2FyYmFnZTpzZWNyZXQ="}),
    ],
)
def test_what_is_secret_in_an_address_is_known_however_wrong_that_is(address: str, known: set[str]) -> None:
    assert set(proxy_secrets({"All_Proxy": address})) == known


def wrapped(*inner: OSError) -> Exception:
    """As the HTTP client raises what the system said of one address or several."""
    error = OSError("All connection attempts failed")
    error.__cause__ = inner[0] if len(inner) == 1 else ExceptionGroup("multiple", inner)
    outer = httpx2.ConnectError("All connection attempts failed")
    outer.__cause__ = error
    return outer


def of(number: int) -> OSError:
    return OSError(number, "what the system says")


FAILURES: dict[str, tuple[Exception, str]] = {
    "IPv6 only, no IPv6 here": (wrapped(of(errno.ENETUNREACH)), "there is no route to"),
    "no route": (wrapped(of(errno.EHOSTUNREACH)), "there is no route to"),
    "no address of ours": (wrapped(of(errno.EADDRNOTAVAIL)), "there is no route to"),
    "the network is down": (wrapped(of(errno.ENETDOWN)), "there is no route to"),
    "no IPv6 at all": (wrapped(of(errno.EAFNOSUPPORT)), "there is no route to"),
    "no route by IPv6, nobody by IPv4": (wrapped(of(errno.ENETUNREACH), of(errno.ECONNREFUSED)), "nothing answers at"),
    "no route by both": (wrapped(of(errno.ENETUNREACH), of(errno.EHOSTUNREACH)), "there is no route to"),
    "a firewall of this computer": (wrapped(of(errno.EPERM)), "does not allow"),
    "a rule of this computer": (wrapped(of(errno.EACCES)), "does not allow"),
    "silence": (wrapped(of(errno.ETIMEDOUT)), "did not answer in time"),
    "too slow": (httpx2.ConnectTimeout(""), "did not answer in time"),
    "no free connection": (httpx2.PoolTimeout(""), "did not answer in time"),
    "the name server is away": (wrapped(socket.gaierror(socket.EAI_AGAIN, "again")), "cannot be found"),
    "reset": (wrapped(of(errno.ECONNRESET)), "broke off"),
    "the end of a stream": (httpx2.ConnectError(""), "broke off"),
    "TLS of another age": (ssl.SSLError(1, "[SSL: TLSV1_ALERT_PROTOCOL_VERSION]"), "TLS"),
    "too many files": (wrapped(of(errno.EMFILE)), "could be opened"),
    "a library's own": (AssertionError(), "AssertionError"),
    "a name that is none": (UnicodeError("label too long"), "UnicodeError"),
}


@each("row", FAILURES)
def test_each_error_of_the_system_has_a_sentence_and_changed_nothing(row: tuple[Exception, str]) -> None:
    error, says = row
    departure = Departure()
    departure.set_out(Route(HOST, 443))
    said = failure_of(error, departure)
    assert isinstance(said, UnreachableError)
    assert says in said.happened
    assert "what the system says" not in str(said)
    assert said.changed is Changed.NOTHING
    departure.set_out(Route(HOST, 443, Proxy("ALL_PROXY", "http://u:secret@proxy:1")))
    assert "ALL_PROXY" in str(failure_of(error, departure))
    assert "secret" not in str(failure_of(error, departure))


async def test_a_request_has_left_with_its_headers_and_is_not_listened_to_any_more() -> None:
    departure = Departure()
    departure.set_out(Route(HOST, 443, Proxy("ALL_PROXY", "http://proxy:1")))
    known = {"trace": departure}
    asked = {method: httpcore2.Request(method, f"https://{HOST}/", extensions=known) for method in ("CONNECT", "GET")}
    for method, left in (("CONNECT", False), ("GET", True)):
        await departure("http11.send_request_headers.started", {"request": asked[method]})
        assert (departure.left, "trace" not in known) == (left, left)


def test_an_installation_without_socks_says_what_is_missing() -> None:
    departure = Departure()
    departure.set_out(Route(HOST, 443, Proxy("ALL_PROXY", "socks5://proxy:1")))
    said = failure_of(ImportError("Using SOCKS proxy, but the 'socksio' package is not installed."), departure)
    assert isinstance(said, ConfigurationError)
    assert "ALL_PROXY" in str(said)
    assert "socksio" in str(said)
