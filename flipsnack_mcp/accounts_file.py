"""The accounts file: several accounts in one TOML file, each with what is told differently for it. Values are not repeated.

```toml
[accounts.germany]
key = "..."
secret_file = "germany.secret"
read_only = true
```
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from flipsnack_mcp.reading import CREDENTIALS, SHOWABLE, Variable, nearest, reason_of

LONGEST_FILE = 1_000_000
NAME = re.compile(r"[A-Za-z0-9_-]{1,40}")
RESERVED = frozenset({"collections", "stats"})
"""What follows `flipsnack://` where no account is named."""
LINE = re.compile(r"at line (\d+)")
VARIABLE = re.compile(r"FLIPSNACK_(?:API_(?=KEY|SECRET))?([A-Z_]+)")
IS_SANDBOX = "FLIPSNACK_SANDBOX"
SIZES = ("small", "large", "empty")
"""What an imitation of Flipsnack may begin with."""
EXAMPLE = 'write `[accounts.NAME]` and below it `key = "..."` and `secret = "..."`'


@dataclass
class Told:
    """What a file says of one account: by the names of the variables, as texts, as the environment would have it."""

    name: str
    values: dict[str, str] = field(default_factory=dict[str, str])
    size: str = SIZES[0]
    """With what its imitation begins, where it is one."""
    problems: list[str] = field(default_factory=list[str])


class UnreadableError(Exception):
    """The whole file is of no use, and why; its text is safe to show."""


def accounts_in(file: Path, variables: Mapping[str, Variable]) -> list[Told]:
    """What the file says of each account, in its order.

    Raises:
        UnreadableError: There is nothing to begin with.
    """
    accounts = tables_in(file)
    return [as_told(file, name, cast("dict[str, Any]", table), variables) for name, table in accounts.items()]


def tables_in(file: Path) -> dict[str, Any]:
    """The tables of the accounts by their names."""
    import tomllib  # noqa: PLC0415  # a server of one account starts without it

    try:
        with file.open("rb") as opened:
            content = opened.read(LONGEST_FILE)
        tables = tomllib.loads(content.decode("utf-8-sig"))
    except tomllib.TOMLDecodeError as error:
        line = LINE.search(str(error))
        where = f"from line {line[1]} on" if line else "at its end"
        raise UnreadableError(f"{file} cannot be understood {where}: {EXAMPLE}, each once.") from None
    except (OSError, ValueError) as error:
        raise UnreadableError(f"{file} cannot be read: {reason_of(error)}.") from None
    accounts: object = tables.get("accounts")
    if len(tables) > 1 or not isinstance(accounts, dict) or not accounts:
        found = "names no account" if not tables.get("accounts") else "holds more than accounts"
        raise UnreadableError(f"{file} {found}: {EXAMPLE}, and nothing else.")
    named = cast("dict[str, Any]", accounts)
    check_names(file, named)
    return named


def check_names(file: Path, accounts: Mapping[str, Any]) -> None:
    """Raise where an account could not be called by its name."""
    lower = [name.lower() for name in accounts]
    if any(not NAME.fullmatch(name) for name in accounts):
        raise UnreadableError(f"{file}: a name of an account has letters, digits, - and _, at most 40 of them.")
    if taken := RESERVED.intersection(lower):
        raise UnreadableError(f'{file}: "{min(taken)}" is no name for an account: addresses begin so. Rename it.')
    if twice := next((name for name in accounts if lower.count(name.lower()) > 1), None):
        raise UnreadableError(f'{file}: two accounts are called "{twice}", large and small letters aside. Rename one.')
    if wrong := next((name for name, table in accounts.items() if not isinstance(table, dict)), None):
        raise UnreadableError(f'{file}: "{wrong}" is no table: {EXAMPLE}.')


def as_told(file: Path, name: str, table: Mapping[str, Any], variables: Mapping[str, Variable]) -> Told:
    """What one table says, as the environment would have it."""
    told, known = Told(name), {key_of(one): one for one in variables}
    for key, value in table.items():
        variable = known.get(key)
        if variable is None:
            shown = f'"{key}"' if SHOWABLE.fullmatch(key) else "what stands there"
            meant = nearest(key, known) or f"; there are: {', '.join(known)}."
            told.problems.append(in_the_file(file, name, f"{shown} is no setting of an account{meant}"))
        elif (text := as_the_environment_has_it(value, variables[variable])) is None:
            told.problems.append(in_the_file(file, name, f"{variable} {OF_WHAT_KIND}"))
        else:
            told.values[variable] = text
    if told.values.get(IS_SANDBOX) in SIZES:
        told.size, told.values[IS_SANDBOX] = told.values[IS_SANDBOX], "1"
    for one in set(told.values) & {f"{each}_FILE" for each in CREDENTIALS}:
        told.values[one] = beside_the_file(file, told.values[one])
    return told


OF_WHAT_KIND = "has to be a text in quotes, a whole number, true, false, or a list of texts."


def as_the_environment_has_it(value: object, variable: Variable) -> str | None:
    """A value as a text; None where it can be none."""
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, list) and variable.separator and all(isinstance(one, str) for one in value):
        return variable.separator.join(cast("list[str]", value))
    return str(value) if isinstance(value, str | int) else None


def beside_the_file(file: Path, value: str) -> str:
    """A file that is named without its folder lies beside this one."""
    return value if not value or value.startswith("~") else str(file.parent / value)


def key_of(variable: str) -> str:
    """What a variable is called in the file."""
    return VARIABLE.sub(lambda found: found[1].lower(), variable)


def in_the_file(file: Path, name: str, said: str) -> str:
    """What is said of a variable, as it is said of a key of the file."""
    return f'{file}, account "{name}": {key_of(said)}'


def whole_path(value: str) -> Path:
    """The path of the file.

    Raises:
        UnreadableError: It would be another one wherever the server is started.
    """
    try:
        path = Path(value).expanduser()
    except RuntimeError:
        path = Path(value)
    if not path.is_absolute():
        raise UnreadableError("FLIPSNACK_ACCOUNTS holds no whole path: write one, from the root of the disk on.")
    return path
