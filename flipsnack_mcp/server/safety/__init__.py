"""What may not leave this process: credentials, personal data, and text that could act."""
