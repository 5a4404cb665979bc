"""Entries put into configurations and taken out again, without a byte of the rest being touched."""
