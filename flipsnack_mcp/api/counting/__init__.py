"""The document in which all calls with one key count: its shape, what is told to it, and what becomes of it out of reach."""
