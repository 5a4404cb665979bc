"""Whether this package is on the package index under our name: the one place that says it."""

PUBLISHED = False
