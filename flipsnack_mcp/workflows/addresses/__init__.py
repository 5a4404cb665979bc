"""Addresses that are themselves the right to send one document, or to fetch one file, where nobody shares a disk."""
