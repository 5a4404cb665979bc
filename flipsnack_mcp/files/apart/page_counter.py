"""Counts the pages of one PDF: a program of its own, started by `lookahead` and killed when it takes too long.

Its verdict is "pages N", "locked", "protected", "damaged" or "unknown".
"""

import sys
from typing import Any, BinaryIO

from flipsnack_mcp.files.apart.inside import answer_about

MOST_PAGES = 1000  # counting stops above it
KEY_BITS = range(40, 129, 8)


def judge_pages(file: BinaryIO) -> str:
    """Returns the number of pages, or why there is none."""
    from pypdf import PasswordType, PdfReader  # noqa: PLC0415 - in this process only, and not where just MOST_PAGES is imported
    from pypdf.errors import DependencyError, LimitReachedError  # noqa: PLC0415

    class SealedReader(PdfReader):
        """Reads what no encryption covers, so that one that cannot be understood is told from a damaged document."""

        is_encrypted = False

    try:
        reader: PdfReader = SealedReader(file)
        if (lock := encryption_of(reader)) is not None:
            try:
                reader = PdfReader(file)
                if reader.decrypt("") is PasswordType.NOT_DECRYPTED:
                    return "locked" if all_would_ask(lock) else "protected"
            except Exception:  # noqa: BLE001 - of DRM, of certificates, of a kind to come, or broken
                return "protected"
        pages = count_pages(reader.root_object["/Pages"])
    except (DependencyError, LimitReachedError, MemoryError, NotImplementedError):
        return "unknown"  # says something about pypdf, not about the PDF
    except Exception:  # noqa: BLE001 - a damaged PDF raises whatever it likes
        return "damaged"
    return f"pages {pages}" if pages else "damaged"


def encryption_of(reader: Any) -> Any:
    """Returns what a PDF says about its encryption, None where it has none: a reference to nothing means nothing."""
    from pypdf.generic import NullObject  # noqa: PLC0415

    entry = reader.trailer.get("/Encrypt")
    lock = None if entry is None else entry.get_object()
    return None if isinstance(lock, NullObject) else lock


def all_would_ask(lock: Any) -> bool:
    """Tells whether every reader would ask for a password where the empty one is wrong.

    They differ where only attachments are encrypted, and where the length of the key is a guess.
    """
    if lock.get("/V") in {1, 2, 3}:
        return lock["/V"] == 1 or lock.get("/Length") in KEY_BITS
    names = {lock.get(name, "/Identity") for name in ("/StmF", "/StrF")} - {"/Identity"}
    methods = {lock["/CF"][name].get("/CFM") for name in names}
    return bool(methods) and ("/V2" not in methods or lock.get("/Length") in KEY_BITS)


def count_pages(tree: Any) -> int:
    """Counts the leaves: the number a tree says it has may be wrong, and pypdf would build each page of 20,000."""
    from pypdf.generic import DictionaryObject  # noqa: PLC0415

    pages, waiting, seen = 0, [tree], set[int]()
    while waiting and pages <= MOST_PAGES:
        node = waiting.pop().get_object()
        if not isinstance(node, DictionaryObject):
            continue
        if "/Kids" not in node:
            pages += 1
            continue
        if id(node) in seen:
            raise ValueError("a tree that grows back into itself")
        seen.add(id(node))
        waiting.extend(node["/Kids"])  # type: ignore[arg-type]  # whatever it is: an error means damaged
    return pages


if __name__ == "__main__":
    answer_about(lambda file: (judge_pages(file), b""), *sys.argv[1:])
