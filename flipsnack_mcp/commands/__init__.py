"""What a person can run: serve, demo, doctor, sandbox."""
