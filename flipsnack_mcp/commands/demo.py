"""`flipsnack-mcp demo`: the main job from one end to the other, without a key.

The real server, in a process of its own, over real stdio, driven by the official MCP client; only Flipsnack is the
built-in imitation. Exits with 0 only if every step did what it should.
"""

import importlib.resources
import os
import shutil
import sys
import tempfile
import textwrap
import time
import webbrowser
import zipfile
from pathlib import Path
from typing import Any

import anyio
from mcp import Client, StdioServerParameters, types

from flipsnack_mcp.commands import fail, say
from flipsnack_mcp.started import as_typed

DEMO_TITLE = "Garden & Table, autumn"
TO_READ = 0.8
"""Seconds the person of this demo takes to read a question; a faster "no" counts as never shown."""


class DemoFailedError(Exception):
    """A step did not do what it should."""


def demo(*, show: bool) -> int:
    """Run all steps and say how it went; at the end the report may be opened."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="flipsnack-demo-") as folder:
        failure = anyio.run(played, Path(folder))
        report = None if failure else kept_report(Path(folder))
    if report is None:
        return fail(f"\nFAILED: {failure}")
    say(f"\nThe report is kept. It opens in any browser, and can be mailed:\n{report}")
    tell(f"\nAll of it worked, in {time.monotonic() - started:.0f} s. To use your own account from Claude Desktop (README.md "
        "names the other assistants):")  # fmt: skip
    say(as_typed("setup claude-desktop"))
    if show:
        open_report(report)
    return 0


def kept_report(folder: Path) -> Path:
    """The saved report, in a folder that outlives the demo's own."""
    (report,) = (folder / "downloads").glob("*.html")
    return Path(shutil.copy(report, tempfile.mkdtemp(prefix="flipsnack-report-")))


def open_report(report: Path) -> None:
    """Show it to the person, where there is a browser."""
    try:
        opened = webbrowser.open(report.as_uri())
    except webbrowser.Error:
        opened = False
    say("The report was handed to your browser." if opened else f"No browser was found here. The report is {report}")


async def played(folder: Path) -> str:
    """Start the server and play one session with it. Returns what went wrong, or nothing."""
    uploads, downloads = folder / "uploads", folder / "downloads"
    uploads.mkdir()
    document = uploads / "autumn.pdf"
    document.write_bytes(example_catalogue())
    env, program = environment(uploads, downloads), ["-m", "flipsnack_mcp"]
    server = StdioServerParameters(command=sys.executable, args=program, env=env, cwd=str(folder))
    person = Person()
    async with Client(server, elicitation_callback=person.asked) as client:
        try:  # inside the client, or the failure would arrive in a group
            await Session(client, person).play(document.name)
        except DemoFailedError as failure:
            return str(failure)
    return ""


def example_catalogue() -> bytes:
    """A PDF that is part of the package."""
    return (importlib.resources.files("flipsnack_mcp.commands") / "catalogue.pdf").read_bytes()


def environment(uploads: Path, downloads: Path) -> dict[str, str]:
    """The server's own settings only: what the person has set for real use plays no part here."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FLIPSNACK_")}
    ours = {"FLIPSNACK_SANDBOX": "1", "FLIPSNACK_UPLOAD_DIRS": str(uploads), "FLIPSNACK_DOWNLOAD_DIR": str(downloads)}
    return kept | ours


class Person:
    """Who answers the questions: first closes the form, then types the title."""

    agrees = False

    async def asked(self, context: Any, params: Any) -> types.ElicitResult:  # noqa: ARG002  # the SDK's signature
        """Read the form, then answer it."""
        tell(f"   form shown: {params.message}", indent="     ")
        await anyio.sleep(TO_READ)
        tell(f"   the person {f'types: {DEMO_TITLE}' if self.agrees else 'closes the form'}")
        if not self.agrees:
            return types.ElicitResult(action="cancel")
        return types.ElicitResult(action="accept", content={"title": DEMO_TITLE})


class Session:
    """The steps, each of them checked. The README shows some of them as they were told (`tests/documents/test_transcript.py`)."""

    def __init__(self, client: Client, person: Person) -> None:
        self._client, self._person = client, person
        self._progress = 0

    async def play(self, document: str) -> None:
        tools = (await self._client.list_tools()).tools
        tell(f"Connected to the server: {len(tools)} tools, protocol {self._client.protocol_version}.")
        await self.find()
        report = await self.begin_report()
        draft = await self.publish_draft(document)
        final = await self.go_public(draft)
        await self.share(final)
        await self.export(final)
        await self.refuse_deletion(final)
        await self.delete(final)
        await self.save_report(report)

    async def find(self) -> None:
        asks("Which weekly offers do we have?")
        found = await self.data("list_collections", query="weekly", limit=3)
        check(found["total"] >= 3, "the sandbox has weekly offers")

    async def begin_report(self) -> str:
        asks("Make a report on them, against the 30 days before. I will look at it later.")
        begun = await self.data("report_stats", query="weekly", compare=True, save_as="html", wait_seconds=0)
        check(begun["state"] == "running", "it goes on in the background")
        return str(begun["report_id"])

    async def publish_draft(self, document: str) -> str:
        asks(f"Put {document} online as a draft, so that I can look at it first.")
        made = await self.data("create_collection", live=True, file_path=document, title=DEMO_TITLE, wait_seconds=45)
        check(made["state"] == "complete", "the conversion is complete")
        check(made["status"] == "editable", "it is a draft")
        return str(made["collection_hash"])

    async def go_public(self, draft: str) -> str:
        asks("Publish it.")
        updated = await self.data("update_collection", collection_hash=draft, status="public")
        check(updated["previous_collection_hash"] == draft, "the hash changed and is known")
        return str(updated["collection_hash"])

    async def share(self, final: str) -> None:
        asks("Give me the code for our website. And how often was it read?")
        embed = await self.data("get_embed_code", collection_hash=final, responsive=True)
        check("<iframe" in embed["embed_code"], "the embed code is HTML")
        stats = await self.data("get_collection_stats", collection_hash=final)
        check(isinstance(stats["views"], int), "views are a number")

    async def export(self, final: str) -> None:
        asks("Download it, so that it can be read without a network.")
        saved = await self.data("download_collection_html", live=True, collection_hash=final, wait_seconds=45)
        check(saved["state"] == "complete", "the package is complete")
        with zipfile.ZipFile(saved["path"]) as package:
            check(package.testzip() is None and "index.html" in package.namelist(), "the zip is whole")
            tell(f"   opened the zip: {len(package.namelist())} files, index.html among them")

    async def refuse_deletion(self, final: str) -> None:
        asks("Delete it.")
        refused = await self.call("delete_collection", collection_hash=final)
        check(refused.is_error is True, "the deletion is refused")
        there = await self.data("get_collection", quiet=True, collection_hash=final, wait_seconds=0)
        check(there["collection_hash"] == final, "it is still there")
        tell("   still there: yes")

    async def delete(self, final: str) -> None:
        asks("Delete it again, it was only a test.")
        self._person.agrees = True
        gone = await self.data("delete_collection", collection_hash=final)
        check(gone["deleted"] is True, "it is deleted")
        after = await self.call("get_collection", quiet=True, collection_hash=final, wait_seconds=0)
        check(after.is_error is True, "it is gone")
        tell("   still there: no")

    async def save_report(self, report: str) -> None:
        asks("Now show me the report.")
        whole = await self.data("report_stats", report_id=report, wait_seconds=45)
        check(whole["state"] == "complete", "the report is complete")
        page = await anyio.Path(whole["path"]).read_text(encoding="utf-8")
        check(whole["collections"][0]["title"] in page, "the page has what was best in it")

    async def data(self, tool: str, *, live: bool = False, quiet: bool = False, **arguments: Any) -> dict[str, Any]:
        """Make a call that has to succeed and return its structured result; `live` ones have to show progress."""
        self._progress = 0
        result = await self.call(tool, quiet=quiet, **arguments)
        check(not result.is_error and result.structured_content is not None, f"{tool} succeeds")
        check(not live or self._progress >= 2, f"{tool} shows its progress")
        return dict(result.structured_content or {})

    async def call(self, tool: str, *, quiet: bool = False, **arguments: Any) -> types.CallToolResult:
        """Make one call and print it as it goes."""
        if not quiet:
            tell(f"   {tool}({', '.join(f'{name}={value!r}' for name, value in arguments.items())})", indent="     ")
        result = await self._client.call_tool(tool, arguments, progress_callback=self.progressed)
        if not quiet:
            say(textwrap.indent(text_of(result), "   > "))
        return result

    async def progressed(self, progress: float, total: float | None, message: str | None) -> None:  # noqa: ARG002  # likewise
        self._progress += 1
        tell(f"   ... {message}")


def text_of(result: types.CallToolResult) -> str:
    """Shorten what the assistant reads for a terminal."""
    lines = "\n".join(one.text for one in result.content if isinstance(one, types.TextContent)).splitlines()
    return "\n".join(textwrap.shorten(line, 150, placeholder=" ...") for line in lines[:14])


def check(holds: object, what: str) -> None:
    """Stop the demo unless this holds."""
    if not holds:
        raise DemoFailedError(f"expected: {what}")


def asks(sentence: str) -> None:
    """Print what the person wants; what the assistant makes of it follows."""
    tell(f"\n== You: {sentence}")


def tell(text: str, *, indent: str = "") -> None:
    """Print what the demo does, not wider than a terminal."""
    say(text if "\n" in text else textwrap.fill(text, 118, subsequent_indent=indent))
