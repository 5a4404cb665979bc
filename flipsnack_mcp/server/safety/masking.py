"""Personal data of people who filled in a form, made unrecognisable unless it was asked for."""

import re
from collections.abc import Iterator, Mapping

# Its sign may be a wide one, or written as in a link.
ADDRESS = re.compile(r"[^\s@\uff20\ufe6b]+?((?:[@\uff20\ufe6b]|%40)[\w-]+(?:\.[\w-]+)+)")
# These say which form and when, not who. Whatever stands below `data` was typed by a person.
IMPERSONAL = re.compile(r"(flipbook|collection|form)_?(hash|title|id)|type|timestamp|datetime", re.IGNORECASE)


def mask(fields: dict[str, str]) -> dict[str, str]:
    """Every field kept, every answer reduced to its first character; an e-mail address keeps its domain."""
    return {name: value if IMPERSONAL.fullmatch(name) else mask_value(value) for name, value in fields.items()}


def mask_answers(fields: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The same of what came by a webhook: all of it was typed, whatever its field is called; so may a name have been."""
    return ((mask_addresses(name), mask_value(value)) for name, value in fields.items())


def mask_addresses(text: str) -> str:
    """A text with every e-mail address in it masked."""
    return ADDRESS.sub(masked_address, text)


def masked_address(found: re.Match[str]) -> str:
    """An address with the first character of what stands before its domain."""
    return f"{found[0][:1]}***{found[1]}"


def mask_value(value: str) -> str:
    """`anna@example.com` becomes `a***@example.com`, anything else its first character and three stars."""
    mail = ADDRESS.fullmatch(value)
    return masked_address(mail) if mail else value and f"{value[:1]}***"
