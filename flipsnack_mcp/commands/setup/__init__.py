"""`flipsnack-mcp setup` and `login`: the entry in a client's configuration, and key and secret where nobody else reads them."""
