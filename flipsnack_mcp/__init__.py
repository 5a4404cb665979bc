"""flipsnack-mcp: a Flipsnack account, run from an assistant."""

__version__ = "0.1.0"
