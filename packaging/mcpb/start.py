"""Starts the server, for hosts that run this file instead of the command that the manifest names."""

import sys

from flipsnack_mcp.__main__ import main

if __name__ == "__main__":
    sys.exit(main())
