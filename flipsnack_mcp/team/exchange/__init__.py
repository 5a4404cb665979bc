"""Documents, files and leads over HTTP, by addresses that are themselves the right."""
