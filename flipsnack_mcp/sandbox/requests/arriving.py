"""Reading a request: to which host it came, which parameters and files it brings."""

from dataclasses import dataclass
from urllib.parse import parse_qsl

from starlette.requests import Request

from flipsnack_mcp.sandbox.requests.uploads import Document, Malformed, UploadForm
from flipsnack_mcp.sandbox.transcript import FileSeen


@dataclass(frozen=True)
class Received:
    """A request as it came in; `readable` is False when its parameters cannot be told."""

    host: str
    verb: str
    params: dict[str, str]
    files: tuple[Document, ...] = ()
    readable: bool = True

    @property
    def action(self) -> str:
        return self.params.get("action", "")

    def file_seen(self) -> FileSeen | None:
        if not self.files:
            return None
        first = self.files[0]
        return FileSeen(name=first.name, size=first.size, sha256=first.sha256, type=first.type)


async def receive(request: Request, *, keep_uploads: bool) -> Received:
    """Read a request to its end; never fails on what it holds."""
    host, verb = _host(request), request.method
    try:
        pairs = _query(request)
        files: tuple[Document, ...] = ()
        if verb == "POST":
            form = UploadForm(request.headers.get("content-type", ""), keep=keep_uploads)
            await form.read(request.stream())
            # Sandbox's own choice: parameters in the address of an upload count beside those of the form.
            pairs, files = pairs + form.fields, tuple(form.files)
    except Malformed:
        return Received(host, verb, {}, readable=False)
    params = dict(pairs)
    # Sandbox's own choice: a name sent twice is a bad request, since nobody can tell which value was signed.
    return Received(host, verb, params, files, readable=len(params) == len(pairs))


def _host(request: Request) -> str:
    """Tell the upload host by its name, or by its path when the sandbox is served at one port."""
    named = request.headers.get("host", "").startswith("upload.")
    return "upload" if named or request.url.path.startswith("/upload/") else "api"


def _query(request: Request) -> list[tuple[str, str]]:
    try:
        return parse_qsl(request.url.query, keep_blank_values=True, errors="strict")
    except ValueError as error:  # not UTF-8, or far too many fields
        raise Malformed(str(error)) from error
