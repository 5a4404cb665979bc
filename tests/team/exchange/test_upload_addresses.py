"""A document that comes by an address: from the page or a program to Flipsnack, byte for byte, once."""

import asyncio
import gzip
import hashlib
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import httpx2
import pytest
from pypdf import PdfWriter

from flipsnack_mcp.files.writing.leftovers import PARTIAL_NAME
from flipsnack_mcp.server.callers.away import AWAY
from flipsnack_mcp.server.callers.caller import Right
from flipsnack_mcp.store.records import StoreUnusable
from flipsnack_mcp.team.exchange import guessing, receiving
from flipsnack_mcp.workflows.addresses.drawing import ADDRESS_SECONDS, MOST_OPEN
from flipsnack_mcp.workflows.addresses.handed import TAKEN_FOR, HandedUploads
from flipsnack_mcp.workflows.uploads.sending import Uploads
from tests.in_memory import rows_of
from tests.listening import NO_TLS
from tests.server.bench import PDF
from tests.team.exchange.replicas import BERT, Replica, Team, path_of
from tests.team.over_http import HOST, until
from tests.virtual_clock import VirtualLoop

CATALOGUE = Path(__file__).parents[3] / "flipsnack_mcp" / "commands" / "catalogue.pdf"
IN_NO_TIME = pytest.mark.parametrize("anyio_backend", [("asyncio", {"loop_factory": VirtualLoop})], ids=[""])
BROWSER = {"Accept": "text/html,application/xhtml+xml"}


async def until_ended(replica: Replica, upload_id: str) -> None:
    with anyio.fail_after(60):
        while (said := await replica.call("get_upload", upload_id=upload_id)).data["state"] != "complete":
            assert said.data["state"] in {"uploading", "converting"}, said.text


@asynccontextmanager
async def over_http(replica: Replica) -> AsyncIterator[httpx2.AsyncClient]:
    """A client on a real connection."""
    async with (
        replica.on_a_socket() as port,
        httpx2.AsyncClient(base_url=f"http://{HOST}:{port}", timeout=60, verify=NO_TLS) as http,
    ):
        yield http


def created(replica: Replica) -> list[tuple[str, str, int]]:
    """What Flipsnack was sent as new documents."""
    files = [one.file for one in replica.bench.sandbox.requests if one.action == "collection.create"]
    return [(one["name"], one["sha256"], one["size"]) for one in files if one]


def nothing_sent(replica: Replica) -> bool:
    return "collection.create" not in replica.bench.requests


async def test_what_is_put_at_an_address_arrives_at_flipsnack_as_it_was_sent(replica: Replica) -> None:
    document = CATALOGUE.read_bytes()
    address, upload_id = await replica.address(title="Autumn", status="unlisted", description="New")
    waiting = await replica.call("get_upload", upload_id=upload_id, wait_seconds=0)
    assert waiting.data["state"] == "waiting"
    async with over_http(replica) as http:
        answer = await http.put(address, content=document)
        assert (answer.status_code, answer.headers["content-type"]) == (202, "text/plain; charset=utf-8")
        assert "has arrived" in answer.text
        await until_ended(replica, upload_id)
    assert created(replica) == [("Autumn.pdf", hashlib.sha256(document).hexdigest(), len(document))]
    sent = next(one.params for one in replica.bench.sandbox.requests if one.action == "collection.create")
    assert (sent["title"], sent["collectionStatus"], sent["description"]) == ("Autumn", "unlisted", "New")
    assert replica.spooled == []


async def test_a_person_sends_a_document_from_the_page_without_a_script(replica: Replica) -> None:
    address, upload_id = await replica.address(title='Offers <b>"now"</b>')
    page = await replica.web.get(address, headers=BROWSER)
    assert page.status_code == 200
    assert "<script" not in page.text
    assert "&lt;b&gt;" in page.text
    assert '<label for="file">' in page.text
    assert '<input id="file" name="file" type="file"' in page.text
    assert '<form method="post" enctype="multipart/form-data">' in page.text
    answer = await replica.web.post(address, headers=BROWSER, files={"file": ("../../etc/Offers.PDF", PDF)})
    assert answer.status_code == 202
    assert "<h1>The document has arrived" in answer.text
    assert "can be closed" in answer.text
    await until_ended(replica, upload_id)
    assert created(replica) == [("Offers.pdf", hashlib.sha256(PDF).hexdigest(), len(PDF))]


async def test_a_long_word_and_the_file_field_stay_within_a_phone_s_width(replica: Replica) -> None:
    address, _ = await replica.address(title="W" * 150)
    style = (await replica.web.get(address, headers=BROWSER)).text.partition("<style>")[2].partition("</style>")[0]
    assert "overflow-wrap:anywhere" in style.partition("}")[0]
    assert "max-width:100%" in style.partition("input,")[2].partition("}")[0]


async def test_pages_and_words_are_kept_nowhere_and_run_nothing(replica: Replica) -> None:
    address, _ = await replica.address()
    for answer in (
        await replica.web.get(address),
        await replica.web.get("/uploads/nothing"),
        await replica.web.put(address),
    ):
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["x-content-type-options"] == "nosniff"
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; style-src 'sha256-")
        assert "form-action 'self'" in policy
        assert "script" not in policy


async def test_only_a_hash_of_an_address_is_kept_and_the_answer_is_the_only_place_that_has_it(
    team: Team, replica: Replica
) -> None:
    address, upload_id = await replica.address(title="Autumn")
    secret = address.rpartition("/")[2]
    await replica.web.put(address, content=PDF)
    await until_ended(replica, upload_id)
    kept = "".join(map(str, rows_of(team.store)))
    assert upload_id in kept
    assert secret not in kept
    assert not any(secret in text for text in replica.bench.witness.texts[1:])


async def test_an_address_is_good_for_one_document(replica: Replica) -> None:
    address, upload_id = await replica.address()
    assert (await replica.web.put(address, content=PDF)).status_code == 202
    await until_ended(replica, upload_id)
    again = await replica.web.put(address, content=PDF + b"%")
    never = await replica.web.put("/uploads/AAAAAAAAAAAAAAAAAAAAAA", content=PDF)
    assert (again.status_code, again.text) == (never.status_code, never.text) == (404, never.text)
    assert len(created(replica)) == 1


async def test_an_address_ends_after_a_quarter_of_an_hour_and_looks_like_none(replica: Replica) -> None:
    address, upload_id = await replica.address()
    replica.bench.clock.advance(ADDRESS_SECONDS + 1)
    answers = [await replica.web.get(address), await replica.web.put(address, content=PDF)]
    never = await replica.web.get("/uploads/AAAAAAAAAAAAAAAAAAAAAA")
    assert {(one.status_code, one.text) for one in answers} == {(404, never.text)}
    said = await replica.call("get_upload", upload_id=upload_id)
    assert said.data["state"] == "failed"
    assert "No document came" in said.text
    assert nothing_sent(replica)


async def test_an_address_is_the_same_with_a_stroke_at_its_end_and_takes_its_document_there(replica: Replica) -> None:
    address, upload_id = await replica.address()
    page = await replica.web.get(f"{address}/", headers=BROWSER)
    assert (page.status_code, '<input id="file"' in page.text) == (200, True)
    assert (await replica.web.put(f"{address}/", content=PDF)).status_code == 202
    await until_ended(replica, upload_id)
    assert len(created(replica)) == 1


async def test_a_browser_gets_a_page_at_any_path_below_the_addresses(replica: Replica) -> None:
    for path in ("/uploads/", "/uploads/a/b", "/files/", "/files/a/b"):
        page = await replica.web.get(path, headers=BROWSER)
        assert (page.status_code, "There is nothing at this address." in page.text) == (404, True)


async def test_other_methods_do_nothing(replica: Replica) -> None:
    address, upload_id = await replica.address()
    methods = ("HEAD", "OPTIONS", "DELETE", "PATCH")
    answers = {one: (await replica.web.request(one, address)).status_code for one in methods}
    assert answers == dict.fromkeys(methods, 405)
    assert (await replica.call("get_upload", upload_id=upload_id, wait_seconds=0)).data["state"] == "waiting"


REFUSED = {
    "HTML": (b"<html><script>alert(1)</script>", "What was sent is not a PDF: its first bytes are those of a web page"),
    "a program": (b"MZ\x90\x00" + b"\0" * 5000, "What was sent is not a PDF: its first bytes say otherwise."),
    "a zip": (b"PK\x03\x04%PDX", "What was sent is not a PDF: its first bytes are those of a zip"),
}


@pytest.mark.parametrize("what", REFUSED)
async def test_a_document_that_is_none_is_told_to_both_and_goes_nowhere(replica: Replica, what: str) -> None:
    content, reason = REFUSED[what]
    address, upload_id = await replica.address(title="Autumn")
    answer = await replica.web.put(address, content=content)
    assert answer.status_code == 422
    assert reason in answer.text
    said = await replica.call("get_upload", upload_id=upload_id)
    assert said.data["state"] == "failed"
    assert reason in said.text
    assert nothing_sent(replica)
    assert replica.spooled == []


async def test_a_wrong_file_is_named_as_whoever_sent_it_knows_it(replica: Replica) -> None:
    """Its collection's title is the assistant's: who sends a file may never have seen it."""
    refused = list[str]()
    for path in (r"C:\me\holiday.jpg", ""):
        address, _ = await replica.address(title="Autumn")
        photograph = b"\xff\xd8\xff\xe0" + bytes(2044)
        sent = {"files": {"file": (path, photograph)}} if path else {"content": photograph}
        refused.append((await replica.web.request("POST" if path else "PUT", address, **sent)).text)
    for said, named in zip(refused, ('"holiday.jpg"', "What was sent"), strict=True):
        assert f"{named} is not a PDF: its first bytes are those of a JPEG image." in said
        assert "2.0 KB came" in said
        assert "Autumn" not in said


async def test_the_same_document_and_title_is_not_sent_twice(replica: Replica) -> None:
    first, one = await replica.address(title="Autumn")
    await replica.web.put(first, content=PDF)
    await until_ended(replica, one)
    second, other = await replica.address(title="Autumn")
    answer = await replica.web.put(second, content=PDF)
    assert answer.status_code == 409
    assert "less than a day ago" in answer.text
    said = await replica.call("get_upload", upload_id=other)
    assert said.data["upload_id"] == one
    assert "less than a day ago" in said.text
    assert len(created(replica)) == 1
    third, again = await replica.address(title="Autumn", again=True)
    assert (await replica.web.put(third, content=PDF)).status_code == 202
    await until_ended(replica, again)
    assert len(created(replica)) == 2


async def test_of_two_documents_at_once_one_is_taken_and_the_other_told(replica: Replica) -> None:
    address, upload_id = await replica.address()
    begun = anyio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        yield PDF
        begun.set()
        await first_is_in.wait()

    first_is_in, answers = anyio.Event(), list[int]()

    async def send_slowly() -> None:
        answers.append((await replica.web.put(address, content=slowly())).status_code)
        begun.set()  # also where it was answered before any of it was read

    async with anyio.create_task_group() as group:
        group.start_soon(send_slowly)
        await begun.wait()
        answers.append((await replica.web.put(address, content=PDF + b"%")).status_code)
        first_is_in.set()
    assert answers == [202, 409]
    await until_ended(replica, upload_id)
    assert len(created(replica)) == 1


async def test_a_transfer_that_breaks_off_may_be_repeated(replica: Replica) -> None:
    address, upload_id = await replica.address()
    async with replica.on_a_socket() as port:
        _, writer = await asyncio.open_connection(HOST, port)
        writer.write(f"PUT {address} HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 1000\r\n\r\n".encode() + PDF)
        await writer.drain()
        await until(lambda: bool(replica.spooled))
        writer.close()
        await until(lambda: not replica.spooled)
    assert nothing_sent(replica)
    assert (await replica.web.put(address, content=PDF)).status_code == 202
    await until_ended(replica, upload_id)


async def test_what_is_too_large_is_refused_before_it_is_read_and_while_it_comes(
    replica: Replica, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiving, "MOST_UPLOAD_BYTES", 10_000)
    address, upload_id = await replica.address()

    async def without_end() -> AsyncIterator[bytes]:
        while True:
            yield PDF * 10

    async with over_http(replica) as http:
        reader, writer = await asyncio.open_connection(HOST, http.base_url.port)
        writer.write(f"PUT {address} HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 10001\r\n\r\n".encode())
        assert (await reader.readline()).startswith(b"HTTP/1.1 413")
        writer.close()
        with anyio.fail_after(60):
            assert await sent_until_answered(http, address, without_end()) in {413, None}
    assert nothing_sent(replica)
    assert replica.spooled == []
    assert (await replica.web.put(address, content=PDF.ljust(10_000))).status_code == 202
    await until_ended(replica, upload_id)


async def sent_until_answered(http: httpx2.AsyncClient, address: str, content: AsyncIterator[bytes]) -> int | None:
    """The status; None where the connection was ended while it was still written to."""
    try:
        return (await http.put(address, content=content)).status_code
    except httpx2.TransportError:
        return None


async def test_what_comes_too_slowly_is_dropped_and_may_come_again(
    replica: Replica, monkeypatch: pytest.MonkeyPatch
) -> None:
    address, upload_id = await replica.address()

    async def dripping() -> AsyncIterator[bytes]:
        while True:
            yield b"%"
            await anyio.sleep(0.01)

    monkeypatch.setattr(receiving, "IN_ALL_SECONDS", 0.2)
    async with over_http(replica) as http:
        with anyio.fail_after(60):
            assert await sent_until_answered(http, address, dripping()) in {408, None}
    monkeypatch.undo()
    assert nothing_sent(replica)
    assert (await replica.web.put(address, content=PDF)).status_code == 202
    await until_ended(replica, upload_id)


FORMS = {
    "no file": ({"file": ("", b"")}, "No file was chosen."),
    "two files": ([("file", ("a.pdf", PDF)), ("file", ("b.pdf", PDF))], "more than one file"),
    "an empty file": ({"file": ("a.pdf", b"")}, "nothing in it"),
}


@pytest.mark.parametrize("what", FORMS)
async def test_a_form_that_has_not_one_document_leaves_the_address_good(replica: Replica, what: str) -> None:
    files, reason = FORMS[what]
    address, upload_id = await replica.address()
    answer = await replica.web.post(address, files=files)  # type: ignore[arg-type]  # as its own types say
    assert (answer.status_code, reason in answer.text) == (400, True), answer.text
    assert (await replica.web.post(address, files={"file": ("a.pdf", PDF)})).status_code == 202
    await until_ended(replica, upload_id)


BODIES = {
    "a form without a boundary": ("multipart/form-data", PDF),
    "a form with a very long boundary": (f"multipart/form-data; boundary={'x' * 3000}", PDF),
    "a form that is none": ("multipart/form-data; boundary=x", PDF),
    "a form without its end": ("multipart/form-data; boundary=x", b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.pdf"\r\n\r\n' + PDF),
    "thousands of fields": ("multipart/form-data; boundary=x", b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n' * 3000),
    "a header without end": ("multipart/form-data; boundary=x", b"--x\r\nContent-Disposition: " + b"a" * 200_000),
}  # fmt: skip


@pytest.mark.parametrize("what", BODIES)
async def test_a_form_that_cannot_be_read_is_refused_in_words(replica: Replica, what: str) -> None:
    kind, body = BODIES[what]
    address, _ = await replica.address()
    answer = await replica.web.post(address, content=body, headers={"Content-Type": kind})
    assert (answer.status_code, answer.headers["content-type"]) == (400, "text/plain; charset=utf-8")
    assert nothing_sent(replica)
    assert replica.spooled == []


NAMES = {
    "../../etc/passwd.pdf": "passwd.pdf",
    "C:\\Users\\x\\Offers.pdf": "Offers.pdf",
    "Offers.pdf.exe": "Offers.pdf.exe.pdf",
    "a\r\nX-Evil: 1.pdf": "a X-Evil 1.pdf",
    "CON.pdf": "_CON.pdf",
    ".pdf": "Autumn.pdf",
    'Offers "Süd" 100%.pdf': "Offers Süd 100.pdf",
}


@pytest.mark.parametrize("given", NAMES)
async def test_a_name_is_only_a_name(replica: Replica, given: str) -> None:
    address, upload_id = await replica.address(title="Autumn")
    quoted = given.replace("\\", "\\\\").replace("\r", "%0D").replace("\n", "%0A").replace('"', "%22")
    head = f'--x\r\nContent-Disposition: form-data; name="file"; filename="{quoted}"\r\n\r\n'.encode()
    body = head + PDF + b"\r\n--x--\r\n"
    answer = await replica.web.post(address, content=body, headers={"Content-Type": "multipart/form-data; boundary=x"})
    assert answer.status_code == 202, answer.text
    await until_ended(replica, upload_id)
    ((name, *_),) = created(replica)
    assert name == NAMES[given]
    assert "/" not in name


@IN_NO_TIME
async def test_any_replica_takes_a_document_and_tells_of_it(team: Team, replica: Replica) -> None:
    other = await team.replica("b")
    address, upload_id = await replica.address(title="Autumn")
    assert (await other.web.get(address)).status_code == 200
    assert (await other.web.put(address, content=PDF)).status_code == 202
    await until_ended(replica, upload_id)
    assert (await replica.web.put(address, content=PDF)).status_code == 404


class Revoked:
    """Nobody may have anything done any more."""

    def still_may(self, principal: str, account: str, right: Right) -> bool:  # noqa: ARG002
        return False


async def test_an_address_ends_with_the_right_of_who_asked_for_it(replica: Replica) -> None:
    address, _ = await replica.address()
    replica.server.guarded_by(Revoked())
    assert (await replica.web.put(address, content=PDF)).status_code == 404
    assert nothing_sent(replica)


async def test_it_ends_with_that_also_while_its_document_is_coming(replica: Replica) -> None:
    address, _ = await replica.address()

    async def taken_back_meanwhile() -> AsyncIterator[bytes]:
        yield PDF[:100]
        replica.server.guarded_by(Revoked())
        yield PDF[100:]

    assert (await replica.web.put(address, content=taken_back_meanwhile())).status_code == 404
    assert nothing_sent(replica)


async def test_another_caller_learns_nothing_of_an_upload(team: Team, replica: Replica) -> None:
    _, upload_id = await replica.address(title="Secret plans")
    berts = await team.replica("b", caller=BERT)
    said = await berts.call("get_upload", upload_id=upload_id)
    assert said.is_error
    assert "There is no such upload." in said.text
    assert "Secret plans" not in said.text


async def test_what_has_arrived_is_an_upload_for_all_who_may_read_the_account(team: Team, replica: Replica) -> None:
    address, upload_id = await replica.address()
    assert (await replica.web.put(address, content=PDF)).status_code == 202
    await until_ended(replica, upload_id)
    berts = await team.replica("b", caller=BERT)
    listed = (await berts.call("get_upload", wait_seconds=0)).data["uploads"]
    assert [one["upload_id"] for one in listed] == [upload_id]
    assert (await berts.call("get_upload", upload_id=upload_id)).data["state"] == "complete"


async def test_who_asked_for_an_address_can_end_it_and_nobody_else_can(team: Team, replica: Replica) -> None:
    address, upload_id = await replica.address()
    berts = await team.replica("b", caller=BERT)
    refused = await berts.call("stop_work", work_id=upload_id)
    assert "No work is under way under that id" in refused.text  # as if there were none: get_upload says so too
    stopped = (await replica.call("stop_work", work_id=upload_id)).data
    assert (stopped["state"], "nothing was uploaded" in stopped["next_step"]) == ("stopped", True)
    assert (await replica.web.put(address, content=PDF)).status_code == 404
    assert (await replica.call("get_upload", upload_id=upload_id)).data["state"] == "stopped"


async def test_who_lost_an_id_finds_it_among_the_uploads_of_the_day_and_nobody_else_does(
    team: Team, replica: Replica
) -> None:
    _, upload_id = await replica.address(title="Autumn")
    listed = await replica.call("get_upload", wait_seconds=0)
    assert [(one["upload_id"], one["state"], one["title"]) for one in listed.data["uploads"]] == [
        (upload_id, "waiting", "Autumn")
    ]
    berts = await team.replica("b", caller=BERT)
    assert (await berts.call("get_upload", wait_seconds=0)).data["uploads"] == []


@IN_NO_TIME
async def test_a_flipbook_is_added_by_an_address(team: Team) -> None:
    replica = await team.replica(toolsets=frozenset({"default", "legacy"}))
    collection = replica.bench.collection()
    said = await replica.call("add_flipbook", collection_hash=collection.hash)
    assert said.data["state"] == "waiting", said.text
    address, upload_id = path_of(said.data["upload_address"]), said.data["upload_id"]
    assert "another document of a collection" in (await replica.web.get(address, headers=BROWSER)).text
    assert (await replica.web.put(address, content=PDF)).status_code == 202
    with anyio.fail_after(60):
        while (seen := await replica.call("get_upload", upload_id=upload_id)).data["state"] != "complete":
            assert seen.data["state"] == "uploading", seen.text
    (added,) = [one for one in replica.bench.sandbox.requests if one.action == "flipbook.add"]
    assert added.file
    assert added.file["sha256"] == hashlib.sha256(PDF).hexdigest()
    assert added.params["collectionHash"] == collection.hash
    decisions = [(one.tool, one.decision, one.caller) for one in await replica.app.history.events()]
    assert decisions == [("add_flipbook", "allowed", "Anna"), ("add_flipbook", "done", "Anna")]
    assert replica.spooled == []


@IN_NO_TIME
async def test_a_flipbook_that_flipsnack_refuses_is_told(team: Team) -> None:
    replica = await team.replica(toolsets=frozenset({"default", "legacy"}))
    said = await replica.call("add_flipbook", collection_hash=replica.bench.collection().hash)
    replica.bench.fails("code", "flipbook.add", code=34)
    await replica.web.put(path_of(said.data["upload_address"]), content=PDF)
    seen = await replica.call("get_upload", upload_id=said.data["upload_id"], wait_seconds=45)
    assert seen.data["state"] == "failed"
    assert "34" in seen.text


async def test_a_locked_document_is_refused_to_both(replica: Replica) -> None:
    address, upload_id = await replica.address()
    answer = await replica.web.put(address, content=locked())
    assert answer.status_code == 422
    assert "needs a password to open" in answer.text
    said = await replica.call("get_upload", upload_id=upload_id)
    assert "needs a password to open" in said.text
    assert nothing_sent(replica)


def locked() -> bytes:
    writer, buffer = PdfWriter(), io.BytesIO()
    writer.add_blank_page(100, 100)
    writer.encrypt("secret", algorithm="AES-256")
    writer.write(buffer)
    return buffer.getvalue()


async def test_a_caller_has_a_number_of_open_addresses_and_others_have_theirs(team: Team, replica: Replica) -> None:
    for _ in range(MOST_OPEN):
        await replica.address()
    said = await replica.call("create_collection")
    assert said.is_error
    assert "there can be no more" in said.text
    berts = await team.replica("b", caller=BERT)
    address, _ = await berts.address()
    replica.bench.clock.advance(ADDRESS_SECONDS + 1)
    for _ in range(MOST_OPEN - 1):
        await replica.address()
    address, upload_id = await replica.address()
    await replica.web.put(address, content=PDF)
    await until_ended(replica, upload_id)
    await replica.address()  # one that was used is open no more


async def test_a_document_on_a_replica_that_ended_may_be_sent_again(replica: Replica) -> None:
    """Taken by a process that was killed before it wrote anything into the journal."""
    address, upload_id = await replica.address()
    assert replica.app.handing
    assert await replica.app.handing.handed.take(upload_id, "killed")
    assert (await replica.web.put(address, content=PDF)).status_code == 404
    replica.bench.clock.advance(TAKEN_FOR + 1)
    assert (await replica.web.put(address, content=PDF)).status_code == 202
    await until_ended(replica, upload_id)
    assert len(created(replica)) == 1


async def test_what_is_on_its_way_is_told_so_though_that_could_not_be_written_down(
    replica: Replica, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def cannot(*_: object, **__: object) -> None:
        raise StoreUnusable("The state file cannot be written.", "Make room.")

    address, upload_id = await replica.address()
    with monkeypatch.context() as patch:
        patch.setattr(HandedUploads, "settle", cannot)
        assert (await replica.web.put(address, content=PDF)).status_code == 202
    replica.bench.clock.advance(TAKEN_FOR + 1)
    assert (await replica.web.put(address, content=PDF + b"%")).status_code == 404
    await until_ended(replica, upload_id)
    assert len(created(replica)) == 1


async def test_a_store_that_fails_is_told_and_nothing_is_sent(
    replica: Replica, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def cannot(*_: object, **__: object) -> None:
        raise StoreUnusable("The state file cannot be written.", "Make room.")

    address, _ = await replica.address()
    with monkeypatch.context() as patch:
        patch.setattr(HandedUploads, "take", cannot)
        answer = await replica.web.put(address, content=PDF)
    assert answer.status_code == 503
    assert f"{AWAY} Nothing was changed." in answer.text
    assert "state file" not in answer.text
    assert nothing_sent(replica)
    assert (await replica.web.put(address, content=PDF)).status_code == 202


async def test_what_goes_wrong_inside_leaves_the_address_good_and_is_told_in_words_of_ours(
    replica: Replica, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def breaks(*_: object, **__: object) -> None:
        raise RuntimeError("a signed address")

    address, upload_id = await replica.address()
    with monkeypatch.context() as patch:
        patch.setattr(Uploads, "begin", breaks)
        answer = await replica.web.put(address, content=PDF)
    assert answer.status_code == 500
    assert "signed" not in answer.text
    assert replica.spooled == []
    assert (await replica.web.put(address, content=PDF)).status_code == 202
    await until_ended(replica, upload_id)


async def test_a_replica_that_cannot_ask_flipsnack_says_so_and_leaves_the_address_good(
    team: Team, replica: Replica
) -> None:
    other = await team.replica("b", problems=("FLIPSNACK_API_URL is no address.",))
    address, upload_id = await replica.address()
    answer = await other.web.put(address, content=PDF)
    assert answer.status_code == 503
    assert other.spooled == []
    assert (await replica.web.put(address, content=PDF)).status_code == 202
    await until_ended(replica, upload_id)


async def test_a_caller_sends_so_many_documents_at_once_and_is_told_when_to_come_back(replica: Replica) -> None:
    address, _ = await replica.address()
    go_on, begun = anyio.Event(), list[int]()

    async def slowly() -> AsyncIterator[bytes]:
        yield PDF
        begun.append(1)
        await go_on.wait()

    async def send() -> None:
        await replica.web.put(address, content=slowly())

    async with anyio.create_task_group() as group:
        for _ in range(receiving.OF_A_CALLER):
            group.start_soon(send)
        await until(lambda: len(replica.spooled) == receiving.OF_A_CALLER)
        answer = await replica.web.put(address, content=PDF)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "60")
        go_on.set()


async def test_a_document_that_comes_packed_is_refused_and_the_address_stays(replica: Replica) -> None:
    address, upload_id = await replica.address()
    packed = await replica.web.put(address, content=gzip.compress(PDF), headers={"Content-Encoding": "gzip"})
    assert packed.status_code == 415
    assert (await replica.web.put(address, content=PDF)).status_code == 202
    await until_ended(replica, upload_id)


@pytest.mark.parametrize("first", [0, 10])
async def test_a_part_of_a_document_is_refused_and_the_address_stays(replica: Replica, first: int) -> None:
    """`curl -C - -T` sends the rest after a transfer that broke off."""
    address, upload_id = await replica.address()
    which = {"Content-Range": f"bytes {first}-{len(PDF) - 2}/{len(PDF)}"}
    part = await replica.web.put(address, content=PDF[first:-1], headers=which)
    assert (part.status_code, "Send all of it" in part.text) == (400, True)
    assert (await replica.web.put(address, content=PDF)).status_code == 202
    await until_ended(replica, upload_id)


async def test_a_document_without_its_line_breaks_is_not_taken_for_the_whole(replica: Replica) -> None:
    """As `curl -d @FILE` sends one; with `--data-binary` it is whole and called the same."""
    document = CATALOGUE.read_bytes()
    address, upload_id = await replica.address(title="Autumn")
    as_curl_says = {"Content-Type": "application/x-www-form-urlencoded"}
    stripped = document.translate(None, b"\r\n\0")
    refused = await replica.web.post(address, content=stripped, headers=as_curl_says)
    assert (refused.status_code, "without its line breaks" in refused.text) == (400, True)
    assert nothing_sent(replica)
    assert (await replica.web.post(address, content=document, headers=as_curl_says)).status_code == 202
    await until_ended(replica, upload_id)
    assert created(replica) == [("Autumn.pdf", hashlib.sha256(document).hexdigest(), len(document))]


async def test_a_full_spool_is_said_before_the_body_is_read(team: Team) -> None:
    replica = await team.replica(spool_megabytes=1)
    address, upload_id = await replica.address()
    async with replica.on_a_socket() as port:
        reader, writer = await asyncio.open_connection(HOST, port)
        writer.write(f"PUT {address} HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: {2**21}\r\n\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        writer.close()
    assert head.startswith(b"HTTP/1.1 503")
    assert b"retry-after: 60" in head.lower()
    assert (await replica.web.put(address, content=PDF)).status_code == 202
    await until_ended(replica, upload_id)


async def test_a_spool_that_is_set_wrongly_is_named_by_the_calls_that_need_it(team: Team) -> None:
    wrong = {"FLIPSNACK_SPOOL_DIR": "FLIPSNACK_SPOOL_DIR has to be a whole path."}
    replica = await team.replica(spool_dir=None, wrong_folders=wrong)
    wanted = {"collection_hash": replica.bench.collection().hash}
    for said in (await replica.call("create_collection"), await replica.call("download_collection_html", **wanted)):
        assert said.is_error
        assert wrong["FLIPSNACK_SPOOL_DIR"] in said.text
    assert not (await replica.call("list_collections")).is_error


async def test_a_spool_that_cannot_be_used_is_told_without_its_place(team: Team) -> None:
    replica = await team.replica()
    replica.spool.write_text("no folder")
    address, _ = await replica.address()
    answer = await replica.web.put(address, content=PDF)
    assert answer.status_code == 503
    assert str(replica.spool) not in answer.text
    replica.spool.unlink()
    assert (await replica.web.put(address, content=PDF)).status_code == 202


async def test_what_waits_on_the_spool_has_no_name_and_is_its_owners(replica: Replica) -> None:
    address, _ = await replica.address()
    go_on = anyio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        yield PDF
        await go_on.wait()

    async with anyio.create_task_group() as group:
        group.start_soon(lambda: replica.web.put(address, content=slowly()))
        await until(lambda: bool(replica.spooled))
        (file,) = [one for one in replica.spool.rglob("*") if one.is_file()]
        assert PARTIAL_NAME.fullmatch(file.name)
        assert file.stat().st_mode & 0o777 == 0o600
        assert file.parent.stat().st_mode & 0o777 == 0o700
        go_on.set()


async def test_who_guesses_waits_and_right_addresses_do_not(replica: Replica, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guessing, "WRONG_WAIT", 3600.0)
    monkeypatch.setattr(guessing, "MOST_WRONG", 3)
    address, _ = await replica.address()
    answers = list[int]()

    async def guess(number: int) -> None:
        answers.append((await replica.web.get(f"/uploads/{number:022}")).status_code)

    async with anyio.create_task_group() as group:
        for number in range(4):
            group.start_soon(guess, number)
        await until(lambda: bool(answers))
        with anyio.fail_after(60):
            assert (await replica.web.get(address)).status_code == 200
        assert answers == [429]  # of four, three wait
        group.cancel_scope.cancel()


async def test_the_history_says_who_sent_it_and_not_where(replica: Replica) -> None:
    address, upload_id = await replica.address(title="Autumn")
    await replica.web.put(address, content=PDF)
    await until_ended(replica, upload_id)
    events = await replica.app.history.events()
    assert [(one.tool, one.target, one.decision, one.caller) for one in events] == [
        ("create_collection", "Autumn", "done", "Anna")
    ]
