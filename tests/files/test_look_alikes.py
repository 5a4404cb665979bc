"""A name that is not there: what looks like it in the same folder is named, so that giving that opens it."""

import json
import os
import re
from dataclasses import replace
from pathlib import Path

import pytest

from flipsnack_mcp import systems
from flipsnack_mcp.files.documents import open_document
from flipsnack_mcp.files.refusal import RefusedFile
from tests.files.ground import PDF, Ground

WORDS = json.loads(Path(__file__).with_name("look_alikes.json").read_text("utf-8"))


def put(ground: Ground, name: str) -> bytes:
    path = ground.allowed / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content := PDF + name.encode())
    return content


async def read(ground: Ground, path: str) -> bytes:
    async with open_document(path, [ground.allowed]) as document:
        return b"".join([piece async for piece in document.pieces()])


async def refusal(ground: Ground, path: str) -> RefusedFile:
    with pytest.raises(RefusedFile) as refused:
        await read(ground, path)
    assert str(refused.value).isprintable()
    assert "does not exist" in refused.value.happened
    return refused.value


def proposed(refused: RefusedFile) -> list[str]:
    return re.findall('"(.+?)"(?=[,. ]|$)', refused.next_step)


@pytest.mark.parametrize("spelled", ["{}", "{allowed}/{}"], ids=["plain", "whole"])
@pytest.mark.parametrize(("disk", "asked"), WORDS["equal"].values(), ids=WORDS["equal"])
async def test_look_alike_is_named_so_that_it_opens(ground: Ground, disk: str, asked: str, spelled: str) -> None:
    content = put(ground, disk)
    refused = await refusal(ground, spelled.replace("{allowed}", str(ground.allowed)).replace("{}", asked))
    assert "only look" in refused.next_step
    names = proposed(refused)
    assert len(names) == 1
    # A model gives back what it was shown, in the form of its own keyboard.
    assert names[0].isascii() or names[0].isprintable()
    assert await read(ground, names[0]) == content


@pytest.mark.parametrize(("disk", "asked"), WORDS["near"].values(), ids=WORDS["near"])
async def test_nearest_name_is_named(ground: Ground, disk: str, asked: str) -> None:
    content = put(ground, disk)
    refused = await refusal(ground, asked)
    assert "only look" not in refused.next_step
    assert [await read(ground, name) for name in proposed(refused)] == [content]


@pytest.mark.parametrize(("disk", "asked"), WORDS["nothing"].values(), ids=WORDS["nothing"])
async def test_what_may_not_be_uploaded_or_is_not_alike_is_not_named(ground: Ground, disk: str, asked: str) -> None:
    put(ground, disk)
    with pytest.raises(RefusedFile) as refused:
        await read(ground, asked)
    assert disk not in str(refused.value).replace(f'"{asked}"', "")


async def test_exact_name_comes_first_whatever_looks_like_it(ground: Ground) -> None:
    for name in ("Fru\u0308hling.pdf", "Fr\u00fchling.pdf", "FR\u00dcHLING.pdf"):
        content = put(ground, name)
        assert await read(ground, name) == content
    names = proposed(await refusal(ground, "fr\u00fchling.pdf"))
    assert len({await read(ground, name) for name in names}) == 3


async def test_look_alikes_come_before_near_names_and_there_are_five_at_most(ground: Ground) -> None:
    for number in range(30):
        put(ground, f"offers-{number}.pdf")
    put(ground, "OFFERS.pdf")
    names = proposed(await refusal(ground, "offers.pdf"))
    assert [Path(name).name for name in names] == ["OFFERS.pdf"]
    (ground.allowed / "OFFERS.pdf").unlink()
    assert 1 <= len(proposed(await refusal(ground, "offers.pdf"))) <= 5


async def test_where_nothing_is_like_a_name_it_is_said_what_shows_what_there_is(ground: Ground) -> None:
    refused = await refusal(ground, "xqz.pdf")
    assert (proposed(refused), "list_documents shows which PDFs are there" in refused.next_step) == ([], True)


async def test_name_that_only_another_folder_has_is_named_with_that_folder(ground: Ground) -> None:
    for folder in ("branches", "other"):
        (ground.allowed / folder).mkdir()
    content = put(ground, "branches/York.pdf")
    for asked in ("York.pdf", "york.pdf", "other/York.pdf", "gone/York.pdf", f"{ground.allowed}/York.pdf", "Yrk.pdf"):
        refused = await refusal(ground, asked)
        assert [await read(ground, name) for name in proposed(refused)] == [content]
        assert "Ask the person" not in refused.next_step, "there is but one"
    put(ground, "other/York.pdf")
    refused = await refusal(ground, "York.pdf")
    assert len(proposed(refused)) == 2
    assert "Ask the person which is meant." in refused.next_step
    put(ground, "YORK.pdf")
    assert proposed(await refusal(ground, "York.pdf")) == [str(ground.allowed / "YORK.pdf")], (
        "its own folder comes first"
    )


async def test_no_other_folder_is_looked_into_behind_a_link_or_outside(ground: Ground) -> None:
    (ground.allowed / "deep").mkdir()
    (ground.allowed / "deep" / "sub").symlink_to(ground.outside)
    (ground.allowed / "deep" / ".hidden").mkdir()
    put(ground, "deep/.hidden/Secret.pdf")
    assert not proposed(await refusal(ground, ground.secret.name))


async def test_nothing_is_named_from_behind_a_link_or_outside(ground: Ground) -> None:
    (ground.allowed / "sub").symlink_to(ground.outside)
    (ground.allowed / "Secret.pdf").symlink_to(ground.secret)
    os.mkfifo(ground.allowed / "SECRET.pdf")
    for path in ("sub/Secret.pdf", "secret.pdf", f"{ground.outside}/Secret.pdf", f"{ground.allowed}-evil/SECRET.pdf"):
        with pytest.raises(RefusedFile) as refused:
            await read(ground, path)
        assert "secret" not in refused.value.next_step.casefold()
        assert str(refused.value).casefold().count("secret.pdf") == 1, "only what was asked for"


async def test_folder_with_very_many_names_is_no_reason_to_wait(ground: Ground) -> None:
    for number in range(1000):
        (ground.allowed / f"offers and more offers {number:04}.pdf").touch()
    put(ground, "Catalogue.pdf")
    assert proposed(await refusal(ground, "catalogue.pdf")) == [str(ground.allowed / "Catalogue.pdf")]


async def test_names_are_looked_through_without_dir_fd_too(ground: Ground) -> None:
    ground.patch.setattr(systems, "HERE", replace(systems.HERE, opens_below_folders=False))
    content = put(ground, "Offers.pdf")
    assert await read(ground, proposed(await refusal(ground, "offers.pdf"))[0]) == content
    (ground.allowed / "sub").symlink_to(ground.outside)
    with pytest.raises(RefusedFile) as refused:
        await read(ground, "sub/Secret.pdf")
    assert "secret.pdf" not in str(refused.value)
