"""The README and the pages in docs: their links lead somewhere, their blocks can be read, and Windows is not left out."""

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from flipsnack_mcp.settings import VARIABLES

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCS = {one.name: one.read_text(encoding="utf-8") for one in sorted((ROOT / "docs").glob("*.md"))}
OF_THE_PROJECT = ("CONTRIBUTING.md", "ARCHITECTURE.md", "SECURITY.md")
ON_LINUX = {"team.md", "operating.md", "evaluations.md"}
"""Where a team's server stands, and where assistants are judged."""
FOR_EVERY_SYSTEM = {"README.md": README, **{name: text for name, text in DOCS.items() if name not in ON_LINUX}}
COMMANDS = re.compile(r"^```sh\n(.*?)^```\n(?:\n```powershell\n(.*?)^```)?", re.MULTILINE | re.DOTALL)
OF_ONE_SYSTEM = re.compile(r"`[^`\n]*(?:\.venv/|python3 )")
OF_WINDOWS = re.compile(r"\.venv\\|`py ")


def without_blocks(text: str) -> str:
    return re.sub(r"```.*?```", "", text, flags=re.DOTALL)


def without_code(text: str) -> str:
    return re.sub(r"`[^`]*`", "", without_blocks(text))


def blocks(text: str, kind: str) -> list[str]:
    return re.findall(rf"^ *```{kind}\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL)


def for_windows(command: str) -> str:
    """The same in PowerShell, where each line is a command."""
    lines = command.replace(" && ", "\n").replace("python3 ", "py ")
    return re.sub(r"\.venv/bin/(\S+)", r".venv\\Scripts\\\1", lines)


@pytest.mark.parametrize("name", FOR_EVERY_SYSTEM)
def test_beside_each_command_stands_the_one_for_windows(name: str) -> None:
    found = COMMANDS.findall(FOR_EVERY_SYSTEM[name].replace("On Windows, in PowerShell:\n\n", ""))
    differs = [(posix, windows) for posix, windows in found if for_windows(posix) != posix]
    assert [windows for _, windows in differs] == [for_windows(posix) for posix, _ in differs]


def test_where_a_sentence_names_a_command_of_one_system_it_names_that_of_windows_too() -> None:
    paragraphs = [one for text in FOR_EVERY_SYSTEM.values() for one in without_blocks(text).split("\n\n")]
    named = [one for one in paragraphs if OF_ONE_SYSTEM.search(one)]
    assert [one for one in named if not OF_WINDOWS.search(one)] == []


def test_every_link_of_the_readme_works_on_a_package_page_and_leads_to_a_file() -> None:
    """That page knows no folder, so links are whole; where the project lives is said in one place."""
    home = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["urls"]["Homepage"]
    pictures = home.replace("//github.com/", "//raw.githubusercontent.com/")
    named = dict(re.findall(r"^\[([^\]]+)\]: (\S+)$", README, re.MULTILINE))
    asked = {
        two or one for one, two in re.findall(r"!?\[([^\]\n]+)\](?:\[([^\]\n]+)\])?(?![\[(:])", without_code(README))
    }
    assert asked == named.keys()
    addresses = [*named.values(), *re.findall(r"\]\(([^)]+)\)", without_code(README))]
    files = [re.fullmatch(rf"{home}/(?:blob|tree)/main/(.+)|{pictures}/main/(.+)", one) for one in addresses]
    assert all(found and (ROOT / (found[1] or found[2])).exists() for found in files)


def test_the_readme_leads_to_every_page_and_picture() -> None:
    files = {one.name for one in (ROOT / "docs").iterdir()}
    assert {name for name in files if f"/docs/{name}" not in README} == set()


@pytest.mark.parametrize("page", [*OF_THE_PROJECT, *(f"docs/{name}" for name in DOCS)])
def test_every_link_of_a_page_leads_to_a_file_and_its_heading(page: str) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)]+)\)", without_code((ROOT / page).read_text(encoding="utf-8"))):
        path, _, heading = target.partition("#")
        file = (ROOT / page).parent / path if path else ROOT / page
        assert file.exists(), target
        assert not heading or heading in headings(file.read_text(encoding="utf-8")), target


def headings(text: str) -> Iterator[str]:
    """As GitHub calls them in a link."""
    for title in re.findall(r"^#+ (.+)$", text, re.MULTILINE):
        yield re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def test_the_pictures_are_small() -> None:
    sizes = {one.name: one.stat().st_size for one in (ROOT / "docs").glob("*.png")}
    assert sizes.keys() == {"collections.png", "report.png"}
    assert all(20_000 < size < 200_000 for size in sizes.values())


@pytest.mark.parametrize("name", DOCS)
def test_every_configuration_in_the_documents_can_be_read_and_names_settings_that_are_there(name: str) -> None:
    tables = [json.loads(block) for block in blocks(DOCS[name], "json")]
    tables += [tomllib.loads(block) for block in blocks(DOCS[name], "toml")]
    named = set(re.findall(r"FLIPSNACK_[A-Z_]*[A-Z]", json.dumps(tables)))
    assert named <= {one.name for one in VARIABLES} | {"FLIPSNACK_TOKEN"}  # a person's own name for a token of theirs


def test_no_page_tells_to_install_a_name_that_may_be_anybodys() -> None:
    pages = {"README.md": README, **DOCS}
    assert [
        name for name, text in pages.items() if re.search(r"install [\"'`]?flipsnack-mcp", text, re.IGNORECASE)
    ] == []
