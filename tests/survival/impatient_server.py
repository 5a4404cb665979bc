"""The real server over stdio, with the times of half a minute made short, so that a kill is over soon, and those of a person too.

`python tests/survival/impatient_server.py PIDFILE` writes its process id first.
"""

import os
import sys
from pathlib import Path

from flipsnack_mcp.__main__ import main
from flipsnack_mcp.server.consent import reply
from flipsnack_mcp.store import leases
from flipsnack_mcp.workflows import jobs, waiting
from flipsnack_mcp.workflows.batches import carrying_out
from flipsnack_mcp.workflows.downloads import exports

DEAD_AFTER = 1.5

if __name__ == "__main__":
    Path(sys.argv[1]).write_text(str(os.getpid()))
    leases.DEAD_AFTER = DEAD_AFTER
    jobs.BEAT, jobs.LOOK_AT_OTHERS = 0.1, 0.1
    carrying_out.BETWEEN_LOOKS = 0.3
    waiting.INTERVALS = (0.1, 0.2, 0.3)  # type: ignore[assignment]  # as many as there are here
    exports.AT_LEAST = 5.0
    reply.TOO_FAST = 0.04
    sys.exit(main(["serve"]))
