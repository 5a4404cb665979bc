"""Offline packages: links that expire, and the zip behind them."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from html import escape
from io import BytesIO
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from flipsnack_mcp.sandbox.account import Collection
from flipsnack_mcp.sandbox.links import slug

_CSS = "body { margin: 2rem auto; max-width: 40rem; font-family: sans-serif }\n"
# Dates in a zip start in 1980; a fixed one makes the same package the same bytes.
_ZIP_DATE = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class Package:
    """What one link leads to; it stays as it was when the link was made."""

    collection_hash: str
    title: str
    pages: int
    expires_at: float

    def zipped(self) -> bytes:
        """Build the zip; the same package always gives the same bytes."""
        held = BytesIO()
        with ZipFile(held, "w", ZIP_DEFLATED) as archive:
            for name, text in self._files():
                archive.writestr(ZipInfo(name, _ZIP_DATE), text.encode(), ZIP_DEFLATED)
        return held.getvalue()

    def _files(self) -> Iterator[tuple[str, str]]:
        # Sandbox's own choice: all of it. What a real package holds is not documented.
        manifest = {"collectionHash": self.collection_hash, "collectionTitle": self.title, "pagesCount": self.pages}
        yield "manifest.json", json.dumps(manifest, ensure_ascii=False, indent=2) + "\n"
        yield "css/flipbook.css", _CSS
        contents = "".join(f'<li><a href="pages/{n}.html">Page {n}</a></li>\n' for n in range(1, self.pages + 1))
        yield "index.html", _document(self.title, f"<ol>\n{contents}</ol>", css="css/flipbook.css")
        for number in range(1, self.pages + 1):
            yield f"pages/{number}.html", _document(self.title, f"<p>Page {number}</p>", css="../css/flipbook.css")


def _document(title: str, body: str, *, css: str) -> str:
    return (
        f'<!doctype html>\n<meta charset="utf-8">\n<title>{escape(title)}</title>\n'
        f'<link rel="stylesheet" href="{css}">\n<h1>{escape(title)}</h1>\n{body}\n'
    )


@dataclass
class Packages:
    """The links that were given out, by the token in their address."""

    secret: str
    links: dict[str, Package] = field(default_factory=dict)

    def link(self, collection: Collection, *, now: float, valid: float) -> str:
        """Give out a fresh link and return its path."""
        token = sha256(f"{self.secret} {len(self.links)} {collection.hash}".encode()).hexdigest()[:32]
        pages = sum(item.pages for item in collection.complete_items(now))
        self.links[token] = Package(collection.hash, collection.title, pages, now + valid)
        return f"/_packages/{token}/{slug(collection.title)}.zip"
