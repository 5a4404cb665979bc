"""Paths that must not be uploaded: whatever is asked for, not one byte is given away."""

import json
import os
import socket
from collections.abc import Callable
from contextlib import chdir
from pathlib import Path

import anyio
import pytest

from flipsnack_mcp.files.documents import Kind, open_document
from flipsnack_mcp.files.limits import MOST_UPLOAD_BYTES
from flipsnack_mcp.files.paths.opening import open_and_compare
from flipsnack_mcp.files.paths.place import locate
from flipsnack_mcp.files.refusal import RefusedFile
from tests.files.ground import PDF, Ground

Make = Callable[[Ground], str]
WORDS = json.loads(Path(__file__).with_name("hostile_paths.json").read_text("utf-8"))


def spelled(template: str) -> Make:
    """A path that is only words; where it names something in the allowed folder, that file exists."""
    return lambda ground: template.format(allowed=ground.allowed, outside=ground.outside, parent=ground.allowed.parent)


def existing(name: str, content: bytes = PDF, asked: str = "") -> Make:
    """A file that really is in the allowed folder under a name that is refused."""

    def make(ground: Ground) -> str:
        path = ground.allowed / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return f"{ground.allowed}/{asked or name}"

    return make


def linked(link: str, target: str, asked: str) -> Make:
    """A path through a link in the allowed folder."""

    def make(ground: Ground) -> str:
        path = ground.allowed / link
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(spelled(target)(ground))
        return f"{ground.allowed}/{asked}"

    return make


def symlink_chain(ground: Ground) -> str:
    linked("second.pdf", "{outside}/secret.pdf", "")(ground)
    return linked("first.pdf", "{allowed}/second.pdf", "first.pdf")(ground)


def made(put: Callable[[Path], object]) -> Make:
    """Something else than a file of its own, in the allowed folder."""

    def make(ground: Ground) -> str:
        put(ground.allowed / "made.pdf")
        return str(ground.allowed / "made.pdf")

    return make


def put_socket(path: Path) -> None:
    with chdir(path.parent), socket.socket(socket.AF_UNIX) as listener:  # the path of a socket is short
        listener.bind(path.name)


def sparse(ground: Ground) -> str:
    os.truncate(ground.good, MOST_UPLOAD_BYTES + 1)
    return str(ground.good)


LINKS: dict[str, Make] = {name: linked(*row) for name, row in WORDS["linked"].items()} | {"chain": symlink_chain}
IRREGULAR = {"directory": made(Path.mkdir), "fifo": made(os.mkfifo), "socket": made(put_socket)}
CASES = (
    LINKS
    | IRREGULAR
    | {name: spelled(template) for name, template in WORDS["spelled"].items()}
    | {name: existing(path) for name, path in WORDS["existing"].items()}
    | {
        "too-long": spelled("{allowed}/" + "a" * 5000 + ".pdf"),
        "name-too-long": spelled("{allowed}/" + "a" * 300 + ".pdf"),
        "percent-space": existing("a b.pdf", asked="a%20b.pdf"),
        "hard-link": made(lambda path: os.link(path.parents[1] / "allowed-evil" / "secret.pdf", path)),
        "too-large": sparse,
        "file-as-folder": spelled("{allowed}/good.pdf/inside.pdf"),
        "empty": existing("empty.pdf", b""),
        "not-a-pdf": existing("text.pdf", b"root:x:0:0"),
        "signature-too-late": existing("late.pdf", b" " * 1024 + PDF),
        "signature-cut": existing("split.pdf", b" " * 1020 + PDF),
        "image-as-pdf": existing("image.pdf", b"\x89PNG\r\n\x1a\n"),
    }
)
assert len(CASES) >= 100


async def taken_from(path: str, folders: list[Path], sink: list[bytes], kind: Kind = Kind.PDF) -> None:
    with anyio.fail_after(10):
        async with open_document(path, folders, kind) as document:
            sink.extend([piece async for piece in document.pieces()])


@pytest.mark.parametrize("make", CASES.values(), ids=CASES)
async def test_hostile_path_is_refused_and_no_byte_leaves(ground: Ground, make: Make) -> None:
    path, sink, free = make(ground), list[bytes](), os.dup(0)
    os.close(free)
    with pytest.raises(RefusedFile, match="not a regular file" if make in IRREGULAR.values() else ".") as refused:
        await taken_from(path, [ground.allowed], sink)
    assert os.dup(0) == free, "nothing stays open"
    os.close(free)
    with pytest.raises(RefusedFile, match="FLIPSNACK_UPLOAD_DIRS=/") as nothing_allowed:
        await taken_from(path, [], sink)
    assert not sink
    assert refused.value.happened.endswith(".")
    assert refused.value.next_step.endswith(".")
    assert str(refused.value).isprintable()
    assert str(nothing_allowed.value).isprintable()


@pytest.mark.parametrize("make", LINKS.values(), ids=LINKS)
def test_link_is_refused_without_dir_fd_too(ground: Ground, make: Make) -> None:
    (place,) = locate(make(ground), [ground.allowed])
    with pytest.raises(OSError, match=r"link|No such file|Too many"):
        open_and_compare(place)


@pytest.mark.parametrize("content", [PDF, b"<svg/>", b"BM", b"RIFF....WEBP", b" GIF89a"], ids=repr)
async def test_image_of_another_kind_and_a_device_are_refused(ground: Ground, content: bytes) -> None:
    sink = list[bytes]()
    path = existing("photo.gif", content)(ground)
    with pytest.raises(RefusedFile, match="is not a PNG, JPEG or GIF image"):
        await taken_from(path, [ground.allowed], sink, Kind.IMAGE)
    with pytest.raises(RefusedFile, match="not a regular file"):
        await taken_from("/dev/zero", [Path("/dev")], sink)  # even where its folder is allowed
    assert not sink


async def test_refusal_does_not_tell_whether_a_file_outside_exists(ground: Ground) -> None:
    (ground.outside / "locked").mkdir()
    texts = set()
    for path in (ground.secret, ground.outside / "absent.pdf", ground.outside / "locked", ground.secret / "below.pdf"):
        with pytest.raises(RefusedFile) as refused:
            await taken_from(str(path), [ground.allowed], [])
        texts.add(str(refused.value).replace(str(path), "PATH"))
    assert len(texts) == 1
