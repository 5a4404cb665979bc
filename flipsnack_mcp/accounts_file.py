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

from flipsnack_mcp.as_written import SEE_THAT_IT_CAN_BE_READ, SHOWABLE, nearest, reason_of
from flipsnack_mcp.reading import CREDENTIALS, SWITCH_WORDS, Variable

LONGEST_FILE = 1_000_000
NAME = re.compile(r"[A-Za-z0-9_-]{1,40}")
RESERVED = frozenset({"collections", "stats"})
"""What follows `flipsnack://` where no account is named."""
LINE = re.compile(r"at line (\d+)")
VARIABLE = re.compile(r"FLIPSNACK_(?:API_(?=KEY|SECRET))?([A-Z_]+)")
IS_SANDBOX = "FLIPSNACK_SANDBOX"
SIZES = ("small", "large", "empty")
"""What an imitation of Flipsnack may begin with."""
CALLERS = "callers"
CALLER_WRITTEN = re.compile(r"https?://\S+ \S.*|claim:[^=\s]+=.+", re.DOTALL)
NO_CALLERS = 'has to be a list of texts in quotes, each "ISSUER SUBJECT" or "claim:NAME=VALUE".'
EXAMPLE = 'write `[accounts.NAME]` and below it `key = "..."` and `secret = "..."`'
NOT_IN_A_VALUE = {
    "${": "holds a placeholder, ${...}, which nobody fills in here: write the value itself.",
    "\0": "holds a character that it cannot have: write it once more.",
}


@dataclass
class Told:
    """What a file says of one account: by the names of the variables, as texts, as the environment would have it."""

    name: str
    values: dict[str, str] = field(default_factory=dict[str, str], repr=False)
    size: str = SIZES[0]
    """With what its imitation begins, where it is one."""
    callers: tuple[str, ...] = ()
    """Whom an authorization server may vouch for, so that they may use it."""
    problems: list[str] = field(default_factory=list[str])


class UnreadableError(Exception):
    """The whole file is of no use, and why; its text is safe to show."""


def accounts_in(file: Path, variables: Mapping[str, Variable]) -> list[Told]:
    """What the file says of each account, in its order.

    Raises:
        UnreadableError: There is nothing to begin with.
    """
    tables = read_tables(file)
    accounts: object = tables.get("accounts")
    if not isinstance(accounts, dict) or not accounts:
        raise UnreadableError(f"{file} names no account: {EXAMPLE}.")
    if len(tables) > 1:
        raise UnreadableError(f"{file} holds something beside its accounts: {EXAMPLE}, and nothing else.")
    named = cast("dict[str, Any]", accounts)
    check_names(file, named)
    return [as_told(file, name, table, variables) for name, table in named.items()]


def read_tables(file: Path) -> dict[str, Any]:
    """What the file holds, whatever that is."""
    import tomllib  # noqa: PLC0415  # a server of one account starts without it

    try:
        with file.open("rb") as opened:
            content = opened.read(LONGEST_FILE + 1)
    except (OSError, ValueError) as error:
        raise UnreadableError(f"{file} cannot be read: {reason_of(error)}. {SEE_THAT_IT_CAN_BE_READ}") from None
    if len(content) > LONGEST_FILE:
        raise UnreadableError(f"{file} is too long: {EXAMPLE}, and nothing else.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UnreadableError(f"{file} is no text in UTF-8: save it in that encoding.") from None
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise UnreadableError(f"{file} cannot be understood{place_and_cure(str(error), text)}") from None


def place_and_cure(error: str, text: str) -> str:
    """Where a file is wrong and what to write; nothing else of what its reader says, which may hold what stands there."""
    line = LINE.search(error)
    if line and "\\" in text.split("\n")[int(line[1]) - 1]:
        return f" from line {line[1]} on: write a text with a backslash in it between single quotes."
    place = f" from line {line[1]} on" if line else " at its end" if "end of document" in error else ""
    return f"{place}: {EXAMPLE}, each once."


def check_names(file: Path, accounts: Mapping[str, Any]) -> None:
    """Raise where an account could not be called by its name."""
    names, lower = list(accounts), [name.lower() for name in accounts]
    if odd := next((at for at, name in enumerate(names, 1) if not NAME.fullmatch(name)), 0):
        wanted = "Names have letters, digits, - and _, at most 40 of them"
        raise UnreadableError(f"{file}: account {odd} in it has a name that cannot be typed. {wanted}: rename it.")
    if taken := RESERVED.intersection(lower):
        raise UnreadableError(f'{file}: "{min(taken)}" is no name for an account: addresses begin so. Rename it.')
    if twice := next((name for name in names if lower.count(name.lower()) > 1), None):
        raise UnreadableError(f'{file}: two accounts are called "{twice}", large and small letters aside. Rename one.')
    if any(not isinstance(table, dict) for table in accounts.values()):
        raise UnreadableError(f"{file}: what stands right below `[accounts]` is of no account: {EXAMPLE}.")


def as_told(file: Path, name: str, table: Mapping[str, Any], variables: Mapping[str, Variable]) -> Told:
    """What one table says, as the environment would have it. An empty text says nothing."""
    told, known = Told(name), {**{key_of(one): one for one in variables}, CALLERS: CALLERS}
    for key, value in table.items():
        if key == CALLERS:
            told.callers, wrong = callers_of(value)
            told.problems += [in_the_file(file, name, f"{key} {wrong}")] if wrong else []
            continue
        variable = variables.get(known.get(key, ""))
        if variable is None:
            told.problems.append(in_the_file(file, name, no_such_key(key, known)))
            continue
        text = as_the_environment_has_it(value, variable)
        if wrong := what_is_wrong(text, variable):
            told.problems.append(in_the_file(file, name, f"{key} {wrong}"))
        elif text or isinstance(value, list):
            told.values[variable.name] = str(text)
    if told.values.get(IS_SANDBOX, "").lower() in SIZES:
        told.size, told.values[IS_SANDBOX] = told.values[IS_SANDBOX].lower(), "1"
    for one in set(told.values) & {f"{each}_FILE" for each in CREDENTIALS}:
        told.values[one] = beside_the_file(file, told.values[one])
    return told


def callers_of(value: object) -> tuple[tuple[str, ...], str]:
    """Who may use an account, each as it is written, and what is wrong with that; nobody, where anything is."""
    named = cast("list[object]", value) if isinstance(value, list) else [None]
    good = [one for one in named if isinstance(one, str) and CALLER_WRITTEN.fullmatch(one)]
    return (tuple(good), "") if len(good) == len(named) else ((), NO_CALLERS)


def no_such_key(key: str, known: Mapping[str, str]) -> str:
    """What to say of a key that is none, which may be a secret; also of one that is called as its variable is."""
    spelled = key.upper().replace("-", "_").removeprefix("FLIPSNACK_")
    meant = nearest(key_of(f"FLIPSNACK_{spelled}"), known)
    shown = f'"{key}"' if meant and SHOWABLE.fullmatch(key) else "one of its keys"
    every = ", ".join(known)
    return f"{shown} is no setting of an account{meant or f'; there are: {every}.'}"


def what_is_wrong(text: str | None, variable: Variable) -> str:
    """Why a value cannot be taken, or nothing; what is left to find out does the reading."""
    unknown = variable.name == IS_SANDBOX and (text or "").lower() not in {"", *SIZES, *SWITCH_WORDS}
    if text is None or unknown:
        return f"has to be {of_what_kind(variable)}."
    return next((said for sign, said in NOT_IN_A_VALUE.items() if sign in text), "")


def of_what_kind(variable: Variable) -> str:
    """What a value has to be."""
    if variable.flag:
        sizes = f"{', '.join(SIZES[:-1])} or {SIZES[-1]} in quotes (what the imitation begins with), "
        return f"{sizes if variable.name == IS_SANDBOX else ''}true or false"
    if variable.default.isdigit():
        return "a whole number"
    return f"a {'list of texts' if variable.separator else 'text'} in quotes"


def as_the_environment_has_it(value: object, variable: Variable) -> str | None:
    """A value as a text; None where it is of another kind than the variable."""
    if isinstance(value, bool):
        return str(int(value)) if variable.flag else None
    if isinstance(value, int):
        return str(value) if variable.default.isdigit() and abs(value) < 10**9 else None
    if isinstance(value, list) and variable.separator and all(isinstance(one, str) for one in value):
        return variable.separator.join(cast("list[str]", value))
    return value if isinstance(value, str) else None


def beside_the_file(file: Path, value: str) -> str:
    """A file that is named without its folder lies beside this one; what is wrong around a name stays to be seen."""
    return value if value[0] in "~\"' " else str(file.parent / value)


def key_of(variable: str) -> str:
    """What a variable is called in the file; each variable, in a sentence about them."""
    return VARIABLE.sub(lambda found: found[1].lower(), variable)


def in_the_file(file: Path, name: str, said: str) -> str:
    """What is said of an account, and where it stands."""
    return f'{file}, account "{name}": {said}'


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
