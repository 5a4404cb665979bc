"""Packages on their way from Flipsnack to the disk."""
