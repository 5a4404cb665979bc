"""The skill, as the plugins bring it: the text that the server itself serves, in the folder where clients look for skills."""

from __future__ import annotations

from flipsnack_mcp.server.resources import SKILL_FILE

FILE = "skills/flipsnack/SKILL.md"


def text() -> str:
    return SKILL_FILE.read_text(encoding="utf-8")
