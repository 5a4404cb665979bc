"""One source, many forms: each file in which a client, a registry or a directory reads what this project is."""
