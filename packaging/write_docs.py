"""Writes what is known from the code into README.md, server.json and the schemas: `python packaging/write_docs.py`.

Tests compare them with what this would write, so that none can fall behind.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from flipsnack_mcp import __version__
from flipsnack_mcp.server.menu import menu
from flipsnack_mcp.server.prompts import PROMPTS, Prompt
from flipsnack_mcp.server.schema import WRITTEN
from flipsnack_mcp.server.tool import Tool, WorkflowCall
from flipsnack_mcp.settings import VARIABLES, Variable, read_settings

ROOT = Path(__file__).parents[1]
README, SERVER = ROOT / "README.md", ROOT / "server.json"
NAME = "io.github.flipsnack-mcp/flipsnack-mcp"


def readme(text: str) -> str:
    """The README with fresh tables."""
    tables = {"tools": tool_table(), "prompts": prompts_table(), "settings": settings_table()}
    for name, table in tables.items():
        text = between(text, name, table)
    return text


def between(text: str, name: str, table: str) -> str:
    pattern = re.compile(rf"(<!-- {name}: [^>]*-->\n).*?(<!-- end of {name} -->)", re.DOTALL)
    return pattern.sub(lambda found: f"{found[1]}{table}\n{found[2]}", text)


def all_tools() -> list[Tool]:
    return list(menu(read_settings({"FLIPSNACK_TOOLSETS": "default,legacy"})).values())


def schemas() -> str:
    """What every tool takes and answers: a line for each, so that a change shows where it is."""
    lines = (f"{json.dumps(tool.name)}: {json.dumps(tool.schemas(), ensure_ascii=False)}" for tool in all_tools())
    return "{\n" + ",\n".join(lines) + "\n}\n"


def tool_table() -> str:
    head = ["| tool | what it does | Flipsnack's action | effect |", "|---|---|---|---|"]
    return "\n".join(head + [tool_row(tool) for tool in all_tools()])


def tool_row(tool: Tool) -> str:
    action = tool.takes
    stands_on = action.over if issubclass(action, WorkflowCall) else action.api_name
    first = str(action.__doc__).split(". ")[0].rstrip(".")
    effect = (
        f"{action.effect.value}{', writes a file' if tool.writes_file else ''}{' (legacy)' if action.legacy else ''}"
    )
    return f"| `{tool.name}` | {first} | {stands_on} | {effect} |"


def prompts_table() -> str:
    head = ["| prompt | what it does | you give |", "|---|---|---|"]
    return "\n".join(head + [prompt_row(one) for one in PROMPTS])


def prompt_row(prompt: Prompt) -> str:
    given = ", ".join(f"`{one.name}`" if one.required else f"`{one.name}` (if you like)" for one in prompt.arguments)
    return f"| `{prompt.name}` | {prompt.description} | {given or 'nothing'} |"


def settings_table() -> str:
    head = ["| variable | meaning | default |", "|---|---|---|"]
    return "\n".join(head + [f"| `{one.name}` | {one.meaning} | {default(one)} |" for one in VARIABLES])


def default(variable: Variable) -> str:
    return variable.default if not variable.default or "`" in variable.default else f"`{variable.default}`"


def server_json() -> str:
    """What the official registry lists."""
    package = {
        "registryType": "pypi",
        "identifier": "flipsnack-mcp",
        "version": __version__,
        "runtimeHint": "uvx",
        "transport": {"type": "stdio"},
        "environmentVariables": [registered(one) for one in VARIABLES],
    }
    listed = {
        "$schema": "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json",
        "name": NAME,
        "title": "Flipsnack",
        "description": "Find, publish, measure, export and remove Flipsnack flipbooks; deletions need your yes.",
        "version": __version__,
        "repository": {"url": "https://github.com/flipsnack-mcp/flipsnack-mcp", "source": "github"},
        "packages": [package],
    }
    return json.dumps(listed, indent=2, ensure_ascii=False) + "\n"


def registered(variable: Variable) -> dict[str, object]:
    """One setting as the registry describes it. None is required: the sandbox needs no key."""
    plain = variable.meaning.replace("`", "")
    entry: dict[str, object] = {"name": variable.name, "description": f"{plain[:1].upper()}{plain[1:]}."}
    if variable.secret or "_FILE" in variable.name:
        return entry | {"isSecret": True}
    if variable.flag:
        return entry | {"format": "boolean", "default": "false", "choices": ["true", "false"]}
    literal = variable.default and "`" not in variable.default
    return entry | ({"default": variable.default} if literal else {})


if __name__ == "__main__":
    README.write_text(readme(README.read_text(encoding="utf-8")), encoding="utf-8")
    SERVER.write_text(server_json(), encoding="utf-8")
    WRITTEN.write_text(schemas(), encoding="utf-8")
