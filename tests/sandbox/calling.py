"""A caller that signs for itself."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import md5
from typing import Any

import httpx2

from flipsnack_mcp.sandbox import Sandbox

PDF = b"%PDF-1.7\n1 0 obj << /Type /Pages /Count 2 >>\n<< /Type /Page >>\n<</Type/Page/Parent 1 0 R>>\n%%EOF\n"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(16)


def signed(sandbox: Sandbox, action: str, params: dict[str, str]) -> dict[str, str]:
    """Sign as the documentation says; the tests share no code with the sandbox or the client."""
    sent = {"action": action, "apiKey": sandbox.api_key, **params}
    text = sandbox.api_secret + "".join(name + sent[name] for name in sorted(sent))
    return {**sent, "signature": md5(text.encode()).hexdigest()}  # noqa: S324 - the documented signature


class Caller:
    """Calls a sandbox in-process under the real host names."""

    api = "https://api.flipsnack.com/v1/"
    upload = "https://upload.flipsnack.com/v1/"

    def __init__(self, sandbox: Sandbox, http: httpx2.AsyncClient) -> None:
        self.sandbox = sandbox
        self.http = http

    async def raw(self, action: str, **params: str) -> httpx2.Response:
        return await self.http.get(self.api, params=signed(self.sandbox, action, params))

    async def get(self, action: str, **params: str) -> Any:
        return (await self.raw(action, **params)).json()

    async def data(self, action: str, **params: str) -> Any:
        answer = await self.get(action, **params)
        assert answer["code"] == 20, answer
        return answer["data"]

    async def code(self, action: str, **params: str) -> int:
        return int((await self.get(action, **params))["code"])

    async def send(
        self, action: str, files: list[tuple[str, tuple[str, bytes, str]]] | None = None, **params: str
    ) -> Any:
        # A form without a file must be multipart all the same, hence fields as parts without a file name.
        fields = [(name, (None, value)) for name, value in signed(self.sandbox, action, params).items()]
        answer = await self.http.post(self.upload, files=[*fields, *(files or [])])
        return answer.json()

    async def send_file(self, action: str, content: bytes = PDF, name: str = "offers.pdf", /, **params: str) -> Any:
        return await self.send(action, [("file", (name, content, "application/pdf"))], **params)

    async def created(self, **params: str) -> Any:
        answer = await self.send_file("collection.create", **params)
        assert answer["code"] == 20, answer
        return answer["data"]


@asynccontextmanager
async def calling(sandbox: Sandbox) -> AsyncIterator[Caller]:
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=sandbox.app)) as http:
        yield Caller(sandbox, http)
