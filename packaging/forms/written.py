"""Every form, and the file it is written into; a test compares each with what is there."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from forms import bundle, install, plugins, registry, skill
from forms.project import ROOT, as_json


def written(form: Callable[[], object]) -> Callable[[], str]:
    return lambda: as_json(form())


FORMS: Mapping[str, Callable[[], str]] = {
    "server.json": written(registry.server_json),
    bundle.MANIFEST: written(bundle.manifest),
    ".claude-plugin/plugin.json": written(plugins.claude_plugin),
    ".claude-plugin/marketplace.json": written(plugins.claude_marketplace),
    "plugin.json": written(plugins.agent_plugin),
    "mcp.json": written(plugins.agent_plugin_servers),
    ".codex-plugin/plugin.json": written(plugins.codex_plugin),
    ".agents/plugins/marketplace.json": written(plugins.codex_marketplace),
    ".cursor-plugin/plugin.json": written(plugins.cursor_plugin),
    "gemini-extension.json": written(plugins.gemini_extension),
    skill.FILE: skill.text,
    install.PAGE: lambda: filled_in((ROOT / install.PAGE).read_text(encoding="utf-8"), install.parts()),
}


def filled_in(page: str, parts: Mapping[str, str]) -> str:
    """A page with these parts written anew, each between its two marks."""
    for name, part in parts.items():
        place = re.compile(rf"(<!-- {name}: [^>]*-->\n).*?(<!-- end of {name} -->)", re.DOTALL)
        page = place.sub(lambda found, part=part: f"{found[1]}{part}\n{found[2]}", page)  # type: ignore[misc]
    return page


def write_all() -> None:
    for path, form in FORMS.items():
        file = ROOT / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(form(), encoding="utf-8")
