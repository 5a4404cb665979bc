"""JSON schemas that every client understands: one flat object, optional means absent, nothing exotic.

The keywords are an allow-list, so a construct that some client chokes on is refused when the schema is made, not when
a user's whole tool list is lost. Pydantic's documented extension point.
"""

from typing import Any, cast

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, JsonSchemaValue
from pydantic_core import CoreSchema, core_schema
from typing_extensions import override

from flipsnack_mcp.api.action import JsonObject

NOISE = frozenset({"title", "format"})
PLAIN = frozenset({
    "type", "properties", "required", "items", "additionalProperties", "enum", "description", "default",
    "minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems", "pattern",
})  # fmt: skip
# Checked by the server all the same, and told in the error: not worth a model's attention before it errs.
UNSAID = frozenset({"maxLength"})
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
