"""The skill names tools and words that are there, and fits what clients read of it."""

import re

from flipsnack_mcp.server.resources import SKILL_FILE
from flipsnack_mcp.server.toolsets import menu
from flipsnack_mcp.settings import Settings
from forms.project import ROOT
from forms.skill import FILE

TEXT = (ROOT / FILE).read_text(encoding="utf-8")
_, HEAD, BODY = TEXT.split("---\n", 2)
TOLD = dict(line.split(": ", 1) for line in HEAD.splitlines())


def test_its_head_is_what_clients_look_for() -> None:
    assert TOLD.keys() == {"name", "description"}
    assert TOLD["name"] == (ROOT / FILE).parent.name
    assert len(TOLD["description"]) <= 1024
    assert "Use when" in TOLD["description"]


def test_it_is_short_and_the_one_that_the_server_serves() -> None:
    assert len(BODY.splitlines()) < 80
    assert SKILL_FILE.read_text(encoding="utf-8") == TEXT


def test_every_tool_that_it_names_is_offered_and_takes_what_it_says() -> None:
    offered = menu(Settings())
    words = re.findall(r"`([a-z_]+)(?:=[a-z]+)?`", BODY)
    known = {name for tool in offered.values() for name in tool.input_schema["properties"]}
    statuses = {"public", "unlisted", "editable"}
    assert {"create_collection", "report_stats", "download_collection_html", "audit_account"} <= set(words)
    assert [one for one in words if one not in offered and one not in known | statuses | {"account"}] == []
