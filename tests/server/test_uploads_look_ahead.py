"""A look into a PDF before it costs an upload: too many pages are refused without a byte, the rest are warnings."""

import io
from typing import Any

import pytest
from pypdf import PdfWriter

from flipsnack_mcp.files.lookahead import DAMAGED_WARNING
from tests.server.bench import Bench, Mode, Said
from tests.server.long_bench import has_four_parts


@pytest.fixture(params=["auto"])
def mode(request: pytest.FixtureRequest) -> Mode:
    """One revision will do: it starts a process each time."""
    chosen: Mode = request.param
    return chosen


def pdf(pages: int) -> bytes:
    writer = PdfWriter()
    for _ in range(pages):
        writer.add_blank_page(72, 72)
    held = io.BytesIO()
    writer.write(held)
    return held.getvalue()


async def uploaded(bench: Bench, content: bytes) -> Said:
    path = bench.document("pages.pdf", content)
    return await bench.call("create_collection", file_path=path, title="Pages", wait_seconds=20)


def sent(bench: Bench) -> list[Any]:
    return [one for one in bench.sandbox.requests if one.host == "upload"]


async def test_over_a_thousand_pages_are_refused_without_a_byte_sent(bench: Bench) -> None:
    said = await uploaded(bench, pdf(1001))

    assert said.is_error
    assert has_four_parts(said.text)
    assert "1,000 pages" in said.text
    assert "Nothing was changed." in said.text
    assert sent(bench) == []


async def test_what_was_refused_is_in_no_list(bench: Bench) -> None:
    path = bench.document("pages.pdf", pdf(1001))
    async with bench.assistant() as assistant:
        await assistant.call("create_collection", file_path=path, title="Pages")
        listed = await assistant.call("get_upload")

    assert listed.data["uploads"] == []


async def test_a_document_for_a_collection_that_exists_is_looked_into_as_well(bench: Bench) -> None:
    wanted = {"collection_hash": bench.collection().hash, "file_path": bench.document("pages.pdf", pdf(1001))}
    async with bench.assistant() as assistant:
        tried = [await assistant.call("add_flipbook", wanted, dry_run=dry) for dry in (True, False)]

    assert all(said.is_error and "1,000 pages" in said.text for said in tried)
    assert sent(bench) == []


@pytest.mark.parametrize(("pages", "warned"), [(3, False), (500, False), (501, True), (1000, True)])
async def test_over_five_hundred_pages_are_a_warning(
    bench: Bench,
    pages: int,
    warned: bool,  # noqa: FBT001 - a table
) -> None:
    said = await uploaded(bench, pdf(pages))

    assert not said.is_error, said.text
    assert any(f"{pages} pages" in one for one in said.data.get("warnings", [])) is warned
    assert len(sent(bench)) == 1


async def test_a_damaged_document_is_sent_with_a_warning(bench: Bench) -> None:
    said = await uploaded(bench, b"%PDF-1.7\n" + b"no page in it " * 50)

    assert not said.is_error, said.text
    assert DAMAGED_WARNING in said.data["warnings"]
    assert len(sent(bench)) == 1


async def test_the_warning_comes_with_every_answer_about_the_same_document(bench: Bench) -> None:
    path = bench.document("pages.pdf", pdf(501))
    async with bench.assistant() as assistant:
        first = await assistant.call("create_collection", file_path=path, title="Pages", wait_seconds=0)
        second = await assistant.call("create_collection", file_path=path, title="Pages", wait_seconds=0)

    assert any("501 pages" in one for one in first.data["warnings"])
    assert any("501 pages" in one for one in second.data["warnings"])
    assert len(sent(bench)) <= 1
