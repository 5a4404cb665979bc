"""Writes what is known from the code: tables and lists in the documents, the menu, the first answers and every form: `python packaging/write_docs.py`.

Tests compare them with what this would write, so that none can fall behind.
"""

from __future__ import annotations

import json
import runpy
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any, cast

from mcp import types
from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, JsonSchemaValue
from pydantic_core import CoreSchema, core_schema
from typing_extensions import override

from flipsnack_mcp.api.action import Effect, JsonObject
from flipsnack_mcp.server import toolsets
from flipsnack_mcp.server.prompts import Prompt, prompts
from flipsnack_mcp.server.tools.arguments import ToolInput
from flipsnack_mcp.server.tools.table import TOOLS
from flipsnack_mcp.server.tools.tool import Tool
from flipsnack_mcp.server.views.declaring import OF_A_TOOL
from flipsnack_mcp.settings import OF_A_TEAM, VARIABLES, Variable
from forms.project import document
from forms.written import filled_in, write_all

ROOT = Path(__file__).parents[1]
PAGES = tuple(ROOT / name for name in ("README.md", "docs/settings.md", "docs/tools.md"))
"""Those with tables and lists."""
FIRST = (
    "setup",
    "install",
    "behaviour",
    "tools",
    "settings",
    "team",
    "leads",
    "operating",
    "troubleshooting",
    "doctor",
)
"""The pages that most people want, in that order; the others follow."""


def page(text: str) -> str:
    """A page with fresh tables and lists."""
    own = [one for one in VARIABLES if one.name not in OF_A_TEAM]
    team = [one for one in VARIABLES if one.name in OF_A_TEAM]
    settings = {"settings": settings_table(own), "settings of a team": settings_table(team)}
    return filled_in(text, {"tools": tool_table(), "prompts": prompts_table(), "pages": pages_list(), **settings})


def pages_list() -> str:
    """Every page, by its first heading; the links are whole, for package pages know no folder."""
    found = {one.stem: one for one in sorted((ROOT / "docs").glob("*.md"))}
    ordered = [*(name for name in FIRST if name in found), *(name for name in found if name not in FIRST)]
    heads = {name: found[name].read_text(encoding="utf-8").splitlines()[0].removeprefix("# ") for name in ordered}
    return "\n".join(f"- [{head}]({document(f'docs/{name}.md')})" for name, head in heads.items())


def menu_json() -> str:
    """Every tool as it is listed, and what decides whether it is: a line for each, so that a change shows where it is."""
    return "[\n" + ",\n".join(json.dumps(entry(tool), ensure_ascii=False) for tool in TOOLS.values()) + "\n]\n"


def entry(tool: Tool[Any]) -> dict[str, Any]:
    described = descriptor(tool).model_dump(mode="json", by_alias=True, exclude_none=True)
    toolset, needs = toolset_of(tool), tool.only_with or tool.input.effect
    acts = {"acts": True} if tool.only_with is Effect.READS else {}
    listed = {"toolset": toolset, "needs": needs.value, "right": tool.right.value, **acts, "tool": described}
    return listed | ({"over_accounts": answer_schema(tool.over_accounts)} if tool.over_accounts else {})


def toolset_of(tool: Tool[Any]) -> str:
    if tool.of_leads:
        return toolsets.LEADS_TOOLSET
    return "legacy" if tool.input.legacy else "default"


def descriptor(tool: Tool[Any]) -> types.Tool:
    """The tool as MCP lists it, all four hints set."""
    given = tool.input
    return types.Tool(
        name=given.tool_name,
        title=given.tool_title,
        description=given.__doc__,
        input_schema=portable(given),
        output_schema=answer_schema(tool.output),
        annotations=types.ToolAnnotations(
            read_only_hint=given.effect is Effect.READS and not tool.writes_file,
            destructive_hint=given.effect is Effect.DESTROYS or given.overwrites,
            idempotent_hint=given.idempotent and not tool.writes_file,
            open_world_hint=tool.open_world,
        ),
        _meta=OF_A_TOOL if tool.has_view else None,
    )


# JSON schemas that every client understands: one flat object, optional means absent, nothing exotic. The keywords are an
# allow-list, so a construct that some client chokes on is refused when the schema is made, not when a user's whole tool
# list is lost. Pydantic's documented extension point.
NOISE = frozenset({"title", "format"})
PLAIN = frozenset({
    "type", "properties", "required", "items", "additionalProperties", "enum", "description", "default",
    "minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems", "pattern",
})  # fmt: skip
# Checked by the server all the same, and told in the error: not worth a model's attention before it errs.
UNSAID = frozenset({"maxLength"})
NOT_OF_ROWS = frozenset({"default", "description"})
OBVIOUS = frozenset({("minimum", "0"), ("minimum", "1"), ("maximum", "10000")})


class PortableSchema(GenerateJsonSchema):
    """Optional means absent; definitions are written out where they are used; anything else is refused."""

    @override
    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    @override
    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        flat = super().default_schema(schema)
        default = flat.get("default", ...)
        if default is None or default is False or default in ([], {}):
            del flat["default"]
        return flat

    @override
    def literal_schema(self, schema: core_schema.LiteralSchema) -> JsonSchemaValue:
        flat = super().literal_schema(schema)
        if "const" in flat:
            flat["enum"] = [flat.pop("const")]
        return flat

    @override
    def generate(self, schema: CoreSchema, mode: JsonSchemaMode = "validation") -> JsonSchemaValue:
        full = super().generate(schema, mode)
        flat = written_out(full, full.pop("$defs", {}))
        flat.pop("description", None)  # the docstring of the class: the tool's description has it already
        return {"type": "object", "properties": {}, **flat}


def written_out(node: JsonObject, definitions: JsonObject) -> JsonObject:
    """A schema node without references and noise. Raises TypeError for what is not portable."""
    if reference := node.get("$ref"):
        own = {key: node[key] for key in node if key != "$ref"}
        node = {**definitions[reference.removeprefix("#/$defs/")], **own}
    flat: JsonObject = {}
    for key, value in node.items():
        match key, value:
            case "properties", dict():  # its keys are names, so a field called `title` survives
                members = cast("dict[str, JsonObject]", value)
                flat[key] = {name: written_out(member, definitions) for name, member in members.items()}
            case "items" | "additionalProperties", dict():
                flat[key] = written_out(cast("JsonObject", value), definitions)
            case "additionalProperties", bool():
                pass  # boolean sub-schemas break clients
            case _ if key in UNSAID or key in NOISE or (key, str(value)) in OBVIOUS:
                pass
            case _ if key in PLAIN:
                flat[key] = value
            case _:
                raise TypeError(f"not portable: {key!r}")
    return flat


def portable(model: type[BaseModel]) -> dict[str, Any]:
    """The schema of a model. Always as input: an answer's schema in output mode would require every default."""
    return model.model_json_schema(schema_generator=PortableSchema)


def answer_schema(model: type[BaseModel]) -> dict[str, Any]:
    """The schema of an answer, in which only its own fields are described: what rows hold, their names say in every list."""
    flat = portable(model)
    return {**flat, "properties": {name: told_of_an_answer(one) for name, one in flat["properties"].items()}}


def told_of_an_answer(node: JsonObject, unsaid: Collection[str] = ("default",)) -> JsonObject:
    """A node of its schema. What is below it has names and types alone; nobody fills in what an answer leaves out."""
    flat: JsonObject = {}
    for key, value in node.items():
        match key, value:
            case "properties", dict():
                members = cast("dict[str, JsonObject]", value)
                flat[key] = {name: told_of_an_answer(one, NOT_OF_ROWS) for name, one in members.items()}
            case _, dict():
                flat[key] = told_of_an_answer(cast("JsonObject", value), NOT_OF_ROWS)
            case _ if key not in unsaid:
                flat[key] = value
            case _:
                pass
    return flat


def tool_table() -> str:
    head = ["| tool | what it does | Flipsnack's action | effect |", "|---|---|---|---|"]
    return "\n".join(head + [tool_row(tool) for tool in TOOLS.values()])


def tool_row(tool: Tool[Any]) -> str:
    action = tool.input
    stands_on = action.over if issubclass(action, ToolInput) else action.api_name
    first = str(action.__doc__).split(". ")[0].rstrip(".")
    effect = (
        f"{action.effect.value}{', writes a file' if tool.writes_file else ''}{' (legacy)' if action.legacy else ''}"
        f"{' (over HTTP, with `FLIPSNACK_LEADS`)' if tool.of_leads else ''}"
    )
    return f"| `{tool.name}` | {first} | {stands_on} | {effect} |"


def prompts_table() -> str:
    head = ["| prompt | what it does | you give |", "|---|---|---|"]
    return "\n".join(head + [prompt_row(one) for one in prompts()])


def prompt_row(prompt: Prompt) -> str:
    given = ", ".join(f"`{one.name}`" if one.required else f"`{one.name}` (if you like)" for one in prompt.arguments)
    return f"| `{prompt.name}` | {prompt.description} | {given or 'nothing'} |"


def settings_table(variables: Iterable[Variable]) -> str:
    head = ["| variable | meaning | default |", "|---|---|---|"]
    return "\n".join(head + [f"| `{one.name}` | {one.meaning} | {default(one)} |" for one in variables])


def default(variable: Variable) -> str:
    return variable.default if variable.in_words or not variable.default else f"`{variable.default}`"


if __name__ == "__main__":
    for each in PAGES:
        each.write_text(page(each.read_text(encoding="utf-8")), encoding="utf-8")
    toolsets.MENU_FILE.write_text(menu_json(), encoding="utf-8")
    write_all()
    runpy.run_path(str(ROOT / "packaging" / "record_answers.py"), run_name="__main__")  # of the menu as it is now
    runpy.run_path(str(ROOT / "evaluations" / "results.py"), run_name="__main__")  # says what is stale by now
