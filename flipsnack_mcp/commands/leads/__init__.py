"""Leads from a person's terminal: at which addresses they arrive, all of them in one table, and their end."""
