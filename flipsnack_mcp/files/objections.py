"""Rules a text has to keep, as a table that is read from the top."""

from collections.abc import Callable

# Each rule: what is wrong with the text, and whether it is.
Rules = tuple[tuple[str, Callable[[str], bool]], ...]


def first_objection(text: str, rules: Rules) -> str:
    """Returns what the first broken rule says, or nothing."""
    return next((reason for reason, is_broken in rules if is_broken(text)), "")
