"""Paths as people and their programs write them: looked for in the upload folders, through the same jail as any other."""

import json
import os
from pathlib import Path

import pytest

from flipsnack_mcp.files.documents import open_document
from flipsnack_mcp.files.refusal import RefusedFile
from tests.files.ground import PDF, Ground, open_descriptors

WORDS = json.loads(Path(__file__).with_name("spelled_paths.json").read_text("utf-8"))


@pytest.fixture(autouse=True)
def on_disk(ground: Ground) -> None:
    """Each document holds its own name, and everything that is meant to be found exists."""
    ground.patch.setenv("HOME", str(ground.allowed.parent))
    ground.good.write_bytes(PDF + b"good.pdf")
    for name in WORDS["on disk"]:
        path = ground.allowed / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(PDF + name.encode())


async def read(path: str, *folders: Path) -> bytes:
    async with open_document(path, folders) as document:
        return b"".join([piece async for piece in document.pieces()])


def spelled(ground: Ground, template: str) -> str:
    path = template.replace("⟦a*5000⟧", "a" * 5000)
    for name, folder in (("allowed", ground.allowed), ("outside", ground.outside), ("parent", ground.allowed.parent)):
        path = path.replace(f"{{{name}}}", str(folder))
    return path


async def read_or_refused(path: str, folder: Path) -> str:
    """What is in the document behind its signature, or why it is none."""
    try:
        return (await read(path, folder)).removeprefix(PDF).decode()
    except RefusedFile as refused:
        return refused.happened


async def test_path_is_understood_as_people_write_it(ground: Ground) -> None:
    found = {how: await read_or_refused(spelled(ground, row[0]), ground.allowed) for how, row in WORDS["taken"].items()}
    assert found == {how: name for how, (_, name) in WORDS["taken"].items()}


async def test_path_that_could_lead_elsewhere_is_refused_with_its_reason(ground: Ground) -> None:
    before = open_descriptors()
    for how, (template, said) in WORDS["refused"].items():
        with pytest.raises(RefusedFile) as refused:
            await read(spelled(ground, template), ground.allowed)
        assert said in refused.value.happened, how
        assert open_descriptors() == before, f"{how}: nothing stays open"


async def test_who_gives_a_blank_behind_a_name_is_told_to_leave_it_out_before_anything_is_renamed(
    ground: Ground,
) -> None:
    for path, first in (("good.pdf ", "If its own name ends before that, give it so. "), (".good.pdf", "")):
        with pytest.raises(RefusedFile) as refused:
            await read(path, ground.allowed)
        assert refused.value.next_step == f"{first}Rename it, or copy it to a plain name, and give that path."


async def test_where_no_more_files_may_be_open_no_other_path_is_asked_for(ground: Ground) -> None:
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, before[1]))
    try:
        with pytest.raises(RefusedFile, match="Too many open files") as refused:
            await read("good.pdf", ground.allowed)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert refused.value.next_step.endswith("or raise how many files it may have open (ulimit -n).")


async def test_plain_name_behind_a_link_is_refused_like_a_whole_path(ground: Ground) -> None:
    (ground.allowed / "link.pdf").symlink_to(ground.secret)
    (ground.allowed / "linked").symlink_to(ground.outside)
    os.link(ground.secret, ground.allowed / "hard.pdf")
    for path, said in (("link.pdf", "link"), ("linked/secret.pdf", "link"), ("~/allowed/link.pdf", "link")):
        with pytest.raises(RefusedFile, match=said):
            await read(path, ground.allowed)
    with pytest.raises(RefusedFile, match="hard link"):
        await read("hard.pdf", ground.allowed)


async def test_plain_name_is_looked_for_in_all_folders_and_refused_where_two_have_it(ground: Ground) -> None:
    """The second folder is one that may be uploaded from, too."""
    assert (await read("secret.pdf", ground.allowed, ground.outside)).endswith(b"theirs ")
    assert await read("sub/deep.pdf", ground.outside, ground.allowed) == PDF + b"sub/deep.pdf"
    (ground.outside / "good.pdf").write_bytes(PDF)
    before = open_descriptors()
    with pytest.raises(RefusedFile) as refused:
        await read("good.pdf", ground.allowed, ground.outside)
    assert open_descriptors() == before, "neither stays open"
    for path in (ground.good, ground.outside / "good.pdf"):
        assert f'"{path}"' in str(refused.value)
    (ground.outside / "a b.pdf").symlink_to(ground.secret)  # what is found there need not be good
    with pytest.raises(RefusedFile, match="in more than one"):
        await read("a b.pdf", ground.allowed, ground.outside)


async def test_folder_that_is_named_twice_or_is_gone_does_not_count(ground: Ground) -> None:
    shortcut = ground.allowed.parent / "shortcut"
    shortcut.symlink_to(ground.allowed)
    for folders in ([ground.allowed, ground.allowed], [shortcut, ground.allowed], [ground.outside / "gone", shortcut]):
        assert await read("good.pdf", *folders) == PDF + b"good.pdf"
    with pytest.raises(RefusedFile, match=r"gone.* cannot be opened"):
        await read("good.pdf", ground.outside / "gone")


async def test_name_that_no_folder_has_is_refused_with_the_folders(ground: Ground) -> None:
    with pytest.raises(RefusedFile) as refused:
        await read("missing.pdf", ground.allowed, ground.outside)
    assert "does not exist" in refused.value.happened
    assert str(ground.allowed) in refused.value.happened
    assert str(ground.outside) in refused.value.happened


async def test_folder_that_does_not_exist_is_said_where_a_document_is_in_none(ground: Ground) -> None:
    joined = Path(f"{ground.allowed},{ground.outside}")
    for path in (ground.good, "good.pdf"):
        with pytest.raises(RefusedFile) as refused:
            await read(str(path), joined)
        assert f'"{joined}" does not exist' in str(refused.value)
        assert 'separated by ":"' in str(refused.value)
