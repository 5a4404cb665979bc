"""Each message that docs/troubleshooting.md explains is one that the program can say."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
MESSAGES = re.findall(r"^\| `([^`]+)` \|", PAGE, re.MULTILINE)
GAP = "…"
INSTALLS_THE_NAME = re.compile(r"(?:install|installing|uvx) ['\"]?flipsnack-mcp(?!==|…)", re.IGNORECASE)
SHORTEST = 15
"""Letters of a message, by which it can be told from others."""
FIELD = re.compile(r"\{[^{}]*\}")


@cache
def sayable() -> tuple[str, ...]:
    return tuple(texts())


def texts() -> Iterator[str]:
    """Every text in the program, with a gap where something is filled in."""
    for file in (ROOT / "flipsnack_mcp").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                yield "".join(str(one.value) if isinstance(one, ast.Constant) else GAP for one in node.values)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield FIELD.sub(GAP, node.value)


def is_sayable(message: str) -> bool:
    """Whether all of its words stand in one text, in their order."""
    words = [one.strip() for one in FIELD.sub(GAP, message).split(GAP) if one.strip()]
    wanted = re.compile(".*?".join(map(re.escape, words)), re.DOTALL)
    return any(wanted.search(text) for text in sayable())


def test_each_message_of_the_troubleshooting_is_one_that_is_said() -> None:
    assert [one for one in MESSAGES if not is_sayable(one) or len(one.replace(GAP, "")) < SHORTEST] == []


def test_a_message_that_nobody_says_is_noticed() -> None:
    assert len(MESSAGES) >= 25
    assert is_sayable("Flipsnack refused with code …")
    assert not is_sayable("Flipsnack refused, and the moon with code …")


def test_no_text_of_the_program_tells_to_install_a_name_that_may_be_anybodys() -> None:
    """Whether the name on the registry is ours is said in one place, and what is run by it is pinned."""
    assert [one for one in sayable() if INSTALLS_THE_NAME.search(one)] == []
