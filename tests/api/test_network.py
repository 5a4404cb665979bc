"""The network that people have, on real sockets: proxies, certificates, dead ends. Each says its cause and its cure."""

import os
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest

from flipsnack_mcp.api import retry
from flipsnack_mcp.api.actions.collections import DeleteCollection, ListCollections
from flipsnack_mcp.api.client import Access, Flipsnack
from flipsnack_mcp.api.errors import Changed, ConfigurationError, FlipsnackError, UnreachableError
from flipsnack_mcp.api.exchange import Terms
from flipsnack_mcp.api.pace import BudgetInMemory, Pacer
from tests.api.asking import KEY, SECRET
from tests.api.street import (
    HOST,
    SET_BY_A_PERSON,
    Street,
    authority_file,
    certificate,
    free_port,
    no_network_settings,
    street,
)

PASSWORD = "hunter2-of-the-proxy"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@dataclass
class Scene:
    """A street, a folder for certificates, and what is set in the environment."""

    street: Street
    folder: Path
    environment: Callable[[str, str], None]
    api_url: str = f"https://{HOST}/v1/"

    def set(self, **variables: str) -> None:
        for name, value in variables.items():
            self.environment(name, value)

    async def end(self, seconds: float = 8.0) -> tuple[FlipsnackError | None, str]:
        """How a deletion ends, which nobody may say something untrue of, and everything that could be read."""
        access = Access(KEY, SECRET, self.api_url, self.api_url)
        async with Flipsnack(access, Pacer(BudgetInMemory())) as flipsnack:
            try:
                terms = Terms(deadline=anyio.current_time() + seconds)
                await flipsnack.send(DeleteCollection(collection_hash="fxh4k89"), terms=terms)
            except FlipsnackError as error:
                return error, str(error)
        return None, ""


usual = cache(httpx2.create_ssl_context)
"""The authorities of the system, which are the same each time and take longer to read than most tests."""


def trusting(*, make: Callable[[], ssl.SSLContext] = httpx2.create_ssl_context) -> ssl.SSLContext:
    return make() if {*SET_BY_A_PERSON} & {*os.environ} else usual()


@pytest.fixture
async def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Scene]:
    no_network_settings(monkeypatch)
    real = socket.getaddrinfo

    def looked_up(host: Any, *more: Any, **others: Any) -> Any:
        if str(host).rstrip(".").endswith((".invalid", ".test")):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return real(host, *more, **others)

    monkeypatch.setattr(socket, "getaddrinfo", looked_up)
    monkeypatch.setattr(httpx2, "create_ssl_context", trusting)
    monkeypatch.setattr(retry, "MAX_TRIES", 1)
    async with street() as opened:
        yield Scene(opened, tmp_path, monkeypatch.setenv)


Setting = Callable[[Scene], Awaitable[None]]


@dataclass(frozen=True)
class Row:
    """A network, and what is said about it."""

    name: str
    lay: Setting
    says: tuple[str, ...]
    kind: type[FlipsnackError] = UnreachableError
    seconds: float = 8.0
    more: dict[str, str] = field(default_factory=dict)


def proxy_is(address: str, variable: str = "HTTPS_PROXY", **others: str) -> Setting:
    async def lay(scene: Scene) -> None:
        scene.set(**{variable: address}, **others)

    return lay


def proxy_says(says: bytes, scheme: str = "http", *, reads: bool = True) -> Setting:
    async def lay(scene: Scene) -> None:
        port = await scene.street.talking(says, reads=reads)
        scene.set(HTTPS_PROXY=f"{scheme}://user:{PASSWORD}@127.0.0.1:{port}")

    return lay


async def silent_proxy(scene: Scene) -> None:
    scene.set(HTTPS_PROXY=f"http://127.0.0.1:{await scene.street.silent()}")


async def silent_socks(scene: Scene) -> None:
    scene.set(ALL_PROXY=f"socks5://127.0.0.1:{await scene.street.silent()}")


async def absent_proxy(scene: Scene) -> None:
    scene.set(HTTPS_PROXY=f"http://user:{PASSWORD}@127.0.0.1:{free_port()}")


async def absent_socks(scene: Scene) -> None:
    scene.set(all_proxy=f"socks5h://127.0.0.1:{free_port()}")


async def proxy_that_wants_a_name(scene: Scene) -> None:
    scene.set(HTTPS_PROXY=f"http://127.0.0.1:{await scene.street.http_proxy(wants=b'Proxy-Authorization: Basic')}")


async def proxy_with_a_wrong_name(scene: Scene) -> None:
    port = await scene.street.http_proxy(wants=b"Proxy-Authorization: Basic right")
    scene.set(HTTPS_PROXY=f"http://user:{PASSWORD}@127.0.0.1:{port}")


async def socks_that_wants_a_name(scene: Scene) -> None:
    scene.set(ALL_PROXY=f"socks5://127.0.0.1:{await scene.street.socks_proxy(login=(b'a', b'b'))}")


async def socks_with_a_wrong_name(scene: Scene) -> None:
    port = await scene.street.socks_proxy(login=(b"user", b"other"))
    scene.set(ALL_PROXY=f"socks5://user:{PASSWORD}@127.0.0.1:{port}")


def socks_replies(code: int) -> Setting:
    async def lay(scene: Scene) -> None:
        scene.set(ALL_PROXY=f"socks5h://127.0.0.1:{await scene.street.socks_proxy(reply=code)}")

    return lay


def behind_a_proxy(lay: Setting, *hosts: str, expired: bool = False) -> Setting:
    """Flipsnack shows this certificate, seen through a proxy that works."""

    async def both(scene: Scene) -> None:
        await scene.street.flipsnack(certificate(*hosts, expired=expired))
        scene.set(HTTPS_PROXY=f"http://127.0.0.1:{await scene.street.http_proxy()}")
        await lay(scene)

    return both


def straight(lay: Setting, *hosts: str, expired: bool = False) -> Setting:
    async def both(scene: Scene) -> None:
        port = await scene.street.flipsnack(certificate(*hosts, expired=expired))
        scene.api_url = f"https://localhost:{port}/v1/"
        await lay(scene)

    return both


async def nothing(_: Scene) -> None:
    """Set nothing more."""


def file_is(content: bytes | None, variable: str = "SSL_CERT_FILE") -> Setting:
    """A certificate file with this content; None for one that is not there."""

    async def lay(scene: Scene) -> None:
        path = scene.folder / "ca.pem"
        if content is not None:
            path.write_bytes(content)
        scene.set(**{variable: str(path)})

    return lay


async def file_is_a_folder(scene: Scene) -> None:
    scene.set(SSL_CERT_FILE=str(scene.folder))


async def foreign_file(scene: Scene) -> None:
    scene.set(SSL_CERT_FILE=authority_file(scene.folder, "somebody else"))


async def empty_folder(scene: Scene) -> None:
    scene.set(SSL_CERT_DIR=str(scene.folder))


async def keys_cannot_be_noted(scene: Scene) -> None:
    scene.set(SSL_CERT_FILE=authority_file(scene.folder), SSLKEYLOGFILE=str(scene.folder / "absent" / "keys"))


async def keys_go_to_a_folder(scene: Scene) -> None:
    scene.set(SSL_CERT_FILE=authority_file(scene.folder), SSLKEYLOGFILE=str(scene.folder))


async def right_file(scene: Scene) -> None:
    scene.set(SSL_CERT_FILE=authority_file(scene.folder))


def address_is(address: str) -> Setting:
    async def lay(scene: Scene) -> None:
        scene.api_url = address

    return lay


async def nobody_there(scene: Scene) -> None:
    scene.api_url = f"https://localhost:{free_port()}/v1/"


def says_straight(says: bytes, *, reads: bool = True) -> Setting:
    async def lay(scene: Scene) -> None:
        scene.api_url = f"https://localhost:{await scene.street.talking(says, reads=reads)}/v1/"

    return lay


async def silent_port(scene: Scene) -> None:
    scene.api_url = f"https://localhost:{await scene.street.silent()}/v1/"


CONFIGURED = ConfigurationError
PEM = b"-----BEGIN CERTIFICATE-----\nbm90IGEgY2VydGlmaWNhdGU=\n-----END CERTIFICATE-----\n"
ROWS = [
    # The findings' own.
    Row("socks://", proxy_is("socks://127.0.0.1:1080", "ALL_PROXY"), ("ALL_PROXY", "socks5://"), CONFIGURED),
    Row("no file", straight(file_is(None), "localhost"), ("SSL_CERT_FILE", "is not there"), CONFIGURED),
    Row("an unknown authority", straight(nothing, "localhost"), ("not trusted", "SSL_CERT_FILE"), CONFIGURED),
    Row("a proxy answers 502", proxy_says(b"HTTP/1.1 502 Bad Gateway\r\n\r\n"), ("HTTPS_PROXY", "refused", "502")),
    # Proxies that are none.
    Row("socks4", proxy_is("socks4://127.0.0.1:1080", "ALL_PROXY"), ("ALL_PROXY", "socks5://"), CONFIGURED),
    Row("socks4a, small", proxy_is("socks4a://127.0.0.1:1080", "all_proxy"), ("all_proxy", "socks5://"), CONFIGURED),
    Row("SOCKS, capital", proxy_is("SOCKS://h:1", "https_proxy"), ("https_proxy", "socks5://"), CONFIGURED),
    Row("ftp", proxy_is("ftp://127.0.0.1:21"), ("HTTPS_PROXY", "http://"), CONFIGURED),
    Row("quic with a password", proxy_is(f"quic://u:{PASSWORD}@h:1"), ("HTTPS_PROXY",), CONFIGURED),
    Row("no host", proxy_is("http://"), ("HTTPS_PROXY", "http://"), CONFIGURED),
    Row("a port that is none", proxy_is("http://127.0.0.1:port"), ("HTTPS_PROXY",), CONFIGURED),
    Row("a slash in a password", proxy_is("http://u:12/34@127.0.0.1:1"), ("HTTPS_PROXY", "no proxy"), CONFIGURED),
    Row("a hash in a password", proxy_is("http://u:12#34@127.0.0.1:1"), ("HTTPS_PROXY", "no proxy"), CONFIGURED),
    Row("a question in a password", proxy_is("socks5://u:12?34@h:1"), ("HTTPS_PROXY", "no proxy"), CONFIGURED),
    Row("one slash too few", proxy_is("http:/127.0.0.1:3128"), ("HTTPS_PROXY", "no proxy"), CONFIGURED),
    Row("a port too high", proxy_is("http://127.0.0.1:99999"), ("HTTPS_PROXY",), CONFIGURED),
    Row("garbage", proxy_is("http://[::1", "ALL_PROXY"), ("ALL_PROXY",), CONFIGURED),
    Row("words", proxy_is("use the office one"), ("HTTPS_PROXY",), CONFIGURED),
    Row("a control character", proxy_is("http://ho\x07st:1"), ("HTTPS_PROXY",), CONFIGURED),
    # Proxies that are not there, or will not.
    Row("no proxy there", absent_proxy, ("HTTPS_PROXY", "nothing answers")),
    Row("no socks there", absent_socks, ("all_proxy", "nothing answers")),
    Row("a proxy's name is unknown", proxy_is("http://proxy.invalid:3128"), ("HTTPS_PROXY", "cannot be found")),
    Row("a socks name is unknown", proxy_is("socks5://proxy.invalid:1", "ALL_PROXY"), ("ALL_PROXY", "cannot be found")),
    Row("407", proxy_that_wants_a_name, ("HTTPS_PROXY", "name and password"), CONFIGURED),
    Row("407 all the same", proxy_with_a_wrong_name, ("HTTPS_PROXY", "name and password"), CONFIGURED),
    Row("403", proxy_says(b"HTTP/1.1 403 No\r\n\r\n"), ("HTTPS_PROXY", "refused", "403")),
    Row("503", proxy_says(b"HTTP/1.1 503 Later\r\n\r\n"), ("HTTPS_PROXY", "refused", "503")),
    Row("garbage from a proxy", proxy_says(b"SSH-2.0-OpenSSH_9.6\r\n\r\n"), ("HTTPS_PROXY", "no proxy")),
    Row("a proxy hangs up", proxy_says(b""), ("HTTPS_PROXY", "broke off")),
    Row("a proxy hangs up at once", proxy_says(b"", reads=False), ("HTTPS_PROXY", "broke off")),
    Row("a proxy is silent", silent_proxy, ("HTTPS_PROXY", "did not answer in time"), seconds=0.6),
    Row(
        "a proxy says 200 and garbage",
        proxy_says(b"HTTP/1.1 200 OK\r\n\r\nHello, world. Hello, world."),
        ("broke off",),
    ),
    Row("a plain proxy as https", proxy_says(b"HTTP/1.1 400 No\r\n\r\n", "https"), ("HTTPS_PROXY", "TLS")),
    Row("socks wants a name", socks_that_wants_a_name, ("ALL_PROXY", "name and password"), CONFIGURED),
    Row("socks wants another name", socks_with_a_wrong_name, ("ALL_PROXY", "name and password"), CONFIGURED),
    Row("socks refuses", socks_replies(2), ("ALL_PROXY", "refused")),
    Row("socks reaches nobody", socks_replies(4), ("ALL_PROXY", "refused")),
    Row("socks replies nonsense", socks_replies(77), ("ALL_PROXY", "no proxy")),
    Row("socks is http", proxy_says(b"HTTP/1.1 400 No\r\n\r\n", "socks5"), ("HTTPS_PROXY", "no proxy")),
    Row("socks hangs up", proxy_says(b"", "socks5h"), ("HTTPS_PROXY",)),
    Row("socks is silent", silent_socks, ("ALL_PROXY", "did not answer in time"), seconds=0.6),
    # Certificates.
    Row("no file, through a proxy", behind_a_proxy(file_is(None), HOST), ("SSL_CERT_FILE", "is not there"), CONFIGURED),
    Row("an empty file", straight(file_is(b""), "localhost"), ("SSL_CERT_FILE", "holds no certificate"), CONFIGURED),
    Row("words in it", straight(file_is(b"hello"), "localhost"), ("SSL_CERT_FILE", "holds no certificate"), CONFIGURED),
    Row("a broken one", straight(file_is(PEM), "localhost"), ("SSL_CERT_FILE", "holds no certificate"), CONFIGURED),
    Row("bytes", straight(file_is(bytes(range(256))), "localhost"), ("SSL_CERT_FILE", "no certificate"), CONFIGURED),
    Row("a folder as file", straight(file_is_a_folder, "localhost"), ("SSL_CERT_FILE", "no file"), CONFIGURED),
    Row("no folder", straight(file_is(None, "SSL_CERT_DIR"), "localhost"), ("SSL_CERT_DIR", "no folder"), CONFIGURED),
    Row(
        "a file as folder", straight(file_is(b"", "SSL_CERT_DIR"), "localhost"), ("SSL_CERT_DIR", "folder"), CONFIGURED
    ),
    Row("no folder, its cure", straight(file_is(None, "SSL_CERT_DIR"), "localhost"), ("to a folder",), CONFIGURED),
    Row("keys cannot be noted", straight(keys_cannot_be_noted, "localhost"), ("SSLKEYLOGFILE", "written"), CONFIGURED),
    Row("keys go to a folder", straight(keys_go_to_a_folder, "localhost"), ("SSLKEYLOGFILE", "written"), CONFIGURED),
    Row("an empty folder", straight(empty_folder, "localhost"), ("not trusted", "SSL_CERT_DIR"), CONFIGURED),
    Row("a foreign authority", straight(foreign_file, "localhost"), ("not trusted", "SSL_CERT_FILE"), CONFIGURED),
    Row("interception by a proxy", behind_a_proxy(nothing, HOST), ("not trusted", "SSL_CERT_FILE"), CONFIGURED),
    Row("expired", straight(right_file, "localhost", expired=True), ("has expired", "clock"), CONFIGURED),
    Row("expired behind a proxy", behind_a_proxy(right_file, HOST, expired=True), ("has expired",), CONFIGURED),
    Row("of another host", straight(right_file, "example.com"), ("another host",), CONFIGURED),
    Row("of another host behind a proxy", behind_a_proxy(right_file, "example.com"), ("another host",), CONFIGURED),
    # Nobody there.
    Row("an unknown name", nothing, ("cannot be found", "internet connection")),
    Row("an unknown name with a dot", address_is("https://flipsnack.invalid./v1/"), ("cannot be found",)),
    Row("nobody at the port", nobody_there, ("nothing answers",)),
    Row("a plain port", says_straight(b"HTTP/1.1 400 Bad Request\r\n\r\n"), ("TLS",)),
    Row("another protocol", says_straight(b"SSH-2.0-OpenSSH_9.6\r\n", reads=False), ("TLS",)),
    Row("hangs up", says_straight(b""), ("broke off",)),
    Row("is silent", silent_port, ("did not answer in time",), seconds=0.6),
]


@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
async def test_each_network_says_its_cause_and_its_cure_and_that_nothing_was_changed(row: Row, scene: Scene) -> None:
    await row.lay(scene)
    error, said = await scene.end(row.seconds)
    assert isinstance(error, row.kind), repr(error)
    assert [part for part in row.says if part not in said] == [], said
    assert error.changed is Changed.NOTHING
    assert scene.street.asked == []
    seen = said.encode() + b"".join(scene.street.proxied)
    assert [one for one in (KEY, SECRET, PASSWORD) if one.encode() in seen] == []
    assert PASSWORD not in said


async def socks5(scene: Scene) -> None:
    scene.set(ALL_PROXY=f"socks5://127.0.0.1:{await scene.street.socks_proxy()}")


async def socks5h(scene: Scene) -> None:
    scene.set(https_proxy=f"socks5h://127.0.0.1:{await scene.street.socks_proxy()}")


async def socks5_with_a_name(scene: Scene) -> None:
    port = await scene.street.socks_proxy(login=(b"user", PASSWORD.encode()))
    scene.set(ALL_PROXY=f"socks5://user:{PASSWORD}@127.0.0.1:{port}")


async def http_proxy(scene: Scene) -> None:
    scene.set(HTTPS_PROXY=f"http://127.0.0.1:{await scene.street.http_proxy()}")


async def http_proxy_with_a_name(scene: Scene) -> None:
    port = await scene.street.http_proxy(wants=b"Proxy-Authorization: Basic dXNlcjpodW50ZXIyLW9mLXRoZS1wcm94eQ==")
    scene.set(HTTPS_PROXY=f"http://user:{PASSWORD}@127.0.0.1:{port}")


async def http_proxy_without_a_scheme(scene: Scene) -> None:
    scene.set(all_proxy=f"127.0.0.1:{await scene.street.http_proxy()}")


async def https_proxy(scene: Scene) -> None:
    scene.set(HTTPS_PROXY=f"https://localhost:{await scene.street.http_proxy(tls=certificate('localhost'))}")


async def small_wins(scene: Scene) -> None:
    scene.set(HTTPS_PROXY=f"http://127.0.0.1:{free_port()}")
    scene.set(https_proxy=f"http://127.0.0.1:{await scene.street.http_proxy()}")


async def the_special_before_all(scene: Scene) -> None:
    scene.set(ALL_PROXY="socks4://h:1", HTTPS_PROXY=f"http://127.0.0.1:{await scene.street.http_proxy()}")


async def not_the_one_for_http(scene: Scene) -> None:
    scene.set(HTTP_PROXY="socks4://h:1", ALL_PROXY=f"http://127.0.0.1:{await scene.street.http_proxy()}")


WORKING = [
    socks5, socks5h, socks5_with_a_name, http_proxy, http_proxy_with_a_name, http_proxy_without_a_scheme, https_proxy,
    small_wins, the_special_before_all, not_the_one_for_http,
]  # fmt: skip


@pytest.mark.parametrize("lay", WORKING)
async def test_each_proxy_that_works_is_used_and_sees_no_request(lay: Setting, scene: Scene) -> None:
    await right_file(scene)
    await scene.street.flipsnack(certificate(HOST))
    await lay(scene)
    error, _ = await scene.end()
    assert error is None
    assert len(scene.street.asked) == 1
    assert any(HOST.encode() in piece for piece in scene.street.proxied)
    assert not any(KEY.encode() in piece or b"signature" in piece for piece in scene.street.proxied)


LOOPBACKS = (
    "localhost",
    "127.0.0.1",
    "127.0.0.2",
    "127.8.9.10",
    "[::1]",
    "LOCALHOST",
    "localhost.",
    "[::ffff:127.0.0.1]",
)


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"])
@pytest.mark.parametrize("scheme", ["http", "socks5", "socks4"])
async def test_nothing_for_this_machine_goes_to_a_proxy(variable: str, scheme: str, scene: Scene) -> None:
    scene.set(**{variable: f"{scheme}://127.0.0.1:{await scene.street.silent()}"})
    scene.api_url = f"http://127.0.0.1:{await scene.street.flipsnack()}/v1/"
    error, _ = await scene.end()
    assert error is None
    assert len(scene.street.asked) == 1
    assert scene.street.proxied == []


@pytest.mark.parametrize("host", LOOPBACKS)
async def test_every_spelling_of_this_machine_is_this_machine(host: str, scene: Scene) -> None:
    scene.set(ALL_PROXY=f"http://127.0.0.1:{await scene.street.silent()}")
    scene.api_url = f"https://{host}:{free_port()}/v1/"
    error, _ = await scene.end(0.8)
    assert isinstance(error, UnreachableError)
    assert scene.street.proxied == []


async def test_a_read_that_cannot_be_made_is_not_tried_for_long_where_only_a_person_can_help(scene: Scene) -> None:
    scene.set(ALL_PROXY="socks4://127.0.0.1:1080")
    access = Access(KEY, SECRET, scene.api_url, scene.api_url)
    async with Flipsnack(access, Pacer(BudgetInMemory())) as flipsnack:
        with anyio.fail_after(0.4), pytest.raises(ConfigurationError):
            await flipsnack.send(ListCollections())
