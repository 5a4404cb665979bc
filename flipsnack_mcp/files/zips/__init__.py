"""Zips, read so strictly that every unpacker sees in them what is seen here."""
