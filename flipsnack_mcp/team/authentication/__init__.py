"""Who may call over HTTP: by a token from a file, or by one that an authorization server has signed."""
