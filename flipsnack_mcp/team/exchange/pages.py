"""What stands at an address: plain pages without a script for a browser, and the same words for a program."""

from base64 import b64encode
from dataclasses import dataclass
from hashlib import sha256
from html import escape
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response

STYLE = (
    "body{margin:2rem auto;max-width:34rem;padding:0 1rem;font:1.05rem/1.5 system-ui,sans-serif;color:#1b1f24;"
    "background:#fff;overflow-wrap:anywhere}label,input,button{display:block;font:inherit;margin:.7rem 0;"
    "max-width:100%}button{padding:.5rem 1.4rem;color:#fff;background:#0b57d0;border:0;border-radius:.4rem}"
    ":focus-visible{outline:3px solid #f5a623;outline-offset:2px}"
    "@media(prefers-color-scheme:dark){body{color:#e6e9ec;background:#16191d}}"
)
STYLE_HASH = b64encode(sha256(STYLE.encode()).digest()).decode()
ONLY_THIS_PAGE = (
    f"default-src 'none'; style-src 'sha256-{STYLE_HASH}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
NOTHING_AT_ALL = "sandbox; default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
KEPT_NOWHERE = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex",
}


@dataclass(frozen=True)
class PlainAnswer:
    """What is answered to a person, whatever program asks for them."""

    status: int
    heading: str
    said: str
    retry_after: int = 0
    """Seconds after which it may be another answer."""

    def to(self, request: Request) -> Response:
        """As a page for a browser, or as a line of text."""
        later = {"Retry-After": str(self.retry_after)} if self.retry_after else {}
        # What has not been read of a document is not read for nothing.
        ended = {"Connection": "close"} if self.status >= 400 and request.method != "GET" else {}
        headers = {**KEPT_NOWHERE, "Content-Security-Policy": ONLY_THIS_PAGE, **later, **ended}
        if "text/html" not in request.headers.get("accept", ""):
            return PlainTextResponse(f"{self.heading} {self.said}\n", self.status, headers)
        # A page that will be another one in a moment asks for that by itself.
        again = {"Refresh": str(self.retry_after)} if self.retry_after and request.method == "GET" else {}
        body = f'<p role="status">{escape(self.said)}</p>'
        return HTMLResponse(page(self.heading, body), self.status, {**headers, **again})


def page(heading: str, body: str) -> str:
    """A whole page."""
    title = escape(heading)
    return (
        '<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>{STYLE}</style>\n<main>\n<h1>{title}</h1>\n{body}\n</main>\n</html>\n"
    )


def form(what: str, until: str) -> Response:
    """The page with a field for the file."""
    body = (
        f"<p>It will become {escape(what)}. This page takes one PDF of up to 500 MB, until {escape(until)} UTC.</p>\n"
        '<form method="post" enctype="multipart/form-data">\n'
        '<label for="file">PDF document</label>\n'
        '<input id="file" name="file" type="file" accept="application/pdf,.pdf" required>\n'
        "<button>Send</button>\n</form>\n"
        "<p>A large document takes a while: keep this page open until another one says that it has arrived. "
        "The assistant that gave you this address goes on from there.</p>"
    )
    headers = {**KEPT_NOWHERE, "Content-Security-Policy": ONLY_THIS_PAGE}
    return HTMLResponse(page("Send a document to Flipsnack", body), 200, headers)


def as_attachment(name: str) -> dict[str, str]:
    """The headers of a file that is to be saved, and never shown as a page of this server."""
    return {
        **KEPT_NOWHERE,
        "Content-Disposition": f"attachment; filename*=utf-8''{quote(name, safe='')}",
        "Content-Security-Policy": NOTHING_AT_ALL,
    }
