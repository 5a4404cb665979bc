"""Loaded by Python itself where this folder stands on its path: the sandbox of a server converts within two seconds."""

import sys

if sys.orig_argv[1:3] == ["-m", "flipsnack_mcp"] and "token" not in sys.orig_argv:
    from flipsnack_mcp.sandbox import Pace, Sandbox

    defaults = Sandbox.__init__.__kwdefaults__ or {}
    defaults["pace"] = Pace(conversion_seconds=2.0)
