"""Flipsnack's HTTP API v1 as a plain async library: actions in, results out. Knows nothing of MCP."""
