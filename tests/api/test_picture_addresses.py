"""Where a picture or a package may be fetched: by the spelling of its address, and by what its host's name resolves to."""

import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from typing_extensions import override

from flipsnack_mcp.api.actions.publishing import DownloadHtml, Package
from flipsnack_mcp.api.client import Access, Flipsnack
from flipsnack_mcp.api.errors import FlipsnackError, UnreachableError
from flipsnack_mcp.api.links import picture_address
from flipsnack_mcp.api.network import NotPublicError, PublicRoads, Roads, public
from flipsnack_mcp.api.network.public import is_in_the_internet
from flipsnack_mcp.api.pace import BudgetInMemory, Pacer
from flipsnack_mcp.store.sqlite import MemoryStore
from flipsnack_mcp.workflows.context import CallContext
from flipsnack_mcp.workflows.downloads.exports import Downloads, WantedPackage
from flipsnack_mcp.workflows.jobs import Jobs
from flipsnack_mcp.workflows.lookout import Lookout
from tests.api.asking import KEY, SECRET
from tests.api.street import Street, authority_file, certificate, no_network_settings, street

HOSTS = ("files.flipsnack.net", "cdn.example.com")
OWN = "http://127.0.0.1:8123/v1/"
PUBLIC = "93.184.216.34"

TAKEN = {
    "https://files.flipsnack.net/a/thumb": "https://files.flipsnack.net/a/thumb",
    "http://files.flipsnack.net/a/thumb": "https://files.flipsnack.net/a/thumb",
    "HTTPS://FILES.Flipsnack.NET/A": "https://files.flipsnack.net/A",
    "https://files.flipsnack.net:443/a": "https://files.flipsnack.net/a",
    "http://files.flipsnack.net:80/a": "https://files.flipsnack.net/a",
    "https://files.flipsnack.net": "https://files.flipsnack.net/",
    "https://cdn.example.com/a?v=1&w=%2f#page": "https://cdn.example.com/a?v=1&w=%2f",
    "https://files.flipsnack.net/%2f..%2f@127.0.0.1/": "https://files.flipsnack.net/%2f..%2f@127.0.0.1/",
    "http://127.0.0.1:8123/collections/items/1/covers/page_1/thumb": "http://127.0.0.1:8123/collections/items/1/covers/page_1/thumb",
}


@pytest.mark.parametrize("address", TAKEN)
def test_an_address_at_a_host_of_pictures_is_https_and_put_together_anew(address: str) -> None:
    assert picture_address(address, HOSTS, OWN) == TAKEN[address]


REFUSED = [
    *("", "files.flipsnack.net/a", "//files.flipsnack.net/a", "ftp://files.flipsnack.net/a", "file:///etc/passwd"),
    *("data:image/png;base64,AAAA", "javascript:alert(1)", "https:files.flipsnack.net/a", "https:///a", "https://"),
    *("https://evil.example/a", "https://flipsnack.net/a", "https://a.files.flipsnack.net/a"),
    *("https://files.flipsnack.net.evil.example/a", "https://evil-files.flipsnack.net/a", "https://files.flipsnack.ne/a"),
    *("https://files.flipsnack.net./a", "https://files.flipsnack.net../a", "https://.files.flipsnack.net/a"),
    *("https://user@files.flipsnack.net/a", "https://files.flipsnack.net@evil.example/a", "https://a:b@files.flipsnack.net/"),
    *("https://files.flipsnack.net%2f@evil.example/a", "https://files.flipsnack.net%2eevil.example/", "https://%66iles.flipsnack.net/"),
    *("https://evil.example\\@files.flipsnack.net/a", "https://files.flipsnack.net\\@evil.example/", "https:\\\\files.flipsnack.net\\a"),
    *("https://evil.example#@files.flipsnack.net/a", "https://evil.example?@files.flipsnack.net/a", "https://evil.example/@files.flipsnack.net"),
    *("https://files.flipsnack.net:8443/a", "https://files.flipsnack.net:80/a", "http://files.flipsnack.net:443/a"),
    *("https://files.flipsnack.net:0/a", "https://files.flipsnack.net:99999/a", "https://files.flipsnack.net:x/a", "https://files.flipsnack.net:-1/"),
    *("https://127.0.0.1/a", "https://2130706433/a", "https://0x7f.1/a", "https://[::1]/a", "https://[::ffff:127.0.0.1]/a", "https://[::1/a"),
    *("https://localhost/a", "http://169.254.169.254/latest/meta-data/", "https://[files.flipsnack.net]/a"),
    *("https://f\N{CYRILLIC SMALL LETTER BYELORUSSIAN-UKRAINIAN I}les.flipsnack.net/a", "https://files.flipsnack\N{IDEOGRAPHIC FULL STOP}net/a"),
    *("https://files.flipsnac\N{KELVIN SIGN}.net/a", "https://xn--fles-nza.flipsnack.net/a", "https://\N{FULLWIDTH LATIN SMALL LETTER F}iles.flipsnack.net/a"),
    *("https://files.flipsnack.net /a", " https://files.flipsnack.net/a", "https://files.flipsnack.net/a b", "https://files.flipsnack.net/a\r\nHost: evil"),
    *("https://files.flipsnack.net\t/a", "https://files.flipsnack.net/\0", "https://files.flipsnack.net/\N{RIGHT-TO-LEFT OVERRIDE}a", "https://files.\nflipsnack.net/a"),
    f"https://files.flipsnack.net/{'a' * 3000}",
    *("http://127.0.0.1:8124/a", "https://127.0.0.1:8123/a", "http://localhost:8123/a", "http://127.0.0.1.:8123/a", "http://a@127.0.0.1:8123/a"),
]  # fmt: skip


@pytest.mark.parametrize("address", REFUSED)
def test_any_other_address_is_refused_and_not_repeated(address: str) -> None:
    with pytest.raises(ValueError, match="FLIPSNACK_FILE_HOSTS") as refused:
        picture_address(address, HOSTS, OWN)
    assert len(address) < 9 or address not in str(refused.value)


def test_without_a_server_of_its_own_on_this_machine_none_is_excepted() -> None:
    with pytest.raises(ValueError, match="FLIPSNACK_FILE_HOSTS"):
        picture_address("http://127.0.0.1:8123/a", HOSTS, "")


OUTSIDE = (PUBLIC, "2606:4700::6810:85e5", "64:ff9b::5db8:d822", "2002:5db8:d822::1", "::ffff:93.184.216.34")
INSIDE = (
    *("127.0.0.1", "127.8.8.8", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1"),  # noqa: S104
    *("192.0.2.1", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "::", "::1", "fe80::1", "fe80::1%lo"),
    *("fc00::1", "fd12::1", "fec0::1", "ff02::1", "2001:db8::1", "::ffff:127.0.0.1", "::ffff:169.254.169.254"),
    *(
        "64:ff9b::7f00:1",
        "64:ff9b:1::7f00:1",
        "2002:7f00:1::1",
        "2002:a9fe:a9fe::1",
        "::127.0.0.1",
        "5f00::1",
        "4000::1",
    ),
)


@pytest.mark.parametrize("address", [*OUTSIDE, *INSIDE])
def test_addresses_of_this_machine_and_its_network_are_known(address: str) -> None:
    assert is_in_the_internet(address) is (address in OUTSIDE)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def scene(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Street]:
    no_network_settings(monkeypatch)
    async with street() as opened:
        yield opened


def resolve(patch: pytest.MonkeyPatch, *answers: list[str]) -> list[Any]:
    """Let names resolve to these addresses, another list each time; gives what was asked."""
    asked, left, real = list[Any](), [*answers], socket.getaddrinfo

    def found(host: Any, port: Any, *more: Any, **named: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        if name.replace(".", "").isdigit() or ":" in name:
            return real(host, port, *more, **named)
        asked.append(name)
        addresses = left.pop(0) if len(left) > 1 else left[0]
        return [one for address in addresses for one in real(address, port, type=socket.SOCK_STREAM)]

    patch.setattr(socket, "getaddrinfo", found)
    return asked


async def fetched(flipsnack: Flipsnack, address: str) -> httpx2.Response | FlipsnackError:
    try:
        return await flipsnack.elsewhere.get(address)
    except FlipsnackError as error:
        return error


def client(api_url: str = "https://api.flipsnack.com/v1/") -> Flipsnack:
    return Flipsnack(Access(KEY, SECRET, api_url), Pacer(BudgetInMemory()))


@pytest.mark.parametrize(
    "addresses", [["127.0.0.1"], ["::1"], ["::ffff:127.0.0.1"], ["169.254.169.254"], [PUBLIC, "127.0.0.1"]]
)
async def test_a_name_that_resolves_into_this_network_gets_no_connection(
    scene: Street, monkeypatch: pytest.MonkeyPatch, addresses: list[str]
) -> None:
    connected = list[Any]()
    port = await scene.silent()
    resolve(monkeypatch, addresses)
    monkeypatch.setattr(anyio, "connect_tcp", lambda *where, **_: connected.append(where))
    async with client() as flipsnack:
        with anyio.fail_after(10):
            end = await fetched(flipsnack, f"https://files.flipsnack.net:{port}/a")
    assert isinstance(end, NotPublicError)
    assert (connected, scene.proxied) == ([], [])


@pytest.mark.parametrize("addresses", [["127.0.0.1"], [PUBLIC, "127.0.0.1"]], ids=["inside", "one of two inside"])
async def test_a_package_comes_from_no_name_that_resolves_into_this_network(
    scene: Street, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, addresses: list[str]
) -> None:
    address = f"https://files.example.com:{await scene.silent()}/package.zip"
    wanted = DownloadHtml(collection_hash="hi5uaju82l")
    resolve(monkeypatch, [PUBLIC], addresses)  # of the API first
    async with client() as flipsnack, anyio.create_task_group() as background:
        downloads = Downloads(flipsnack, Jobs(Lookout(MemoryStore(), background), "mine"))
        asked = WantedPackage(wanted, tmp_path, "https://api.flipsnack.com/v1/")
        await downloads.start(asked, "Press kit", Package(state="complete", resource_url=address))
        job = await downloads.watch(CallContext(flipsnack), wanted.collection_hash, 10)
        background.cancel_scope.cancel()
    assert job is not None
    assert "Nothing was saved. Nothing was changed. Trying again will not help. Tell the person" in str(job.error)
    assert scene.proxied == []


@pytest.mark.parametrize("resolved", [["198.18.0.7"], ["127.0.0.1"], [PUBLIC]], ids=str)
async def test_where_flipsnack_itself_is_in_this_network_so_may_be_its_packages(
    monkeypatch: pytest.MonkeyPatch, resolved: list[str]
) -> None:
    resolve(monkeypatch, resolved)
    async with client() as flipsnack:
        used = await flipsnack.at_package(own=False)
        assert used is (flipsnack.http if resolved != [PUBLIC] else flipsnack.elsewhere)


async def test_the_address_that_was_judged_is_the_one_that_is_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, reached = resolve(monkeypatch, [PUBLIC, "2606:4700::6810:85e5"], ["127.0.0.1"]), list[httpx2.Request]()

    class Recorded(Roads):
        @override
        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            reached.append(request)
            if len(reached) == 1:
                raise UnreachableError("Nobody answers.", "")
            return httpx2.Response(200)

    async with httpx2.AsyncClient(transport=PublicRoads(Recorded(), lambda _: False)) as http:
        await http.get("https://files.flipsnack.net/a?b")
    assert asked == ["files.flipsnack.net"]
    assert [str(one.url) for one in reached] == [f"https://{PUBLIC}/a?b", "https://[2606:4700::6810:85e5]/a?b"]
    assert [one.extensions["sni_hostname"] for one in reached] == ["files.flipsnack.net"] * 2
    assert [one.headers.get_list("host") for one in reached] == [["files.flipsnack.net"]] * 2


@pytest.mark.parametrize(("names", "trusted"), [("files.flipsnack.net", True), ("evil.example", False)])
async def test_the_certificate_has_to_be_that_of_the_name(
    scene: Street, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, names: str, *, trusted: bool
) -> None:
    port = await scene.flipsnack(certificate(names))
    monkeypatch.setenv("SSL_CERT_FILE", authority_file(tmp_path))
    monkeypatch.setattr(public, "is_in_the_internet", lambda _: True)
    resolve(monkeypatch, ["127.0.0.1"])
    async with client() as flipsnack:
        with anyio.fail_after(10):
            end = await fetched(flipsnack, f"https://files.flipsnack.net:{port}/a")
    assert isinstance(end, httpx2.Response) is trusted
    assert scene.asked == [b"GET /a HTTP/1.1"] * trusted


async def test_behind_a_proxy_the_name_goes_as_it_is_and_nothing_is_resolved_here(
    scene: Street, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    await scene.flipsnack(certificate("files.flipsnack.net"))
    monkeypatch.setenv("SSL_CERT_FILE", authority_file(tmp_path))
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{await scene.http_proxy()}")
    asked = resolve(monkeypatch, ["127.0.0.1"])
    async with client() as flipsnack:
        with anyio.fail_after(10):
            end = await fetched(flipsnack, "https://files.flipsnack.net/a")
    assert isinstance(end, httpx2.Response)
    assert scene.proxied[0].startswith(b"CONNECT files.flipsnack.net:443 ")
    assert asked == []


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_an_imitation_on_this_machine_is_asked_for_pictures_and_nobody_else_there(
    scene: Street, host: str
) -> None:
    port, other = await scene.flipsnack(), await scene.silent()
    async with client(f"http://{host}:{port}/v1/") as flipsnack:
        assert isinstance(await fetched(flipsnack, f"http://{host}:{port}/a"), httpx2.Response)
        for address in (f"http://{host}:{other}/a", f"https://{host}:{port}/a"):
            assert isinstance(await fetched(flipsnack, address), NotPublicError)
    assert (scene.asked, scene.proxied) == ([b"GET /a HTTP/1.1"], [])
