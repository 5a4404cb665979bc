"""PDFs that somebody encrypted: which open without a password is found out before an upload is spent on them."""

import io
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from pypdf import PdfWriter
from pypdf._encryption import EncryptAlgorithm, Encryption

from flipsnack_mcp.files import lookahead
from flipsnack_mcp.files.apart import page_counter
from flipsnack_mcp.files.documents import open_document
from flipsnack_mcp.files.lookahead import NOT_COUNTED, PROTECTED_WARNING, LookAhead, look_ahead
from flipsnack_mcp.files.refusal import RefusedFile
from tests.files.ground import PDF, Ground
from tests.files.test_lookahead import pdf

ALGORITHMS = ("RC4-40", "RC4-128", "AES-128", "AES-256-R5", "AES-256")
LOCK = "/O<4444>/U<5555>"


def written(user: str, owner: str | None = "owner", *, algorithm: str = "AES-256", **more: Any) -> bytes:
    """Three pages, as pypdf's own writer encrypts them."""
    writer, buffer = PdfWriter(), io.BytesIO()
    for _ in range(3):
        writer.add_blank_page(100, 100)
    writer.encrypt(user, owner, algorithm=algorithm, **more)
    writer.write(buffer)
    return buffer.getvalue()


def marked(entry: str, pages: int = 3, more: str = "") -> bytes:
    """Three pages whose trailer says how they are encrypted. They hold no text and no stream, so nothing else differs."""
    return pdf(pages).replace(b"/Root 1 0 R", b"/Root 1 0 R/Encrypt " + entry.encode("latin-1") + more.encode())


def sealed(user: str, algorithm: EncryptAlgorithm, *, pages: int = 3, identity: bytes = b"") -> bytes:
    """Pages with an encryption dictionary as the standard computes it, metadata in the clear."""
    encryption = Encryption.make(algorithm, -44, identity)
    encryption.EncryptMetadata = False
    buffer = io.BytesIO()
    encryption.write_entry(user, "owner").write_to_stream(buffer)
    entry = buffer.getvalue().decode("latin-1").rstrip().removesuffix(">>")
    return marked(f"{entry} /EncryptMetadata false>>", pages, f"/ID[<{identity.hex()}><00>]" if identity else "")


Made = dict[str, Callable[[], bytes]]


# fmt: off
OPEN: Made = {
    **{f"restricted-{name}": partial(written, "", algorithm=name) for name in ALGORITHMS},
    "nothing-is-permitted": lambda: written("", permissions_flag=-3904),
    "both-passwords-empty": lambda: written("", "", algorithm="RC4-128"),
    "owner-password-in-russian": lambda: written("", "пароль"),
    "metadata-clear-v4": lambda: sealed("", EncryptAlgorithm.AES_128, identity=b"0123456789abcdef"),
    "metadata-clear-v5": lambda: sealed("", EncryptAlgorithm.AES_256),
    "attachments-only": lambda: sealed("", EncryptAlgorithm.AES_256).replace(b"F /StdCF", b"F /Identity"),
    "null": lambda: marked("null"), "leads-nowhere": lambda: marked("99 0 R"),
    "metadata-clear-without-id": lambda: sealed("", EncryptAlgorithm.AES_128),
}
LOCKED: Made = {
    **{f"password-{name}": partial(written, "secret", algorithm=name) for name in ALGORITHMS},
    "no-owner-password": lambda: written("secret", None),
    "one-blank": lambda: written(" "),
    "in-russian": lambda: written("пароль"),
    "in-chinese": lambda: written("密码"),
    "in-latin-1": lambda: written("Größe", algorithm="RC4-128"),
    "very-long": lambda: written("x" * 127),
    "everything-permitted": lambda: written("secret", permissions_flag=-4),
    "metadata-clear-v4": lambda: sealed("secret", EncryptAlgorithm.AES_128, identity=b"0123456789abcdef"),
    "metadata-clear-v5": lambda: sealed("secret", EncryptAlgorithm.AES_256),
    "too-many-pages-besides": lambda: sealed("secret", EncryptAlgorithm.AES_256, pages=1001),
    "key-length-of-its-filter": lambda: sealed("secret", EncryptAlgorithm.AES_128).replace(b"/Length 128", b""),
    "pages-that-are-none": lambda: sealed("secret", EncryptAlgorithm.AES_256, pages=0),
}
UNTOLD: Made = {
    "certificates": lambda: marked("<</Filter/Adobe.PubSec/SubFilter/adbe.pkcs7.s5/V 4/R 4>>"),
    "adobe-drm": lambda: marked("<</Filter/EBX_HANDLER/V 1>>"),
    "file-open": lambda: marked("<</Filter/FOPN_fLock/V 1/R 2>>"),
    "no-filter": lambda: marked(f"<</V 2/R 3/P -44{LOCK}>>"),
    "subfilter": lambda: marked(f"<</Filter/Standard/SubFilter/Own/V 2/R 3/P -44{LOCK}>>"),
    "version-6": lambda: marked(f"<</Filter/Standard/V 6/R 7/P -44{LOCK}>>"),
    "version-0": lambda: marked(f"<</Filter/Standard/V 0/R 2/P -44{LOCK}>>"),
    "unknown-method": lambda: marked(
        f"<</Filter/Standard/V 4/R 4/P -44/StmF/A/StrF/A/CF<</A<</CFM/AESV9>>>>{LOCK}>>"),
    "filter-missing": lambda: marked(f"<</Filter/Standard/V 4/R 4/P -44/StmF/A/StrF/A{LOCK}>>"),
    "no-owner-value": lambda: marked("<</Filter/Standard/V 2/R 3/P -44/U<5555>>>"),
    "owner-value-a-number": lambda: marked("<</Filter/Standard/V 2/R 3/P -44/O 7/U<5555>>>"),
    "user-value-missing": lambda: marked("<</Filter/Standard/V 5/R 6/P -44/StmF/A/StrF/A/CF<</A<</CFM/AESV3>>>>/O<4444>>>"),
    "no-revision": lambda: marked(f"<</Filter/Standard/V 2/P -44{LOCK}>>"),
    "attachments-only": lambda: sealed("secret", EncryptAlgorithm.AES_256).replace(b"F /StdCF", b"F /Identity"),
    # Readers guess the length of the key where it is not said, or said in bytes: some open these, some do not.
    "key-length-missing": lambda: sealed("secret", EncryptAlgorithm.RC4_128).replace(b"/Length 128", b""),
    "key-length-in-bytes": lambda: sealed("secret", EncryptAlgorithm.RC4_128).replace(b"/Length 128", b"/Length 16"),
    "key-length-odd": lambda: sealed("secret", EncryptAlgorithm.RC4_128).replace(b"/Length 128", b"/Length 127"),
    "key-length-a-name": lambda: sealed("secret", EncryptAlgorithm.RC4_128).replace(b"/Length 128", b"/Length /No"),
    "key-length-not-for-all": lambda: sealed("secret", EncryptAlgorithm.AES_128).replace(b"/Length 128", b"").replace(b"AESV2", b"V2"),
    "empty": lambda: marked("<<>>"), "a-number": lambda: marked("7"), "an-array": lambda: marked("[]"),
    "pages-that-nobody-finds": lambda: marked("<</Filter/EBX_HANDLER>>").replace(b"/Kids", b"/Sons"),
}
# fmt: on
TABLE = [("pages 3", OPEN), ("locked", LOCKED), ("protected", UNTOLD)]


@pytest.mark.parametrize(("verdict", "rows"), TABLE, ids=[verdict for verdict, _ in TABLE])
def test_encrypted_pdf_is_counted_or_locked_or_cannot_be_told(verdict: str, rows: Made) -> None:
    judged = {name: page_counter.judge_pages(io.BytesIO(content())) for name, content in rows.items()}
    assert judged == dict.fromkeys(rows, verdict)


async def looked(ground: Ground, content: bytes) -> LookAhead:
    ground.patch.setattr(lookahead, "COUNTING_SECONDS", 60.0)
    ground.good.write_bytes(content)
    async with ground.open() as document:
        return await look_ahead(document)


async def test_restricted_pdf_is_counted_in_the_process_of_its_own_and_its_pages_have_their_limit(
    ground: Ground,
) -> None:
    assert await looked(ground, written("")) == LookAhead(3, ())
    with pytest.raises(RefusedFile, match="at most 1,000 pages"):
        await looked(ground, sealed("", EncryptAlgorithm.AES_256, pages=1001))


async def test_locked_pdf_is_refused_with_the_next_step(ground: Ground) -> None:
    with pytest.raises(RefusedFile) as refused:
        await looked(ground, written("secret"))
    assert (
        refused.value.happened == '"good.pdf" needs a password to open, and Flipsnack cannot convert such a document.'
    )
    assert "Save a copy without" in refused.value.next_step


async def test_what_cannot_be_told_is_a_warning(ground: Ground) -> None:
    assert await looked(ground, marked("<</Filter/EBX_HANDLER/V 1>>")) == LookAhead(None, (PROTECTED_WARNING,))
    assert PROTECTED_WARNING != NOT_COUNTED


# fmt: off
BEFORE_THE_HEADER = {
    "line-feed": b"\n", "carriage-return": b"\r\n", "blank": b" ", "nul": b"\0", "byte-order-mark": b"\xef\xbb\xbf",
    "utf-16-mark": b"\xff\xfe", "web-server": b"HTTP/1.1 200 OK\r\nContent-Type: application/pdf\r\n\r\n",
    "printer": b"\x1b%-12345X@PJL\r\n@PJL ENTER LANGUAGE=PDF\r\n", "mac-binary": bytes(128), "mail": b"--boundary\n\n",
    "php": b"<br />\n<b>Warning</b>\n", "postscript": b"%!PS-Adobe-3.0\n", "as-far-as-may-be": b"x" * 1019,
}
# fmt: on
@pytest.mark.parametrize("before", BEFORE_THE_HEADER.values(), ids=BEFORE_THE_HEADER)
async def test_header_that_is_not_at_the_first_byte_is_a_warning(ground: Ground, before: bytes) -> None:
    ground.good.write_bytes(before + PDF)
    async with open_document(str(ground.good), [ground.allowed]) as document:
        assert [f"has {len(before)} byte{'s' * (len(before) > 1)} before" in one for one in document.warnings] == [True]
    ground.good.write_bytes(PDF + before + PDF)
    async with open_document(str(ground.good), [ground.allowed]) as document:
        assert document.warnings == ()
