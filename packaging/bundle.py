"""Packs the bundle for Claude Desktop: `python packaging/bundle.py flipsnack.mcpb`. Two of one source are the same, byte for byte."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterable
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from forms.bundle import files

MADE = (1980, 1, 1, 0, 0, 0)
"""The earliest that a zip can say."""
PLAIN_FILE = 0o100644 << 16


def packed(contents: Iterable[tuple[str, bytes]]) -> bytes:
    """A bundle with these files."""
    made = io.BytesIO()
    with ZipFile(made, "w", ZIP_DEFLATED, compresslevel=9) as bundle:
        for name, content in contents:
            inside = ZipInfo(name, MADE)
            inside.external_attr, inside.compress_type = PLAIN_FILE, ZIP_DEFLATED
            bundle.writestr(inside, content)
    return made.getvalue()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("Say which file to write: python packaging/bundle.py flipsnack.mcpb")
    target = Path(sys.argv[1])
    try:
        with target.open("ab"):  # before four seconds of packing
            pass
        target.write_bytes(packed(files()))
    except OSError as error:
        sys.exit(f"{target} cannot be written: {error.strerror}. Name a file in a folder that is there and yours.")
    print(f"{target}: {target.stat().st_size / 1000:.0f} kB")
