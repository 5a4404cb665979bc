"""Plugins and extensions: what Claude Code, Codex, Cursor, Gemini CLI and hosts of Agent Plugins read in this folder.

All start the server from the folder they were installed into, until it is published. Those whose format has no field for a
secret pass on variables, and leave the key to `flipsnack-mcp login`.
"""

from __future__ import annotations

from flipsnack_mcp.clients import CLIENTS, ENTRY
from flipsnack_mcp.settings import Variable
from forms.fields import ASKED, described, environment, user_config
from forms.project import AUTHOR, HOME, ICON, KEYWORDS, LICENSE, MORE, NAME, SUMMARY, TITLE, VERSION
from forms.start import entry, start

AGENT_PLUGINS = "https://agent-plugins.org/schemas/1.0.0"
SKILLS = "./skills/"
Form = dict[str, object]


def described_plugin() -> Form:
    """What all of them say of it, in the same words."""
    return {
        "name": ENTRY,
        "version": VERSION,
        "description": SUMMARY,
        "author": {"name": AUTHOR, "url": HOME},
        "homepage": HOME,
        "repository": HOME,
        "license": LICENSE,
        "keywords": KEYWORDS,
    }


def claude_plugin() -> Form:
    """Its form asks for key and secret and keeps them in the system's key store."""
    server = entry(start("${CLAUDE_PLUGIN_ROOT}")) | {"env": environment()}
    asked = user_config(several_folders=False)
    return described_plugin() | {"displayName": TITLE, "mcpServers": {ENTRY: server}, "userConfig": asked}


def claude_marketplace() -> Form:
    plugin = {"name": ENTRY, "source": "./", "description": SUMMARY, "category": "productivity"}
    return {"name": NAME, "description": SUMMARY, "owner": {"name": AUTHOR}, "plugins": [plugin]}


def agent_plugin() -> Form:
    return {"$schema": f"{AGENT_PLUGINS}/plugin.schema.json", **described_plugin()}


def agent_plugin_servers() -> Form:
    server = {"type": "stdio", **entry(start("${PLUGIN_ROOT}"))}
    return {"$schema": f"{AGENT_PLUGINS}/mcp.schema.json", "mcpServers": {ENTRY: server}}


def codex_plugin() -> Form:
    """It passes on no variable that is not named."""
    passed_on = {"env_vars": [one.name for one in ASKED], **CLIENTS["codex"].last}
    interface = {
        "displayName": TITLE,
        "shortDescription": SUMMARY,
        "longDescription": MORE,
        "developerName": AUTHOR,
        "category": "Productivity",
        "capabilities": ["Interactive", "Write"],
        "websiteURL": HOME,
        "composerIcon": f"./{ICON}",
        "logo": f"./{ICON}",
    }
    server = entry(start(".")) | {"cwd": "."} | passed_on
    return described_plugin() | {"skills": SKILLS, "mcpServers": {ENTRY: server}, "interface": interface}


def codex_marketplace() -> Form:
    plugin = {
        "name": ENTRY,
        "source": {"source": "local", "path": "./"},
        "policy": {"installation": "AVAILABLE", "authentication": "ON_INSTALL"},
        "category": "Productivity",
    }
    return {"name": NAME, "interface": {"displayName": TITLE}, "plugins": [plugin]}


def cursor_plugin() -> Form:
    """It names its server itself: of the portable file beside it, Cursor would not fill in the folder."""
    server = entry(start("${CURSOR_PLUGIN_ROOT}")) | {"env": {one.name: f"${{env:{one.name}}}" for one in ASKED}}
    return described_plugin() | {
        "displayName": TITLE,
        "author": {"name": AUTHOR},
        "logo": ICON,
        "skills": SKILLS,
        "mcpServers": {ENTRY: server},
    }


def gemini_extension() -> Form:
    """What its settings ask for, it gives the server as variables."""
    return {
        "name": NAME,
        "version": VERSION,
        "description": SUMMARY,
        "mcpServers": {ENTRY: entry(start("${extensionPath}"))},
        "settings": [gemini_setting(one) for one in ASKED],
    }


def gemini_setting(variable: Variable) -> Form:
    listed: Form = {"name": variable.asked, "description": described(variable), "envVar": variable.name}
    return listed | ({"sensitive": True} if variable.secret else {})
