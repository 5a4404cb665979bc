"""A wrong network setting in every place where Flipsnack is asked: its cause, its cure, and never more than happened."""

import logging
from itertools import cycle
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import MCPError
from mcp.types import ResourceTemplateReference
from typing_extensions import override

from flipsnack_mcp.api.client import Access, Flipsnack
from flipsnack_mcp.api.pace import BudgetInMemory, Pacer
from flipsnack_mcp.server.dispatch import UNEXPECTED
from flipsnack_mcp.server.safety.redaction import Redactor
from flipsnack_mcp.server.tools.table import TOOLS
from flipsnack_mcp.settings import Settings
from flipsnack_mcp.workflows.uploads import sending
from flipsnack_mcp.workflows.uploads.reconciling import NEVER_SENT
from tests import samples_of
from tests.api.street import no_network_settings
from tests.server.bench import Bench
from tests.server.long_bench import LongBench
from tests.server.revisions import newer
from tests.server.typical import typical

pytestmark = pytest.mark.usefixtures("no_look_ahead")
PASSWORD = "hunter2-of-the-proxy"
WRONG: dict[str, tuple[str, str]] = {
    "socks4": ("ALL_PROXY", "socks4://127.0.0.1:1"),
    "socks": ("all_proxy", f"socks://u:{PASSWORD}@127.0.0.1:1"),
    "ftp": ("HTTPS_PROXY", "ftp://127.0.0.1:1"),
    "no host": ("https_proxy", "http://"),
    "garbage": ("HTTPS_PROXY", f"http://u:{PASSWORD}@[::1"),
    "no file": ("SSL_CERT_FILE", "/nonexistent/ca.pem"),
    "no certificate": ("SSL_CERT_FILE", __file__),
    "no folder": ("SSL_CERT_DIR", "/nonexistent"),
}

# What is answered does not depend on the revision, which the tests of confirmation, forms and progress vary.
mode = newer


class Outside(Bench):
    """A bench whose servers ask over the network, as it is set in the environment."""

    @override
    def connect(self, settings: Settings) -> Flipsnack:
        return Flipsnack(Access(settings.api_key, settings.api_secret), Pacer(BudgetInMemory()))


@pytest.fixture(params=list(WRONG.values()), ids=list(WRONG))
def variable(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a variable that is set wrong."""
    no_network_settings(monkeypatch)
    name, value = request.param
    monkeypatch.setenv(name, value)
    return str(name)


@pytest.fixture
def outside(bench: Bench) -> Outside:
    return Outside(**vars(bench))


def calls(bench: Bench) -> dict[str, dict[str, Any]]:
    """A call of each tool that has to ask."""
    one = {"collection_hash": "fxh4k89"}
    more: dict[str, dict[str, Any]] = {
        "create_collection": {"file_url": "https://example.com/a.pdf", "title": "New", "wait_seconds": 10},
        "delete_flipbook": {**one, "flipbook_hash": "ab12cd3"}, "update_collection": {**one, "title": "New"},
        "list_collections": {}, "get_user_stats": {}, "get_lead_form_sample": {}, "report_stats": {"query": "a"},
        "audit_account": {}, "create_collections": {"documents": [bench.document()]},
        "update_collections": {"query": "a", "find": "a", "replace": "b"}, "delete_collections": {"query": "a"},
        "add_flipbook": {**one, "file_path": bench.document()},
        "set_logo": {**one, "file_url": "https://example.com/a.png"},
        "set_background_image": {**one, "file_url": "https://example.com/a.png"},
    }  # fmt: skip
    asking_nothing = {"get_upload", "undo_change", "list_documents", "stop_work", "list_leads"}
    samples = {samples_of.expected_tool(of).name: of for of in samples_of.TOOLS}
    return {
        name: more[name] if name in more else {**typical(samples[name], bench), **one}
        for name in TOOLS
        if name not in asking_nothing
    }


async def test_every_tool_names_the_variable_and_changed_nothing(
    variable: str, outside: Outside, caplog: pytest.LogCaptureFixture
) -> None:
    said = {}
    async with outside.assistant() as assistant:
        for name, arguments in calls(outside).items():
            said[name] = (await assistant.call(name, arguments)).text
    assert [name for name, text in said.items() if variable not in text] == [], said
    assert [name for name, text in said.items() if text.startswith(UNEXPECTED)] == []
    assert [name for name, text in said.items() if "may have been changed" in text] == []
    assert [name for name, text in said.items() if "Nothing was changed." not in text and name != "report_stats"] == []
    assert [name for name, text in said.items() if PASSWORD in text] == []
    assert [one.getMessage() for one in caplog.records if one.levelno >= logging.WARNING] == []
    assert PASSWORD not in caplog.text


async def test_an_upload_says_the_same_afterwards(variable: str, outside: Outside) -> None:
    async with outside.assistant() as assistant:
        await assistant.call("create_collection", calls(outside)["create_collection"])
        row = (await assistant.call("get_upload")).data["uploads"][0]
        await anyio.sleep(40)
        told = await assistant.call("get_upload", upload_id=row["upload_id"])
    assert (row["state"], told.data["state"]) == ("failed", "failed")
    assert any(variable in one for one in told.data["warnings"])
    assert NEVER_SENT not in told.text


async def test_resources_and_completions_say_it_in_words(
    variable: str, outside: Outside, caplog: pytest.LogCaptureFixture
) -> None:
    async with outside.assistant() as assistant:
        for uri in ("flipsnack://stats/account", "flipsnack://collections/fxh4k89"):
            with pytest.raises(MCPError, match=variable) as refused:
                await assistant.client.read_resource(uri)
            assert refused.value.error.code != -32603
            assert "Nothing was changed." in str(refused.value)
        reference = ResourceTemplateReference(uri="flipsnack://collections/{hash}")
        completed = await assistant.client.complete(reference, {"name": "hash", "value": "a"})
    assert completed.completion.values == []
    assert not any(one.exc_info for one in caplog.records)


async def test_what_goes_wrong_inside_a_completion_stays_inside(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def failing(*_: object, **__: object) -> Any:
        raise ValueError(PASSWORD)

    monkeypatch.setattr(Flipsnack, "send", failing)
    async with bench.assistant() as assistant:
        reference = ResourceTemplateReference(uri="flipsnack://collections/{hash}")
        completed = await assistant.client.complete(reference, {"name": "hash", "value": "a"})
    assert completed.completion.values == []
    assert PASSWORD not in caplog.text
    assert not any(one.exc_info for one in caplog.records)


ERRORS: dict[str, Exception] = {
    kind.__name__: kind("detail of nobody's concern")
    for kind in (ValueError, ImportError, KeyError, RuntimeError, AssertionError, OSError, RecursionError, TypeError,
                 MemoryError, UnicodeError)
}  # fmt: skip


@pytest.mark.parametrize(
    ("error", "place"), [*zip(ERRORS.values(), cycle(["candidates", "create_once"]), strict=False)]
)
async def test_a_failure_inside_the_server_says_its_true_cause_also_later(
    error: Exception, place: str, long_bench: LongBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def failing(*_: object, **__: object) -> Any:
        raise error

    monkeypatch.setattr(sending, place, failing)
    given = {"file_path": long_bench.document(), "title": "New", "wait_seconds": 5}
    said = await long_bench.client.call("create_collection", given)
    monkeypatch.undo()
    row = (await long_bench.client.call("get_upload")).data["uploads"][0]
    await anyio.sleep(40)
    told = await long_bench.client.call("get_upload", upload_id=row["upload_id"])
    assert long_bench.created == 0
    assert NEVER_SENT not in f"{said.text} {told.text}"
    assert "detail of nobody" not in f"{said.text} {told.text}"
    if place == "candidates":
        assert told.data["state"] == "failed"
        assert type(error).__name__ in str(told.data["warnings"])
        assert "Nothing was changed." in said.text
    else:
        assert told.data["state"] == "interrupted"


PROXIES = {
    "http": f"http://user:{PASSWORD}@proxy.example:3128",
    "socks": f"socks5://user:{PASSWORD}@proxy.example:1080",
    "no scheme": f"user:{PASSWORD}@proxy.example:3128",
    "wrong": f"gopher://user:{PASSWORD}@[proxy",
    "short": "http://user:pw@proxy.example:3128",
    "of nobody's environment": None,
}


@pytest.mark.parametrize("address", PROXIES.values(), ids=PROXIES.keys())
@pytest.mark.parametrize("variable_name", ["HTTPS_PROXY", "all_proxy"])
def test_the_password_of_a_proxy_leaves_in_no_text(
    address: str | None, variable_name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    no_network_settings(monkeypatch)
    if address:
        monkeypatch.setenv(variable_name, address)
    redactor = Redactor.of(Settings(download_dir=tmp_path))
    password = "pw" if address == PROXIES["short"] else PASSWORD
    shown = address or PROXIES["http"] or ""
    for text in (f"could not connect to {shown}", f"ProxyError('{shown}')", f"{shown} and {shown}"):
        assert f"{password}@" not in redactor.text(text)
        assert "and" in redactor.text("and")
    if password == PASSWORD and address:
        assert PASSWORD not in redactor.text(f"Basic of user:{PASSWORD}")
