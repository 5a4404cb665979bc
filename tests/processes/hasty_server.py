"""The program, but whoever gives no sign of life for three seconds counts as killed: no test waits for half a minute."""

import sys

from flipsnack_mcp.__main__ import main
from flipsnack_mcp.store import leases
from flipsnack_mcp.workflows import jobs, lookout

leases.DEAD_AFTER, jobs.BEAT, lookout.BEAT_OF_LOOKS = 3.0, 0.5, 0.5

if __name__ == "__main__":
    sys.exit(main())
