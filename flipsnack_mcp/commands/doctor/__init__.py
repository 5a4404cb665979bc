"""`flipsnack-mcp doctor`: whether this computer is set up right (`here`), and a server that runs (`served`)."""
