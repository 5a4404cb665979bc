"""A form's file is the same however its bytes are cut on the way, and hostile forms end in words."""

from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flipsnack_mcp.team.exchange.form_file import BadForm, FormFile

BOUNDARY = b"----x"


def form_of_one(content: bytes, before: int = 0) -> bytes:
    fields = b"".join(
        b"--" + BOUNDARY + b'\r\nContent-Disposition: form-data; name="f%d"\r\n\r\nvalue\r\n' % number
        for number in range(before)
    )
    head = b'\r\nContent-Disposition: form-data; name="file"; filename="a.pdf"\r\nContent-Type: application/pdf\r\n\r\n'
    return fields + b"--" + BOUNDARY + head + content + b"\r\n--" + BOUNDARY + b"--\r\n"


async def cut(body: bytes, sizes: list[int]) -> AsyncIterator[bytes]:
    at = 0
    for size in sizes:
        yield body[at : at + size]
        at += size
    yield body[at:]


async def file_in(body: bytes, sizes: list[int]) -> bytes:
    form = FormFile(f"multipart/form-data; boundary={BOUNDARY.decode()}")
    return b"".join([piece async for piece in form.pieces(cut(body, sizes))])


@settings(max_examples=150)
@given(
    content=st.binary(max_size=300) | st.sampled_from([b"\r\n--", b"\r\n----x", b"\r\n------", b"--" + BOUNDARY]),
    before=st.integers(0, 3),
    sizes=st.lists(st.integers(0, 60), max_size=30),
)
async def test_a_file_is_the_same_however_it_is_cut(content: bytes, before: int, sizes: list[int]) -> None:
    if b"\r\n--" + BOUNDARY in content:
        content = b"other"
    assert await file_in(form_of_one(content, before), sizes) == content


@settings(max_examples=150)
@given(body=st.binary(max_size=400), sizes=st.lists(st.integers(0, 60), max_size=10))
async def test_whatever_comes_is_a_file_or_a_bad_form(body: bytes, sizes: list[int]) -> None:
    with suppress(BadForm):
        await file_in(body, sizes)


@pytest.mark.parametrize("end", range(3, 60, 7))
async def test_a_form_that_is_not_whole_is_none(end: int) -> None:
    with pytest.raises(BadForm):
        await file_in(form_of_one(b"%PDF-1.7\n" + b"x" * 100)[:-end], [])


TOO_LONG = "too long a header|cannot be read"  # some versions of the parser have a narrower bound


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (form_of_one(b"%PDF-1.7\n", before=20), "too many fields"),
        (form_of_one(b"%PDF-1.7\n").replace(b"a.pdf", b"a" * 8200), TOO_LONG),
        (form_of_one(b"%PDF-1.7\n").replace(b"Content-Type", b"C" * 8200), TOO_LONG),
    ],
)
async def test_a_form_has_bounds_beside_its_file(body: bytes, why: str) -> None:
    with pytest.raises(BadForm, match=why):
        await file_in(body, [])


async def test_a_form_may_have_a_few_fields_beside_its_file() -> None:
    assert await file_in(form_of_one(b"%PDF-1.7\n", before=19), []) == b"%PDF-1.7\n"
