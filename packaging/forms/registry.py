"""`server.json`: what the official registry lists."""

from __future__ import annotations

from flipsnack_mcp.settings import OF_A_TEAM, VARIABLES, Variable
from forms.fields import sentence
from forms.project import HOME, LISTED_AS, NAME, SUMMARY, TITLE, VERSION

SCHEMA = "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json"


def server_json() -> dict[str, object]:
    """The package that it lists is started on stdio, so what counts over HTTP alone is not asked for."""
    package = {
        "registryType": "pypi",
        "identifier": NAME,
        "version": VERSION,
        "runtimeHint": "uvx",
        "transport": {"type": "stdio"},
        "environmentVariables": [registered(one) for one in VARIABLES if one.name not in OF_A_TEAM],
    }
    return {
        "$schema": SCHEMA,
        "name": LISTED_AS,
        "title": TITLE,
        "description": SUMMARY,
        "version": VERSION,
        "repository": {"url": HOME, "source": "github"},
        "websiteUrl": HOME,
        "packages": [package],
    }


def registered(variable: Variable) -> dict[str, object]:
    """One setting. None is required: the sandbox needs no key. Files with a secret are marked as one, as the registry wants."""
    listed: dict[str, object] = {
        "name": variable.name,
        "description": sentence(variable.meaning),
        "format": variable.kind,
    }
    if variable.secret or variable.name.endswith("_FILE"):
        return listed | {"isSecret": True}
    choices = {"choices": list(variable.choices)} if variable.choices else {}
    return listed | stated_default(variable) | choices


def stated_default(variable: Variable) -> dict[str, str]:
    """Its default where that is a value, or the words for one that depends on the computer."""
    if variable.flag:
        return {"default": "false"}
    if variable.in_words:
        return {"placeholder": variable.default.replace("`", "")}
    return {"default": variable.default} if variable.default else {}
