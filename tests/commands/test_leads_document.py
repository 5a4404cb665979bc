"""The commands that docs/leads.md gives are there, with the arguments that it gives."""

import re
import shlex
from pathlib import Path

from flipsnack_mcp.parsing.commands import parsers

DOCUMENT = (Path(__file__).parents[2] / "docs" / "leads.md").read_text(encoding="utf-8")


def test_each_command_of_the_document_is_understood() -> None:
    lines = re.findall(r"^flipsnack-mcp ([^>\n]+)", DOCUMENT, re.MULTILINE)
    understood = [parsers()[0].parse_args(shlex.split(one)) for one in lines]
    assert [(one.command, one.what) for one in understood] == [
        *(("hooks", "add"), ("token", "add"), ("token", "add"), ("leads", "export"), ("leads", "erase")),
    ]
