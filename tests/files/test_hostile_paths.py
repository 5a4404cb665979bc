"""Paths that must not be uploaded: whatever is asked for, not one byte is given away."""

import os
import socket
from collections.abc import Callable
from pathlib import Path

import anyio
import pytest

from flipsnack_mcp.files.documents import Kind, open_document
from flipsnack_mcp.files.folders import locate, open_and_compare
from flipsnack_mcp.files.limits import MOST_UPLOAD_BYTES
from flipsnack_mcp.files.refusal import RefusedFile
from tests.files.ground import PDF, Ground

Make = Callable[[Ground], str]


def spelled(template: str) -> Make:
    """A path that is only words; where it names something in the allowed folder, that file exists."""

    def make(ground: Ground) -> str:
        return template.format(allowed=ground.allowed, outside=ground.outside, parent=ground.allowed.parent)

    return make


def existing(name: str, content: bytes = PDF) -> Make:
    """A file that really is in the allowed folder under a name that is refused."""

    def make(ground: Ground) -> str:
        path = ground.allowed / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return f"{ground.allowed}/{name}"

    return make


def linked(link: str, target: str, asked: str = "") -> Make:
    """A path through a link in the allowed folder."""

    def make(ground: Ground) -> str:
        path = ground.allowed / link
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(spelled(target)(ground))
        return f"{ground.allowed}/{asked or link}"

    return make


def symlink_chain(ground: Ground) -> str:
    linked("second.pdf", "{outside}/secret.pdf")(ground)
    return linked("first.pdf", "{allowed}/second.pdf")(ground)


def hard_link(ground: Ground) -> str:
    os.link(ground.secret, ground.allowed / "hard.pdf")
    return str(ground.allowed / "hard.pdf")


def folder(ground: Ground) -> str:
    (ground.allowed / "folder.pdf").mkdir()
    return str(ground.allowed / "folder.pdf")


def file_as_folder(ground: Ground) -> str:
    return str(ground.good / "inside.pdf")


def fifo(ground: Ground) -> str:
    os.mkfifo(ground.allowed / "fifo.pdf")
    return str(ground.allowed / "fifo.pdf")


def unix_socket(ground: Ground) -> str:
    here = Path.cwd()
    os.chdir(ground.allowed)  # the path of a socket is short
    try:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind("s.pdf")
    finally:
        os.chdir(here)
    return str(ground.allowed / "s.pdf")


def sparse(ground: Ground) -> str:
    path = ground.allowed / "sparse.pdf"
    path.write_bytes(PDF)
    os.truncate(path, MOST_UPLOAD_BYTES + 1)
    return str(path)


def percent_encoded(ground: Ground) -> str:
    (ground.allowed / "a b.pdf").write_bytes(PDF)
    return f"{ground.allowed}/a%20b.pdf"


LINKS = [
    pytest.param(linked("link.pdf", "{outside}/secret.pdf"), id="symlink-file"),
    pytest.param(linked("link.pdf", "{allowed}/good.pdf"), id="symlink-inside"),
    pytest.param(linked("link.pdf", "../allowed-evil/secret.pdf"), id="symlink-relative"),
    pytest.param(linked("link.pdf", "{outside}/nothing.pdf"), id="symlink-dangling"),
    pytest.param(linked("link.pdf", "{allowed}/link.pdf"), id="symlink-loop"),
    pytest.param(symlink_chain, id="symlink-chain"),
    pytest.param(linked("sub", "{outside}", "sub/secret.pdf"), id="symlink-folder"),
    pytest.param(linked("a/b/c", "{outside}", "a/b/c/secret.pdf"), id="symlink-folder-deep"),
    pytest.param(linked("sub", "{allowed}", "sub/good.pdf"), id="symlink-folder-inside"),
    pytest.param(linked("root", "/", "root/etc/passwd"), id="symlink-root"),
    pytest.param(linked("environ.pdf", "/proc/self/environ"), id="symlink-proc"),
]
CASES = [
    # Outside of the folder
    pytest.param(spelled("{outside}/secret.pdf"), id="absolute-outside"),
    pytest.param(spelled("/etc/passwd"), id="system-file"),
    pytest.param(spelled("/"), id="root"),
    pytest.param(spelled("/proc/self/environ"), id="proc-environ"),
    pytest.param(spelled("/proc/self/root{allowed}/good.pdf"), id="proc-root-detour"),
    pytest.param(spelled("/dev/fd/0"), id="descriptor"),
    pytest.param(spelled("/dev/zero"), id="device-outside"),
    pytest.param(spelled("{parent}/nothing/at-all.pdf"), id="missing-outside"),
    pytest.param(spelled("{allowed}-evil/secret.pdf"), id="prefix-trick"),
    pytest.param(spelled("{allowed}.pdf"), id="prefix-trick-extension"),
    pytest.param(spelled("{allowed}"), id="the-folder-itself"),
    pytest.param(spelled("{allowed}/"), id="the-folder-itself-slash"),
    pytest.param(spelled("{parent}"), id="the-parent"),
    pytest.param(spelled("{parent}/ALLOWED/good.pdf"), id="case-folding"),
    pytest.param(spelled("{parent}/allowe\u0301d/good.pdf"), id="look-alike-folder"),
    # Dots
    pytest.param(spelled("{allowed}/../allowed-evil/secret.pdf"), id="dotdot"),
    pytest.param(spelled("{allowed}/sub/../../allowed-evil/secret.pdf"), id="dotdot-deep"),
    pytest.param(spelled("{allowed}/sub/../good.pdf"), id="dotdot-back-inside"),
    pytest.param(spelled("{outside}/../allowed/good.pdf"), id="dotdot-into"),
    pytest.param(spelled("{allowed}/.."), id="dotdot-last"),
    pytest.param(spelled("{allowed}/..\\allowed-evil\\secret.pdf"), id="dotdot-backslash"),
    pytest.param(spelled("{allowed}/./../allowed-evil/secret.pdf"), id="dot-dotdot"),
    pytest.param(spelled("{allowed}//..//allowed-evil//secret.pdf"), id="dotdot-doubled-slashes"),
    pytest.param(spelled("{allowed}/.../secret.pdf"), id="three-dots"),
    pytest.param(spelled("{allowed}/.. /allowed-evil/secret.pdf"), id="dotdot-space"),
    pytest.param(spelled("{allowed}/..;/allowed-evil/secret.pdf"), id="dotdot-semicolon"),
    # Encodings and look-alikes, none of which is decoded
    pytest.param(spelled("{allowed}/%2e%2e/allowed-evil/secret.pdf"), id="percent-dotdot"),
    pytest.param(spelled("{allowed}/%2e%2e%2fallowed-evil%2fsecret.pdf"), id="percent-slash"),
    pytest.param(spelled("{allowed}/%252e%252e/allowed-evil/secret.pdf"), id="percent-twice"),
    pytest.param(spelled("{allowed}/..%c0%afallowed-evil/secret.pdf"), id="overlong-slash"),
    pytest.param(percent_encoded, id="percent-space"),
    pytest.param(spelled("{allowed}/\uff0e\uff0e/allowed-evil/secret.pdf"), id="fullwidth-dots"),
    pytest.param(spelled("{allowed}/\u2024\u2024/allowed-evil/secret.pdf"), id="one-dot-leaders"),
    pytest.param(spelled("{allowed}\u2215..\u2215allowed-evil\u2215secret.pdf"), id="division-slash"),
    pytest.param(spelled("{allowed}/.\u200b./allowed-evil/secret.pdf"), id="zero-width-in-dots"),
    # Other notations
    pytest.param(spelled("~/good.pdf"), id="tilde"),
    pytest.param(spelled("~root/good.pdf"), id="tilde-user"),
    pytest.param(spelled("$HOME/good.pdf"), id="variable"),
    pytest.param(spelled("file://{allowed}/good.pdf"), id="file-url"),
    pytest.param(spelled("file:{allowed}/good.pdf"), id="file-url-short"),
    pytest.param(spelled("FILE://localhost{allowed}/good.pdf"), id="file-url-host"),
    pytest.param(spelled("https://example.com/good.pdf"), id="https-url"),
    pytest.param(spelled("good.pdf"), id="relative"),
    pytest.param(spelled("./good.pdf"), id="relative-dot"),
    pytest.param(spelled("../allowed-evil/secret.pdf"), id="relative-dotdot"),
    pytest.param(spelled(""), id="empty-path"),
    pytest.param(spelled("   "), id="blank-path"),
    pytest.param(spelled(" {allowed}/good.pdf"), id="space-before"),
    pytest.param(spelled('"{allowed}/good.pdf"'), id="in-quotes"),
    pytest.param(spelled("\\\\server\\share\\good.pdf"), id="unc"),
    pytest.param(spelled("//server/share/good.pdf"), id="unc-slashes"),
    pytest.param(spelled("/\\server\\share\\good.pdf"), id="unc-mixed"),
    pytest.param(spelled("/{allowed}/good.pdf"), id="two-slashes"),
    pytest.param(spelled("\\\\?\\C:\\good.pdf"), id="long-path-prefix"),
    pytest.param(spelled("\\\\.\\PhysicalDrive0"), id="device-prefix"),
    pytest.param(spelled("\\\\?\\UNC\\server\\share\\good.pdf"), id="long-unc-prefix"),
    pytest.param(spelled("C:\\Users\\me\\good.pdf"), id="foreign-drive"),
    pytest.param(spelled("C:good.pdf"), id="drive-relative"),
    # Characters
    pytest.param(spelled("{allowed}/good.pdf\0"), id="nul-at-end"),
    pytest.param(spelled("{allowed}/good.pdf\0.png"), id="nul-inside"),
    pytest.param(spelled("{allowed}/good\n.pdf"), id="newline"),
    pytest.param(spelled("{allowed}/good\r.pdf"), id="carriage-return"),
    pytest.param(spelled("{allowed}/good\x1b[2J.pdf"), id="escape-sequence"),
    pytest.param(spelled("{allowed}/good\x85.pdf"), id="c1-control"),
    pytest.param(spelled("{allowed}/good\u2028.pdf"), id="line-separator"),
    pytest.param(spelled("{allowed}/\ud800.pdf"), id="lone-surrogate"),
    pytest.param(spelled("{allowed}/\udc80.pdf"), id="escaped-byte"),
    pytest.param(spelled("{allowed}/" + "a" * 5000 + ".pdf"), id="too-long"),
    pytest.param(spelled("{allowed}/" + "a" * 300 + ".pdf"), id="name-too-long"),
    # Names that mean something else on another system; the files exist
    pytest.param(existing("good.pdf:stream"), id="alternate-stream"),
    pytest.param(existing("good.pdf::$DATA"), id="default-stream"),
    pytest.param(existing("CON"), id="reserved-con"),
    pytest.param(existing("nul.pdf"), id="reserved-extension"),
    pytest.param(existing("COM1.tar.pdf"), id="reserved-com"),
    pytest.param(existing("lpt\u00b9.pdf"), id="reserved-superscript"),
    pytest.param(existing("aux .pdf"), id="reserved-space"),
    pytest.param(existing("prn/good.pdf"), id="reserved-folder"),
    pytest.param(existing("good.pdf."), id="trailing-dot"),
    pytest.param(existing("good.pdf "), id="trailing-space"),
    pytest.param(existing("sub./good.pdf"), id="trailing-dot-folder"),
    pytest.param(existing("a\\b.pdf"), id="backslash-in-name"),
    pytest.param(existing(".hidden.pdf"), id="dot-file"),
    pytest.param(existing(".ssh/key.pdf"), id="dot-folder"),
    pytest.param(existing("a/.git/b/key.pdf"), id="dot-folder-deep"),
    pytest.param(existing("\u200b.hidden.pdf"), id="dot-file-behind-zero-width"),
    pytest.param(existing("good.pdf/..namedfork/rsrc".replace("good", "fork")), id="resource-fork"),
    # Links
    *LINKS,
    pytest.param(hard_link, id="hard-link"),
    # No regular file
    pytest.param(spelled("{allowed}/missing.pdf"), id="missing-inside"),
    pytest.param(spelled("{allowed}/missing/missing.pdf"), id="missing-folder"),
    pytest.param(folder, id="directory"),
    pytest.param(file_as_folder, id="file-as-folder"),
    pytest.param(fifo, id="fifo"),
    pytest.param(unix_socket, id="socket"),
    # No PDF
    pytest.param(existing("empty.pdf", b""), id="empty"),
    pytest.param(existing("text.pdf", b"root:x:0:0"), id="not-a-pdf"),
    pytest.param(existing("late.pdf", b" " * 1024 + PDF), id="signature-too-late"),
    pytest.param(existing("split.pdf", b" " * 1021 + PDF), id="signature-cut"),
    pytest.param(existing("image.pdf", b"\x89PNG\r\n\x1a\n"), id="image-as-pdf"),
    pytest.param(sparse, id="too-large"),
]


IRREGULAR = (folder, fifo, unix_socket)


async def taken_from(path: str, folders: list[Path], sink: list[bytes], kind: Kind = Kind.PDF) -> None:
    with anyio.fail_after(10):
        async with open_document(path, folders, kind) as document:
            sink.extend([piece async for piece in document.pieces()])


@pytest.mark.parametrize("make", CASES)
async def test_hostile_path_is_refused_and_no_byte_leaves(ground: Ground, make: Make) -> None:
    path, sink = make(ground), list[bytes]()

    with pytest.raises(RefusedFile, match="not a regular file" if make in IRREGULAR else ".") as refused:
        await taken_from(path, [ground.allowed], sink)
    with pytest.raises(RefusedFile, match="FLIPSNACK_UPLOAD_DIRS=/") as nothing_allowed:
        await taken_from(path, [], sink)

    assert not sink
    assert refused.value.happened.endswith(".")
    assert refused.value.next_step.endswith(".")
    assert str(refused.value).isprintable()
    assert str(nothing_allowed.value).isprintable()


async def test_device_is_refused_even_where_its_folder_is_allowed() -> None:
    sink = list[bytes]()

    with pytest.raises(RefusedFile, match="not a regular file"):
        await taken_from("/dev/zero", [Path("/dev")], sink)

    assert not sink


@pytest.mark.parametrize("make", LINKS)
def test_link_is_refused_without_dir_fd_too(ground: Ground, make: Make) -> None:
    place = locate(make(ground), [ground.allowed])

    with pytest.raises(OSError, match=r"link|No such file|Too many"):
        open_and_compare(place)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("photo.pdf", PDF),
        ("photo.svg", b"<svg/>"),
        ("photo.bmp", b"BM"),
        ("photo.webp", b"RIFF....WEBP"),
        ("x.gif", b" GIF89a"),
    ],
)
async def test_image_of_another_kind_is_refused(ground: Ground, name: str, content: bytes) -> None:
    sink = list[bytes]()
    (ground.allowed / name).write_bytes(content)

    with pytest.raises(RefusedFile, match="is not a PNG, JPEG or GIF image"):
        await taken_from(str(ground.allowed / name), [ground.allowed], sink, Kind.IMAGE)

    assert not sink


async def test_refusal_does_not_tell_whether_a_file_outside_exists(ground: Ground) -> None:
    (ground.outside / "locked").mkdir()
    texts = set()

    for path in (ground.secret, ground.outside / "absent.pdf", ground.outside / "locked", ground.secret / "below.pdf"):
        with pytest.raises(RefusedFile) as refused:
            await taken_from(str(path), [ground.allowed], [])
        texts.add(str(refused.value).replace(str(path), "PATH"))

    assert len(texts) == 1


def test_table_is_long_enough() -> None:
    assert len(CASES) >= 60
    assert len({case.id for case in CASES}) == len(CASES)
