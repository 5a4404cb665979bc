"""What is written about the project agrees with the code."""

import ast
import re
import runpy
import sys
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from flipsnack_mcp.settings import Settings
from flipsnack_mcp.workflows.history import HISTORY_KEPT

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_tables_lists_of_pages_and_the_menu_are_what_the_code_would_write() -> None:
    generated = runpy.run_path(str(ROOT / "packaging" / "write_docs.py"))
    told = "run python packaging/write_docs.py"
    pages = {one: one.read_text(encoding="utf-8") for one in generated["PAGES"]}
    assert {one: generated["page"](text) for one, text in pages.items()} == pages, told
    assert generated["toolsets"].MENU_FILE.read_text(encoding="utf-8") == generated["menu_json"](), told


def test_readme_has_the_commands_that_do_all_the_set_up() -> None:
    lines = README.splitlines()
    assert "python3 -m venv .venv && .venv/bin/pip install . && .venv/bin/flipsnack-mcp demo" in lines
    assert "python3 -m venv --upgrade-deps .venv && .venv/bin/pip install -e '.[test]' && .venv/bin/pytest" in lines


def test_the_documents_say_how_long_the_history_is_kept_and_how_much_may_be_deleted() -> None:
    days, allowed = f"{HISTORY_KEPT / 86_400:.0f} days", Settings()
    assert f"for {days}" in README
    assert f"after {days}" in (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    limits = f"{allowed.max_deletes_per_hour} deletions an hour and {allowed.max_deletes_per_day} a day"
    assert limits in " ".join(README.split())


@cache
def tree_of(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


ROOM = re.compile(r"^\| `([a-z/]+)` \| [^|]+ \|([^|]*)\|$", re.MULTILINE)
PACKAGE = ROOT / "flipsnack_mcp"


@cache
def rooms_of_the_architecture() -> dict[str, set[str]]:
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    table = text.partition("## Rooms")[2].partition("## The path")[0]
    return {room: set(re.findall(r"`([A-Za-z0-9_]+)`", names)) for room, names in ROOM.findall(table)}


def room_of(file: Path) -> str:
    """Its folder, or the folder above where only that has a line in the table; a module beside the rooms is one itself."""
    inside = file.relative_to(PACKAGE).with_suffix("").parts
    rooms = rooms_of_the_architecture()
    return next((name for name in ("/".join(inside[:2]), inside[0]) if name in rooms), "")


def imported_by(node: ast.ImportFrom | ast.Import) -> list[str]:
    """The modules it names; those beside the rooms are imported from the package itself."""
    names = [one.name for one in node.names if one.name != "__version__"]
    if isinstance(node, ast.ImportFrom):
        return [f"flipsnack_mcp.{one}" for one in names] if node.module == "flipsnack_mcp" else [str(node.module)]
    return names


def statements_in(node: ast.AST) -> Iterator[ast.AST]:
    """All statements, however deep: what they are made of imports nothing."""
    for field in ("body", "orelse", "finalbody", "handlers", "cases"):
        for one in getattr(node, field, ()):
            yield one
            yield from statements_in(one)


def imports_of_the_rooms() -> dict[str, set[str]]:
    found = defaultdict[str, set[str]](set)
    for file in PACKAGE.rglob("*.py"):
        modules = [
            name
            for node in statements_in(tree_of(file))
            if isinstance(node, ast.ImportFrom | ast.Import)
            for name in imported_by(node)
        ]
        for first, *rest in (str(module).split(".") for module in modules):
            ours = first == "flipsnack_mcp"
            if first not in {*sys.stdlib_module_names, "typing_extensions"} and (rest or not ours):
                found[room_of(file)].add(rest[0] if ours else {"httpcore2": "httpx2"}.get(first, first))
    return found


def test_each_room_imports_just_what_its_line_in_the_architecture_says() -> None:
    found = imports_of_the_rooms()
    del found[""]  # the command line and the version
    assert {room: names - {room.partition("/")[0]} for room, names in found.items()} == {
        room: names - {room.partition("/")[0]} for room, names in rooms_of_the_architecture().items() if room in found
    }


def test_the_rooms_of_the_architecture_stand_in_the_order_of_the_contract() -> None:
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    layers = tools["importlinter"]["contracts"][0]["layers"]
    floors = [re.findall(r"flipsnack_mcp\.(\w+)", layer) for layer in layers]
    rooms = rooms_of_the_architecture()
    for height, floor in enumerate(floors):
        above = {room for higher in floors[:height] for room in higher} | set(floor)
        for room in floor:
            assert not rooms[room] & (above - {room}), f"{room} imports from above or beside it"
    beside = {"sandbox", "settings"}
    assert {room.partition("/")[0] for room in rooms} == {room for floor in floors for room in floor} | beside


def test_a_name_means_one_thing_in_the_whole_house() -> None:
    rooms = defaultdict[str, set[str]](set)
    for file in PACKAGE.rglob("*.py"):
        if (room := room_of(file).partition("/")[0]) != "sandbox":
            for name in names_defined_in(tree_of(file)):
                rooms[name].add(room)
    assert {name: found for name, found in rooms.items() if len(found) > 1}.keys() <= {"log", "main", "T", "__all__"}


def test_a_function_or_class_has_a_name_that_no_other_module_has() -> None:
    files = [file for file in PACKAGE.rglob("*.py") if room_of(file).partition("/")[0] != "sandbox"]
    named = Counter(one for file in files for one in made_in(tree_of(file)))
    assert {name for name, count in named.items() if count > 1 and not name.startswith("_")} <= {"main"}


def test_a_constant_of_the_lower_rooms_has_a_name_that_no_other_module_there_has() -> None:
    """Who reads it somewhere need not ask whose it is, and nobody who imports two has to rename one."""
    lower = [file for room in ("api", "files", "store", "workflows") for file in (PACKAGE / room).rglob("*.py")]
    named = Counter(one for file in lower for one in names_defined_in(tree_of(file)))
    assert {name for name, count in named.items() if count > 1 and not name.startswith("_")} <= {"log", "T"}


def made_in(module: ast.Module) -> set[str]:
    """The functions and classes of a module."""
    return {one.name for one in module.body if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)}


def names_defined_in(module: ast.Module) -> set[str]:
    assigned = {one for one in module.body if isinstance(one, ast.Assign | ast.AnnAssign)}
    targets = [target for one in assigned for target in (one.targets if isinstance(one, ast.Assign) else [one.target])]
    return made_in(module) | {name.id for one in targets for name in ast.walk(one) if isinstance(name, ast.Name)}
