"""Documents and files over HTTP, by addresses that are themselves the right."""
