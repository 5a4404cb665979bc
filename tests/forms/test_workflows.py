"""What runs elsewhere (workflows, hooks, recipes) runs the commands that people are told, in fixed versions."""

import json
import re
import runpy
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # it has none

from forms.project import ROOT, VERSION

GITHUB = ROOT / ".github"
TOLD = "\n".join((ROOT / one).read_text(encoding="utf-8") for one in ("README.md", "CONTRIBUTING.md"))
FILES = [*sorted(GITHUB.rglob("*.yml")), ROOT / ".pre-commit-config.yaml"]
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))


def read(file: Path) -> Any:
    return yaml.safe_load(file.read_text(encoding="utf-8"))


def steps(workflow: str) -> Iterator[dict[str, Any]]:
    for job in read(GITHUB / "workflows" / workflow)["jobs"].values():
        yield from job["steps"]


@pytest.mark.parametrize("file", FILES, ids=lambda one: one.name)
def test_each_file_is_read_as_yaml(file: Path) -> None:
    assert isinstance(read(file), dict)


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda one: one.name)
def test_a_workflow_runs_others_actions_by_their_commit_and_may_little(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    used = re.findall(r"uses: (\S+)(.*)", text)
    assert used
    assert [
        one for one, said in used if not re.search(r"@[0-9a-f]{40}$", one) or not re.fullmatch(r" # v[\d.]+", said)
    ] == []
    assert read(file)["permissions"] == {"contents": "read"}
    assert text.count("persist-credentials: false") == text.count("actions/checkout@")
    assert all("timeout-minutes" in job for job in read(file)["jobs"].values())
    assert "secrets." not in text


def test_every_system_and_version_that_is_told_is_tried() -> None:
    matrix = read(GITHUB / "workflows" / "ci.yml")["jobs"]["tests"]["strategy"]["matrix"]
    told = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["classifiers"]
    assert matrix["python"] == [one.rpartition(" ")[2] for one in told if "Python :: 3." in one]
    assert matrix["system"] == ["ubuntu-latest", "macos-latest", "windows-latest"]


def test_the_workflow_runs_what_people_are_told_to_run() -> None:
    commands = [one["run"].strip() for one in steps("ci.yml") if "run" in one and "RUNNER_TEMP" not in one["run"]]
    assert len(commands) >= 8
    assert [one for one in commands if one.removesuffix(" --check") not in TOLD] == []


def test_the_recipes_are_those_of_the_contributors_page() -> None:
    recipes = re.findall(r"^    (?!@)(.+)$", (ROOT / "justfile").read_text(encoding="utf-8"), re.MULTILINE)
    assert len(recipes) >= 8
    assert [one for one in recipes if re.sub(r" \{\{.+\}\}", "", one) not in TOLD] == []


def test_the_hooks_run_the_programs_of_the_environment() -> None:
    hooks = [hook for repo in read(ROOT / ".pre-commit-config.yaml")["repos"] for hook in repo["hooks"]]
    assert {hook["language"] for hook in hooks} == {"system"}
    assert [hook["entry"] for hook in hooks if hook["entry"].removesuffix(" --fix") not in TOLD] == []


def test_a_release_builds_once_and_publishes_that_without_a_stored_secret() -> None:
    jobs = read(GITHUB / "workflows" / "release.yml")["jobs"]
    index = jobs["package-index"]
    assert (index["environment"], index["permissions"]) == ("pypi", {"id-token": "write"})
    assert {name for name, job in jobs.items() if "build" in json.dumps(job.get("needs", ""))} == {"package-index"}
    assert {name for name, job in jobs.items() if job.get("needs") == "package-index"} == {"notes", "registry"}
    assert not any("checkout" in step.get("uses", "") for step in index["steps"])
    attached = next(step["run"] for step in jobs["notes"]["steps"] if "gh release" in step.get("run", ""))
    assert attached.endswith("out/*")
    assert any("*.mcpb out/" in step.get("run", "") for step in jobs["build"]["steps"])


@pytest.mark.parametrize(
    ("tag", "published", "notes", "lacks"),
    [
        (f"v{VERSION}", True, f"## {VERSION} - 2026-12-01\n", []),
        (VERSION, True, f"## {VERSION} - 2026-12-01\n", ["the tag"]),
        (f"v{VERSION}", False, f"## {VERSION} - 2026-12-01\n", ["flipsnack_mcp/published.py"]),
        (f"v{VERSION}", True, f"## {VERSION} - unreleased\n", ["CHANGELOG.md"]),
        ("v9", False, "", ["the tag", "flipsnack_mcp/published.py", "CHANGELOG.md"]),
    ],
)
def test_a_tag_becomes_a_release_only_where_all_says_so(
    tag: str, notes: str, lacks: list[str], *, published: bool
) -> None:
    lacking = runpy.run_path(str(ROOT / "packaging" / "release.py"))["lacking"]
    said = lacking(tag, published=published, notes=notes)
    assert [one.startswith(other) for one, other in zip(said, lacks, strict=True)] == [True] * len(lacks)


def test_who_names_no_tag_is_told_what_to_type() -> None:
    command = [sys.executable, str(ROOT / "packaging" / "release.py")]
    said = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  # our own
    assert (said.returncode, said.stderr) == (1, f"Say which tag it is: python packaging/release.py v{VERSION}\n")


def test_each_issue_form_asks_for_something_and_warns_of_keys() -> None:
    forms = [read(one) for one in (GITHUB / "ISSUE_TEMPLATE").glob("*.yml") if one.stem != "config"]
    assert len(forms) == 2
    for one in forms:
        assert any(field.get("validations", {}).get("required") for field in one["body"])
    assert "key" in json.dumps(next(one for one in forms if "bug" in one["labels"])["body"][0])


def test_dependabot_looks_at_every_kind_of_dependency() -> None:
    updates = read(GITHUB / "dependabot.yml")["updates"]
    assert {one["package-ecosystem"] for one in updates} == {"pip", "github-actions", "npm"}


def test_the_steps_of_the_workflow_that_are_scripts_are_there() -> None:
    named = [path for one in steps("ci.yml") for path in re.findall(r"bash (\S+)", one.get("run", ""))]
    assert named == [".ci/bundle/run", ".ci/package/run"]
    assert all((ROOT / one).is_file() for one in named)
