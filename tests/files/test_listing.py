"""A list of the upload folders: in natural order, through the jail, and never endless."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from flipsnack_mcp.files.paths import listing
from flipsnack_mcp.files.paths.listing import list_files, one_folder
from flipsnack_mcp.files.refusal import RefusedFile


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "uploads"
    made.mkdir()
    return made


def put(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"%PDF-")


def names(folder: Path, wanted: str | None = None, *, deep: bool = True) -> list[str]:
    return ["/".join(one.place.parts) for one in list_files(wanted, [folder], deep=deep).files]


def test_numbers_in_names_count_as_numbers_and_capitals_do_not_count(folder: Path) -> None:
    put(folder, "week 10.pdf", "Week 9.PDF", "week 9b.pdf", "10.pdf", "9.pdf", "a/2.pdf", "A/10.pdf", "ä.pdf")
    found = names(folder)
    assert found[:2] == ["9.pdf", "10.pdf"]
    assert [one for one in found if one.casefold().startswith("week")] == ["Week 9.PDF", "week 9b.pdf", "week 10.pdf"]
    assert len(found) == 8


def test_a_folder_alone_is_listed_without_what_lies_below_it(folder: Path) -> None:
    put(folder, "a.pdf", "below/b.pdf", "below/deeper/c.pdf", "below/d.txt", "pdf")
    assert names(folder, deep=False) == ["a.pdf"]
    assert names(folder, "below") == ["below/b.pdf", "below/deeper/c.pdf"]
    assert names(folder, "below", deep=False) == ["below/b.pdf"]
    assert names(folder, str(folder)) == ["a.pdf", "below/b.pdf", "below/deeper/c.pdf"]


@pytest.mark.skipif(sys.platform == "win32", reason="links need a right there")
def test_links_and_what_lies_behind_them_are_left_out_and_hidden_files_are_not_even_named(folder: Path) -> None:
    put(folder.parent, "secret/inside.pdf")
    put(folder, "bell\a/c.pdf", "bell\a.pdf")
    put(folder, "a.pdf", ".hidden.pdf", ".hidden/b.pdf", "space at its end .pdf ", "two.pdf")
    (folder / "out").symlink_to(folder.parent / "secret")
    (folder / "inside.pdf").symlink_to(folder.parent / "secret" / "inside.pdf")
    (folder / "loop").symlink_to(folder)
    os.link(folder / "two.pdf", folder / "second.pdf")
    os.mkfifo(folder / "waits.pdf")
    found = list_files(None, [folder], deep=True)
    assert [one.place.name for one in found.files] == ["a.pdf"]
    assert dict(found.left_out) == {
        "inside.pdf": "is a link", "bell\a.pdf": "holds control characters", "two.pdf": listing.MANY_LINKS, "second.pdf": listing.MANY_LINKS,
    }  # fmt: skip
    for behind in ("out", "loop", ".hidden"):
        with pytest.raises(RefusedFile):
            list_files(behind, [folder], deep=True)


@pytest.mark.skipif(sys.platform != "linux", reason="names are text there")
def test_a_name_that_is_not_in_utf_8_is_left_out_as_that_and_not_for_control_characters(folder: Path) -> None:
    put(folder, "a.pdf")
    Path(os.fsdecode(os.fsencode(folder) + b"/men\x81.pdf")).write_bytes(b"%PDF-1.7")
    found = list_files(None, [folder], deep=True)
    assert [one.place.name for one in found.files] == ["a.pdf"]
    assert [why for _, why in found.left_out] == [listing.NOT_DECODED]


def test_a_folder_that_is_not_there_gets_the_nearest_and_one_that_two_have_is_refused(folder: Path) -> None:
    put(folder, "branches/a.pdf")
    with pytest.raises(RefusedFile, match=r'The nearest there: ".*branches"'):
        list_files("branchs", [folder], deep=True)
    with pytest.raises(RefusedFile, match="Call list_documents without folder"):
        list_files("zzz", [folder], deep=True)
    put(folder.parent / "other", "branches/b.pdf")
    both = [folder, folder.parent / "other", folder.parent / "missing"]
    assert [one.place.name for one in list_files("branches", both, deep=True).files] == ["b.pdf", "a.pdf"]
    with pytest.raises(RefusedFile, match="more than one upload folder"):
        one_folder("branches", both)
    with pytest.raises(RefusedFile, match="switched off"):
        list_files(None, [], deep=True)


def test_an_upload_folder_is_meant_by_its_own_name_where_none_in_it_is_called_so(folder: Path) -> None:
    put(folder, "a.pdf")
    other = folder.parent / "other"
    put(other, "b.pdf")
    assert one_folder("uploads", [other, folder]).path == folder
    assert names(folder, "uploads") == names(folder, "Uploads") == ["a.pdf"]
    assert one_folder("uploads", [folder, folder.parent / "missing"]).path == folder
    with pytest.raises(RefusedFile, match="There is no folder"):
        list_files(str(folder / "uploads"), [folder], deep=True)
    put(other, "uploads/c.pdf")
    assert one_folder("uploads", [other, folder]).path == other / "uploads"
    put(folder.parent / "elsewhere", "uploads/d.pdf")
    with pytest.raises(RefusedFile, match="more than one upload folder"):
        one_folder("uploads", [folder, folder.parent / "elsewhere" / "uploads"])


def test_a_path_that_begins_with_an_upload_folders_own_name_leads_into_it(folder: Path) -> None:
    put(folder, "flyers/2026/a.pdf")
    other = folder.parent / "other"
    put(other, "b.pdf")
    for said in ("uploads/flyers/2026", "./Uploads/flyers/2026/"):
        assert one_folder(said, [other, folder]).path == folder / "flyers" / "2026"
    with pytest.raises(RefusedFile, match="holds the component"):
        one_folder("uploads/../other", [folder])
    put(folder, "uploads/flyers/2026/c.pdf")
    assert one_folder("uploads/flyers/2026", [other, folder]).path == folder / "uploads" / "flyers" / "2026"


@pytest.mark.skipif(sys.platform == "win32", reason="links need a right there")
def test_a_folder_that_is_a_link_or_a_file_is_not_said_to_be_missing(folder: Path) -> None:
    put(folder, "a.pdf", "flyers/b.pdf")
    (folder / "shortcut").symlink_to(folder / "flyers")
    for said in ("shortcut", "a.pdf"):
        with pytest.raises(RefusedFile, match=f'"{said}" in the folder .* lies behind a link or behind something'):
            list_files(said, [folder], deep=True)


def test_a_folder_that_is_refused_is_called_one(folder: Path) -> None:
    for said in (str(folder.parent), "~/nowhere", ".hidden", "con"):
        with pytest.raises(RefusedFile) as refused:
            list_files(said, [folder], deep=True)
        assert "file " not in str(refused.value).replace("files may be uploaded", "")


def test_an_upload_folder_that_cannot_be_looked_into_is_left_out_with_a_word_where_others_can(folder: Path) -> None:
    """As one on a disk that is not there just now: what is listed would be taken for everything."""
    put(folder, "a.pdf")
    gone = folder.parent / "gone"
    found = list_files(None, [folder, gone], deep=True)
    assert [one.place.name for one in found.files] == ["a.pdf"]
    assert found.left_out == ((str(gone), "cannot be read"),)
    with pytest.raises(RefusedFile, match=r'There is no folder "flyers" in .* "[^"]*gone" does not exist; several'):
        list_files("flyers", [folder, gone], deep=True)


def test_a_file_that_goes_away_while_a_folder_is_read_takes_none_of_the_others_with_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(folder, "a.pdf", "b.pdf", "saved for a moment.tmp")
    scandir = os.scandir

    @contextmanager
    def read_then_gone(place: Any) -> Iterator[Any]:
        with scandir(place) as entries:
            read = list(entries)
        (folder / "saved for a moment.tmp").unlink()
        yield iter(read)

    monkeypatch.setattr(os, "scandir", read_then_gone)
    found = list_files(None, [folder], deep=True)
    assert ([one.place.name for one in found.files], found.left_out, found.whole) == (["a.pdf", "b.pdf"], (), True)


def test_a_folder_without_end_ends(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(folder, *(f"{number}.pdf" for number in range(30)))
    (folder / "/".join(["d"] * 40)).mkdir(parents=True)
    assert list_files(None, [folder], deep=True).whole
    monkeypatch.setattr(listing, "MOST_NAMES", 20)
    found = list_files(None, [folder], deep=True)
    assert (len(found.files) <= 20, found.whole) == (True, False)
