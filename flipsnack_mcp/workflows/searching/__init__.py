"""Searching the list of collections for what people type."""
