"""Judges built packages as the index, the registry and `uvx` read them: `check.py DIST`, a folder with one wheel and one sdist."""

from __future__ import annotations

import email
import json
import re
import sys
import tarfile
from pathlib import Path
from zipfile import ZipFile

ROOT = Path(__file__).parents[2]
NEEDED = (
    "py.typed",
    "server/menu.json",
    "server/prompts.toml",
    "server/skill.md",
    "front/answers.json",
    "commands/catalogue.pdf",
)
"""Files without which an installed server is not whole, and which no import would miss."""
OF_THE_SOURCE = (
    "tests/conftest.py",
    "packaging/write_docs.py",
    "server.json",
    "skills/flipsnack/SKILL.md",
    "LICENSE",
    ".ci/run",
    "benchmarks/startup.py",
)
"""Some of it, of each kind that its own tests and CONTRIBUTING name."""


def findings(dist: Path) -> dict[str, bool]:
    """Each demand, and whether it is met."""
    (wheel,), (source,) = dist.glob("*.whl"), dist.glob("*.tar.gz")
    with ZipFile(wheel) as opened:
        names = opened.namelist()
        info = next(one.partition("/")[0] for one in names if ".dist-info/" in one)
        told = email.message_from_string(opened.read(f"{info}/METADATA").decode())
        started = opened.read(f"{info}/entry_points.txt").decode()
    with tarfile.open(source) as packed:
        inside = [one.partition("/")[2] for one in packed.getnames()]
    server = json.loads((ROOT / "server.json").read_text(encoding="utf-8"))
    manifest = json.loads((ROOT / "packaging/mcpb/manifest.json").read_text(encoding="utf-8"))
    (package,) = server["packages"]
    name, page = told["Name"], str(told.get_payload())
    return {
        "uvx finds a command that is named like the package": f"{name} = " in started,
        "one version everywhere": len({told["Version"], server["version"], package["version"], manifest["version"]})
        == 1,
        "the registry's name stands on the package's page, at the end of a word": bool(
            re.search(rf"mcp-name:\s*{re.escape(server['name'])}(?=\s|<|-->|$)", page)
        ),
        "the registry lists this package": package["identifier"] == name and "registryBaseUrl" not in package,
        "variables that are named like a secret are marked": all(
            one.get("isSecret")
            for one in package["environmentVariables"]
            if re.search("KEY|TOKEN|SECRET|PASSWORD", one["name"])
        ),
        "no link of the page leads nowhere": not re.findall(r"\]\((?!https://|#)[^)]*\)", without_code(page)),
        "author, licence and addresses are told": all(map(told.get, ("Author", "License-Expression", "Project-URL"))),
        **{f"the wheel has {one}": f"flipsnack_mcp/{one}" in names for one in NEEDED},
        "the wheel has the package alone": {one.partition("/")[0] for one in names} == {"flipsnack_mcp", info},
        **{f"the sdist has {one}": one in inside for one in OF_THE_SOURCE},
    }


def without_code(text: str) -> str:
    return re.sub(r"```.*?```|`[^`]*`", "", text, flags=re.DOTALL)


if __name__ == "__main__":
    found = findings(Path(sys.argv[1]))
    print("\n".join(f"FAILED: {said}" for said, so in found.items() if not so) or f"{len(found)} demands are met")
    sys.exit(0 if all(found.values()) else 1)
