"""Who may read the state file."""

from pathlib import Path


def close_to_others(path: Path) -> None:
    """Nothing yet."""
    del path
