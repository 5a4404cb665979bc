"""What a person can run: serve, demo, doctor, approve, history and sandbox."""
