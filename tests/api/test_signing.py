"""The signature: the published vector, what counts and what does not, and Flipsnack's side agreeing with it."""

import hashlib
from random import Random

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flipsnack_mcp.api.actions.collections import ListCollections, UpdateCollection
from flipsnack_mcp.api.actions.publishing import CreateCollection
from flipsnack_mcp.api.wire import encode, signature
from tests.api.asking import KEY, SECRET, asking, unlimited
from tests.virtual_clock import VirtualLoop

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
# Two that are never signed, and what looks like them.
names = st.sampled_from(["signature", "file", "fileUrl", "files", "Signature", "title", ""])
requests = st.dictionaries(texts | names, texts, max_size=8)


def written_again(secret: str, values: dict[str, str]) -> str:
    """The documentation's three steps, once more and differently."""
    digest = hashlib.md5(usedforsecurity=False)
    digest.update(secret.encode())
    for name, value in sorted(values.items()):
        if name in {"signature", "file"}:
            continue
        digest.update(name.encode("utf-8"))
        digest.update(value.encode("utf-8"))
    return digest.hexdigest()


def test_a_request_has_the_order_of_flipsnacks_examples() -> None:
    values = encode(ListCollections(query="x"), KEY, SECRET)
    assert list(values) == ["action", "apiKey", "query", "from", "to", "signature"]


@given(requests, st.randoms())
def test_two_implementations_agree_in_any_order(values: dict[str, str], random: Random) -> None:
    pairs = list(values.items())
    random.shuffle(pairs)
    assert signature(SECRET, dict(pairs)) == written_again(SECRET, values)


@pytest.mark.parametrize("value", ["", "0", "false", "null", " ", "Été & 目录 🎉", "a+b c%20d&e=f", "\r\n\t\0"])
async def test_a_value_is_signed_raw_and_arrives_as_it_was(value: str) -> None:
    sandbox = unlimited()
    async with asking(sandbox.app) as flipsnack:
        await flipsnack.send(ListCollections(query=value))
        await flipsnack.send(CreateCollection(file_url="https://example.com/a.pdf", description=value))
    assert [one.code for one in sandbox.requests] == [20, 20]
    assert sandbox.requests[0].params["query"] == value
    assert sandbox.requests[1].params["description"] == value


@given(texts, texts)
@settings(max_examples=60, deadline=None)
def test_flipsnacks_gate_accepts_whatever_is_asked(title: str, description: str) -> None:
    async def round_trip() -> None:
        sandbox = unlimited()
        known = next(iter(sandbox.account.collections.values())).hash
        update = UpdateCollection(collection_hash=known, title=title, description=description)
        async with asking(sandbox.app) as flipsnack:
            after = await flipsnack.send(update)
        assert sandbox.requests[-1].params["title"] == title
        assert (after.title, after.description) == (title, description)

    anyio.run(round_trip, backend_options={"loop_factory": VirtualLoop})
