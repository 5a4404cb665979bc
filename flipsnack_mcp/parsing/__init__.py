"""What can be typed on the command line, and what is said of anything else: never what was typed, for it may be a key."""

from flipsnack_mcp.parsing.as_options import given_settings
from flipsnack_mcp.parsing.typed import parsed
from flipsnack_mcp.parsing.usage import ALONE, WrongUsage

__all__ = ["ALONE", "WrongUsage", "given_settings", "parsed"]
