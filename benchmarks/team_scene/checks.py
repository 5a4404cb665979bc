"""A team's set-up looked at from outside, by nginx's own upstreams, clients of both revisions, other makers' and judges.

python -m benchmarks.team_scene.checks FOLDER   FOLDER has the node_modules and scripts that `.ci/team/run` puts there.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path

import anyio
import httpx2
from mcp.types import TextContent

from benchmarks.team_scene.balancer_checks import balancers_checked
from benchmarks.team_scene.imitations import ROOT, Wanted
from benchmarks.team_scene.load import MODES, Diary, Person, leaf_of
from benchmarks.team_scene.manual import manual_followed
from benchmarks.team_scene.scene import Team, team
from tests.server.bench import CODE

LEAST_SCORE = "97"
DOCUMENT = ROOT / "flipsnack_mcp" / "commands" / "catalogue.pdf"
Call = Callable[..., Awaitable[dict[str, object]]]


@dataclass(frozen=True)
class Checks:
    """What stands, and where the programs of other makers are."""

    standing: Team
    folder: Path
    plain: str
    """An address without TLS that adds a token."""

    def token(self) -> str:
        """For one check alone: what one caller may do in a second is little for several beside each other."""
        return self.standing.token("germany")

    def ran(self, *command: str, **environment: str) -> str:
        """What a program said, once it ended well."""
        done = subprocess.run(
            command,
            cwd=self.folder,
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=600,
        )
        assert done.returncode == 0, f"{command[1:4]}: {done.stdout[-3000:]}"
        return done.stdout.strip()

    def node(self, script: str, *given: str, **environment: str) -> str:
        node = str(self.folder / "node_modules" / ".bin" / "node")
        return self.ran(node, str(self.folder / script), *given, **environment).splitlines()[-1]

    def conformance(self) -> str:
        return self.node("conformance.mjs", f"{self.plain}/mcp")

    def typescript(self, line: str, mode: str) -> str:
        known = {"TOKEN": self.token(), "NODE_EXTRA_CA_CERTS": str(self.standing.balancer.authority)}
        # On the older revision a form reaches who asked for it only where a session stays with its replica.
        forms = "1" if mode == "auto" or self.standing.balancer.kind == "sticky" else "0"
        return self.node("person.mjs", line, mode, f"{self.standing.balancer.url}/mcp", "germany", forms, **known)

    def strict(self, era: str) -> str:
        return self.node("strict.mjs", era, f"{self.plain}/mcp")

    def sealed(self) -> str:
        return self.ran(sys.executable, str(ROOT / ".ci" / "clients" / "sealed.py"), f"{self.plain}/mcp")

    def score(self) -> str:
        """A judge over TLS."""
        known = {"MCPSCORE_TOKEN": self.token(), "SSL_CERT_FILE": str(self.standing.balancer.authority)}
        judge = str(Path(sys.executable).with_name("mcpscore"))
        url = f"{self.standing.balancer.url}/mcp"
        said = self.ran(judge, "--fail-under", LEAST_SCORE, "--smoke", url, **known)
        return f"mcpscore over TLS: {' '.join(re.findall(r'.*[0-9]+ ?/ ?[0-9]+.*', said)[:1]).strip()}"

    def main_job(self, revision: str) -> str:
        return anyio.run(main_job, self.standing, self.token(), revision)


async def main_job(standing: Team, token: str, revision: str) -> str:
    """As an assistant in a desktop app goes through it: find, publish, embed, measure, and delete with a yes."""
    diary = Diary()
    async with standing.client(token, MODES[revision], elicitation_callback=Person(diary)) as (client, answered):

        async def call(tool: str, **given: object) -> dict[str, object]:
            result = await client.call_tool(tool, {"account": "germany", **given})
            text = " ".join(one.text for one in result.content if isinstance(one, TextContent))
            if result.is_error and (code := CODE.search(text)):
                return await call(tool, **given, confirmation=code[1])
            assert not result.is_error, f"{tool} ({revision}): {text}"
            return dict(result.structured_content or {})

        tools = [one.name for one in (await client.list_tools()).tools]
        assert "list_documents" not in tools
        made = await call(
            "create_collection", file_url="https://files.example.com/a.pdf", title=f"germany {revision}", wait_seconds=0
        )
        done = await call("get_upload", upload_id=made["upload_id"], wait_seconds=45)
        public = await call("update_collection", collection_hash=done["collection_hash"], status="public")
        diary.agreed.add(f"germany {public['collection_hash']}")
        await call("get_embed_code", collection_hash=public["collection_hash"])
        await call("get_collection_stats", collection_hash=public["collection_hash"])
        gone = await call("delete_collection", collection_hash=public["collection_hash"])
        assert gone["deleted"] is True
        await by_addresses(standing, call, f"germany {revision}, sent")
    return f"{revision}: {len(tools)} tools, the main job over {len(set(answered) - {''})} replicas"


async def by_addresses(standing: Team, call: Call, title: str) -> None:
    """A document goes in and a package comes out by addresses that stand in no log."""
    asked = await call("create_collection", title=title, wait_seconds=0)
    async with httpx2.AsyncClient(verify=standing.balancer.trusting(), trust_env=False, timeout=60) as http:
        sent = await http.put(str(asked["upload_address"]), content=DOCUMENT.read_bytes())
        assert sent.is_success, f"{sent.status_code} {sent.text}"
        done = await call("get_upload", upload_id=asked["upload_id"], wait_seconds=45)
        assert done["state"] == "complete", done
        package = await call("download_collection_html", collection_hash=done["collection_hash"], wait_seconds=45)
        fetched = await http.get(str(package["file_address"]))
    assert sha256(fetched.content).hexdigest() == package["sha256"], f"{fetched.status_code} {fetched.text[:300]}"
    logged = standing.balancer.logged + "".join(one.said() for one in standing.replicas.every)
    secrets = [str(one).rpartition("/")[2] for one in (asked["upload_address"], package["file_address"])]
    assert not [one for one in secrets if one in logged], "an address stands in a log"


def every_check(checks: Checks) -> Sequence[Callable[[], str]]:
    """All of them, each by itself."""
    lines = [("v1", "legacy"), ("v2", "legacy"), ("v2", "auto")]
    return [
        *(partial(checks.main_job, revision) for revision in MODES),
        checks.conformance,
        checks.score,
        checks.sealed,
        *(partial(checks.strict, era) for era in ("legacy", "modern")),
        *(partial(checks.typescript, *line) for line in lines),
    ]


def looked_at(folder: Path, scene: Path) -> Iterator[str]:
    """What holds, one line after the other."""
    yield from balancers_checked(scene / "balancers")
    yield from manual_followed(scene / "manual")
    for kind in ("round-robin", "sticky"):
        (scene / kind).mkdir()
        with team(scene / kind, Wanted(conversion_seconds=2.0), kind, replicas=2) as standing:
            plain = standing.balancer.add_token(standing.token("germany"))
            standing.balancer.change(standing.replicas.ports)
            checks = Checks(standing, folder, plain)
            with ThreadPoolExecutor(2) as two:
                for line in two.map(lambda check: check(), every_check(checks)):
                    yield f"{kind}: {line}"


def main(folder: Path) -> int:
    with tempfile.TemporaryDirectory() as scene:
        try:
            for line in looked_at(folder, Path(scene)):
                print(line, flush=True)
        except (AssertionError, BaseExceptionGroup) as error:
            print(f"FAILED: {leaf_of(error)}", flush=True)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).absolute()))
