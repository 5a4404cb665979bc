"""What agentseal, a judge of what tools say to a model, finds in a server's menu: nothing, or this ends with 1.

python sealed.py URL   of a server over Streamable HTTP; agentseal beside this Python.

It asks nobody else. Its home is a new one: it remembers a menu there, and another menu at the same address is a finding.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile

ALL, LEAST_TOOLS = 100, 14


def scanned(url: str) -> str:
    """Its report."""
    with tempfile.TemporaryDirectory() as home:
        done = subprocess.run(  # noqa: S603 - our own Python
            [sys.executable, "-m", "agentseal", "scan-mcp", "--url", url, "--yes", "--output", "json"],
            env={**os.environ, "HOME": home},
            capture_output=True,
            text=True,
            check=False,
        )
    return done.stdout or sys.exit(f"agentseal: {done.stderr[-2000:]}")


def main(url: str) -> int:
    report = json.loads(scanned(url))
    scores, tools = [one["score"] for one in report["trust_scores"]], report["total_tools"]
    found, combined = report["summary"]["total_findings"], len(report.get("toxic_flows", []))
    # Nobody reached is 100 for it too. That one tool reads what another could pass on is said of every server that does both.
    print(f"agentseal: {scores}, {tools} tools, {found} findings, {combined} combinations of tools to be aware of")
    if scores == [ALL] and not found and tools >= LEAST_TOOLS:
        return 0
    print(json.dumps(report, indent=1))
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
