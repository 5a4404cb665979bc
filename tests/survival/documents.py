"""Documents and packages of any size, made in pieces."""

import random
from pathlib import Path
from typing import IO

MEGABYTE = 1024 * 1024
HEAD = b"%PDF-1.7\n"
OBJECTS = (
    b"1 0 obj\n<< /Type /Catalog /Pages 2 0 R >>\nendobj\n",
    b"2 0 obj\n<< /Type /Pages /Kids [3 0 R] /Count 1 >>\nendobj\n",
    b"3 0 obj\n<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] >>\nendobj\n",
)
STREAM_ENDS = b"\nendstream\nendobj\n"
SPARE = 400  # room for the stream's head and the table; what is left of it is filled with spaces


def write_document(path: Path, size: int, mark: str = "") -> None:
    """A PDF of exactly that size, unlike those with other marks: one page, and a stream of noise nothing refers to."""
    places = [len(HEAD) + sum(map(len, OBJECTS[:number])) for number in range(len(OBJECTS) + 1)]
    noise = size - places[-1] - len(STREAM_ENDS) - SPARE
    opening = b"4 0 obj\n<< /Length %d >>\nstream\n" % noise
    table = places[-1] + len(opening) + noise + len(STREAM_ENDS)
    rows = b"xref\n0 5\n0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % place for place in places)
    trailer = b"trailer\n<< /Size 5 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % table
    with path.open("wb") as file:
        file.write(HEAD + b"".join(OBJECTS) + opening)
        write_noise(file, noise, mark)
        file.write(STREAM_ENDS + rows + b" " * (size - table - len(rows) - len(trailer)) + trailer)


def write_noise(file: IO[bytes], size: int, mark: str) -> None:
    noise = random.Random(mark).randbytes(MEGABYTE)  # noqa: S311 - no secret
    for start in range(0, size, MEGABYTE):
        file.write(noise[: size - start])
