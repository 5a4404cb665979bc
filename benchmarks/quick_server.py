"""The server on a sandbox that works fast and takes any number of calls: for whoever drives it with many.

python benchmarks/quick_server.py [serve ...]   on stdio or as it is told, with the usual environment
"""

from __future__ import annotations

import os
import sys

from flipsnack_mcp.__main__ import main
from flipsnack_mcp.reading import Reading
from flipsnack_mcp.sandbox import Pace, Sandbox

QUICK = Pace(
    conversion_seconds=1.0,
    package_seconds=1.0,
    calls_per_second=0,
    calls_per_minute=0,
    uploads_left=1000,
    max_pages=100,
)

if __name__ == "__main__":
    defaults = Sandbox.__init__.__kwdefaults__ or {}
    defaults["pace"] = QUICK
    # Nobody's key may do so much, so it is no setting.
    Reading.number.__defaults__ = (1, 100_000)
    os.environ |= {
        "FLIPSNACK_SANDBOX": "1",
        "FLIPSNACK_CALLS_PER_SECOND": "1000",
        "FLIPSNACK_CALLS_PER_MINUTE": "60000",
    }
    sys.exit(main(sys.argv[1:] or ["serve"]))
