"""A configuration that is damaged, foreign or not to be changed with certainty is left as it is, and that is said."""

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flipsnack_mcp.commands.setup import client_file
from tests.commands.setup.at_home import Home

CASES: list[dict[str, Any]] = json.loads((Path(__file__).with_name("left_alone.json")).read_text(encoding="utf-8"))


def content_of(case: dict[str, Any]) -> bytes:
    text = re.sub(r"⟦(.)\*(\d+)⟧", lambda found: found[1] * int(found[2]), case.get("text", ""))
    return bytes.fromhex(case["hex"]) if "hex" in case else text.encode()


def test_there_are_thirty_of_them() -> None:
    assert len(CASES) >= 30
    assert len({one["name"] for one in CASES}) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_a_damaged_or_foreign_configuration_is_left_as_it_is(home: Home, case: dict[str, Any]) -> None:
    home.write(case["client"], content_of(case))
    before = home.everything

    done, taken_out = (
        home.run("setup", case["client"], "--yes", "--sandbox"),
        home.run("setup", case["client"], "--remove", "--yes"),
    )

    assert home.everything == before
    assert done.status == 1
    assert case["said"] in done.out
    assert re.search(r"as it is: (set it right|rename it)", done.out)
    assert "as it is" in taken_out.out or "does not have this server" in taken_out.out


def a_folder(path: Path) -> None:
    path.mkdir(parents=True)


def a_pipe(path: Path) -> None:
    path.parent.mkdir(parents=True)
    os.mkfifo(path)


def with_a_second_name(path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.write_text("{}")
    os.link(path, path.with_name("other"))


def that_may_only_be_read(path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.write_text("{}")
    path.chmod(0o444)


def a_link_to_itself(path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.symlink_to(path)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (a_folder, "is no file"),
        (a_pipe, "is no file"),
        (with_a_second_name, "has a second name"),
        (that_may_only_be_read, "may only be read"),
        (a_link_to_itself, "cannot be read"),
    ],
)
def test_what_is_no_file_of_its_own_is_left_as_it_is(home: Home, make: Callable[[Path], None], said: str) -> None:
    make(home.file("cursor"))
    before = home.everything

    done = home.run("setup", "cursor", "--yes", "--sandbox")

    assert (done.status, home.everything) == (1, before)
    assert said in done.out
    assert "It was left as it is: set it right, then run this again." in done.out


def test_what_is_too_large_for_a_configuration_is_not_read(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_file, "LARGEST", 10)
    home.write("cursor", b'{"mcpServers": {}}')
    assert "is too large" in home.run("setup", "cursor", "--yes", "--sandbox").out


def test_a_file_that_changes_meanwhile_is_left_as_the_other_program_wrote_it(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = home.write("cursor", b"{}")
    looked = client_file.why_unsuitable
    looks = list[int]()

    def meanwhile(seen: os.stat_result) -> str:
        looks.append(1)
        if len(looks) > 1:
            path.write_bytes(b'{"by": "another"}')
        return looked(seen)

    monkeypatch.setattr(client_file, "why_unsuitable", meanwhile)
    done = home.run("setup", "cursor", "--yes", "--sandbox")

    assert done.status == 1
    assert "changed by another program meanwhile" in done.out
    assert path.read_bytes() == b'{"by": "another"}'
    assert home.everything.keys() == {".cursor/mcp.json"}


def test_several_packages_of_one_client_are_named_and_none_is_chosen(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    packages = home.folder / "Packages"
    for name in ("Claude_one", "Claude_two"):
        (packages / name / "LocalCache" / "Roaming" / "Claude").mkdir(parents=True)
    monkeypatch.setattr("sys.platform", "win32")

    done = home.run("setup", "claude-desktop", "--yes", "--sandbox", LOCALAPPDATA=str(home.folder))

    assert done.status == 1
    assert "Claude_one" in done.out
    assert "Claude_two" in done.out
