"""The settings that a form asks a person for, in its words: texts, kinds and choices are those of the settings."""

from __future__ import annotations

from collections.abc import Iterable

from flipsnack_mcp.settings import VARIABLES, Variable

ASKED = tuple(one for one in VARIABLES if one.asked)


def sentence(words: str) -> str:
    """A meaning as a sentence of its own, without marks of code."""
    plain = words.replace("`", "")
    return f"{plain[:1].upper()}{plain[1:]}."


def key(variable: Variable) -> str:
    """What a form calls its value."""
    return variable.name.removeprefix("FLIPSNACK_").lower()


def filled(variable: Variable) -> str:
    """Where a host puts what a person filled in."""
    return f"${{user_config.{key(variable)}}}"


def user_config(*, several_folders: bool) -> dict[str, dict[str, object]]:
    """The form that Claude's hosts show. Nothing is required: the sandbox needs no key."""
    return {key(one): field(one, several=several_folders and bool(one.separator)) for one in ASKED}


def field(variable: Variable, *, several: bool) -> dict[str, object]:
    """One of its fields. An empty default stands for nothing: without one, a host leaves its placeholder."""
    said = {"title": variable.asked, "description": described(variable), "required": False}
    if variable.secret:
        return {"type": "string", **said, "sensitive": True, "default": ""}
    if variable.flag:
        return {"type": "boolean", **said, "default": False}
    if variable.kind == "filepath" or variable.separator:
        return {"type": "directory", **said, **({"multiple": True} if several else {"default": ""})}
    return {"type": "string", **said, "default": variable.default}


def described(variable: Variable) -> str:
    return sentence(variable.gist)


def environment(variables: Iterable[Variable] = ASKED) -> dict[str, str]:
    """The variables, each with what was filled in."""
    return {one.name: filled(one) for one in variables}
