"""A look into a PDF before it costs an upload: too many pages are refused without a byte, the rest are warnings."""

from typing import Any

import pytest

from flipsnack_mcp.files.lookahead import DAMAGED_WARNING, PROTECTED_WARNING
from flipsnack_mcp.server.tools.uploads import FAILED_CONVERSION
from tests.files.test_locked_pdfs import LOCKED, OPEN, UNTOLD
from tests.files.test_lookahead import pdf
from tests.server.bench import Assistant, Bench
from tests.server.long_bench import assert_told_in_four_parts

pytestmark = pytest.mark.parametrize("mode", ["auto"])  # what is in a document does not depend on the revision

WITH_PASSWORD = LOCKED["password-AES-256"]()
"""The same bytes each time: a page counter looks at them once. What a lock can be is in test_locked_pdfs."""
NO_PAGES = b"%PDF-1.7\n" + b"no page in it " * 50


def sent(bench: Bench) -> list[Any]:
    return [one for one in bench.sandbox.requests if one.host == "upload"]


@pytest.mark.parametrize("tool", ["create_collection", "add_flipbook"])
@pytest.mark.parametrize("dry_run", [False, True])
async def test_over_1000_pages_are_refused_without_a_byte_and_are_in_no_list(
    bench: Bench, assistant: Assistant, tool: str, *, dry_run: bool
) -> None:
    more = {"title": "Pages"} if tool == "create_collection" else {"collection_hash": bench.collection().hash}
    said = await assistant.call(tool, more, file_path=bench.document("pages.pdf", pdf(1001)), dry_run=dry_run)
    listed = await assistant.call("get_upload")
    assert_told_in_four_parts(said, "1,000 pages", "Nothing was changed.")
    assert (sent(bench), listed.data["uploads"]) == ([], [])


@pytest.mark.parametrize(("pages", "warning"), [(3, ""), (501, "501 pages"), (0, DAMAGED_WARNING)])
async def test_what_is_odd_about_a_document_is_a_warning_in_every_answer_about_it(
    bench: Bench, assistant: Assistant, pages: int, warning: str
) -> None:
    path = bench.document("pages.pdf", pdf(pages) if pages else NO_PAGES)
    for seconds in (0, 20):
        said = await assistant.call("create_collection", file_path=path, title="Pages", wait_seconds=seconds)
        assert not said.is_error, said.text
        told = [one for one in said.data.get("warnings", []) if "pages" in one or one == DAMAGED_WARNING]
        assert len(told) == bool(warning), told
        assert all(warning in one for one in told)
    assert len(sent(bench)) == 1


@pytest.mark.parametrize("tool", ["create_collection", "add_flipbook"])
@pytest.mark.parametrize("dry_run", [False, True])
async def test_a_locked_document_is_refused_without_a_byte_and_is_in_no_list(
    bench: Bench, assistant: Assistant, tool: str, *, dry_run: bool
) -> None:
    more = {"title": "Locked"} if tool == "create_collection" else {"collection_hash": bench.collection().hash}
    said = await assistant.call(tool, more, file_path=bench.document("locked.pdf", WITH_PASSWORD), dry_run=dry_run)
    listed = await assistant.call("get_upload")
    assert_told_in_four_parts(said, "needs a password to open", "Nothing was changed.")
    assert (sent(bench), listed.data["uploads"]) == ([], [])


@pytest.mark.parametrize("tool", ["create_collection", "add_flipbook"])
@pytest.mark.parametrize(
    ("content", "warning"), [(OPEN["restricted-AES-256"](), ""), (UNTOLD["certificates"](), PROTECTED_WARNING)]
)
async def test_a_document_that_is_restricted_or_cannot_be_told_is_sent(
    bench: Bench, assistant: Assistant, tool: str, content: bytes, warning: str
) -> None:
    more = {"title": "Open"} if tool == "create_collection" else {"collection_hash": bench.collection().hash}
    said = await assistant.call(tool, more, file_path=bench.document("open.pdf", content))
    assert not said.is_error, said.text
    assert [one for one in said.data.get("warnings", []) if one == PROTECTED_WARNING] == [warning] * bool(warning)
    assert len(sent(bench)) == 1


@pytest.mark.parametrize(
    ("content", "warnings"),
    [
        (pdf(501), ("501 pages",)),
        (b"\xef\xbb\xbf" + UNTOLD["empty"](), ("has 3 bytes before", PROTECTED_WARNING)),
        (NO_PAGES, (DAMAGED_WARNING,)),
        (pdf(3), ()),
    ],
)
async def test_get_upload_repeats_what_was_seen_beforehand(
    bench: Bench, assistant: Assistant, content: bytes, warnings: tuple[str, ...]
) -> None:
    path = bench.document("odd.pdf", content)
    begun = await assistant.call("create_collection", file_path=path, title="Odd", wait_seconds=0)
    for seconds in (0, 40, 0):
        said = await assistant.call("get_upload", upload_id=begun.data["upload_id"], wait_seconds=seconds)
        told = [one for one in said.data.get("warnings", []) if one != FAILED_CONVERSION]
        assert len(told) == len(warnings), said.data
        assert all(part in one for part, one in zip(warnings, told, strict=True))
