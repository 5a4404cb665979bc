"""Environment and options become one frozen Settings, which knows what is missing and says how to get it.

Reading never fails: the server starts and lists its tools whatever is set, and a call then says what is wrong. What a
setting means, its default and how it is read stand once, at its field in `Settings`.
"""

import hashlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from functools import partial
from pathlib import Path
from typing import Any

from flipsnack_mcp.reading import CREDENTIALS, LOOPBACK, Reading, Variable

__all__ = ["LOOPBACK", "VARIABLES", "Settings", "Variable", "read_settings"]

HOW_TO_GET_A_KEY = "Flipsnack gives API key and secret to Enterprise accounts on demand. To try the server without one, set FLIPSNACK_SANDBOX=1."


def setting(
    read: Callable[[Reading, str, Any], Any],
    meaning: str,
    *,
    default: Any = "",
    shown: str | None = None,
    secret: bool = False,
    separator: str = "",
) -> Any:
    """A field that is read from its variable. `shown` is how its default is written where the value itself is not."""
    flag = isinstance(default, bool)
    text = str(int(default) if flag else default) if shown is None else shown
    variable = Variable("", meaning, text, secret=secret, flag=flag, separator=separator)
    return field(default=default, repr=not secret, metadata={"read": read, "variable": variable})


@dataclass(frozen=True)
class Settings:
    """What the server was told. Key and secret are in no `repr`."""

    api_key: str = setting(Reading.credential, "API key", secret=True)
    api_secret: str = setting(Reading.credential, "API secret", secret=True)
    sandbox: bool = setting(Reading.switch, "use the built-in imitation of Flipsnack; no key needed", default=False)
    read_only: bool = setting(
        partial(Reading.switch, unclear=True), "offer only tools that change nothing in the account", default=False
    )
    toolsets: frozenset[str] = setting(
        Reading.toolsets,
        "`default`, or `default,legacy` for old actions too",
        default=frozenset({"default"}),
        shown="default",
        separator=",",
    )
    confirm: str = setting(
        Reading.confirm,
        "how a deletion is confirmed: `ask` a person, `approve` in a terminal only, `block` always, `allow` without asking; "
        "anything else means `block`",
        default="ask",
    )
    upload_dirs: tuple[Path, ...] = setting(
        Reading.folders,
        "folders that may be uploaded from, joined by `:` (`;` on Windows); none set, none allowed",
        default=(),
        shown="",
        separator=os.pathsep,
    )
    download_dir: Path | None = setting(  # noqa: RUF009  # a field
        Reading.folder, "folder for HTML packages", default=None, shown="`flipsnack` in the downloads folder"
    )
    max_deletes_per_hour: int = setting(
        partial(Reading.number, least=0),
        "deletions and takings offline allowed in an hour, by all processes on the account",
        default=60,
    )
    max_deletes_per_day: int = setting(
        partial(Reading.number, least=0),
        "deletions and takings offline allowed in a day, by all processes on the account",
        default=200,
    )
    state: str = setting(
        Reading.state,
        "where uploads, confirmations, reports, plans and the history are kept, and beside it the request budget that all servers on the key share: `sqlite:PATH`, or `memory:` for this process only",
        shown="a file in the user's state folder; `memory:` in the sandbox",
    )
    calls_per_second: int = setting(Reading.number, "Flipsnack's limit for the key", default=5)
    calls_per_minute: int = setting(Reading.number, "Flipsnack's limit for the key", default=60)
    api_url: str = setting(
        Reading.address, "where to ask; http only on this machine", default="https://api.flipsnack.com/v1/"
    )
    upload_url: str = setting(
        Reading.address, "where to upload; http only on this machine", default="https://upload.flipsnack.com/v1/"
    )
    log_level: str = setting(Reading.log_level, "logs go to stderr only", default="WARNING")
    problems: tuple[str, ...] = ()
    """What has to be set right before anything can be asked."""
    hints: tuple[str, ...] = ()
    """What looks wrong but may be right."""
    notes: tuple[str, ...] = ()
    """What a host left open, and so is not set."""
    sources: Mapping[str, str] = field(default_factory=dict[str, str])
    """Where each given value came from: `environment` or `option`."""

    @property
    def missing(self) -> str:
        """Why nothing can be asked, or nothing."""
        if self.problems:
            return " ".join(self.problems)
        if self.sandbox or (self.api_key and self.api_secret):
            return ""
        names = [name for name, value in zip(CREDENTIALS, (self.api_key, self.api_secret), strict=True) if not value]
        return f"{' and '.join(names)} {'is' if len(names) == 1 else 'are'} not set. {HOW_TO_GET_A_KEY}"

    @property
    def account(self) -> str:
        """Tells accounts apart in the store, without naming the key."""
        return hashlib.sha256(f"{self.api_url} {self.api_key} {self.sandbox}".encode()).hexdigest()[:16]


DECLARED = {f"FLIPSNACK_{one.name.upper()}": one for one in fields(Settings) if one.metadata}
PLAIN_VARIABLES = [replace(one.metadata["variable"], name=name) for name, one in DECLARED.items()]
FILE_VARIABLES = [
    Variable(f"{one.name}_FILE", f"file that holds the {one.meaning}, instead of `{one.name}`")
    for one in PLAIN_VARIABLES[:2]
]
VARIABLES: tuple[Variable, ...] = (*PLAIN_VARIABLES[:2], *FILE_VARIABLES, *PLAIN_VARIABLES[2:])


def read_settings(environment: Mapping[str, str], options: Mapping[str, str] | None = None) -> Settings:
    """Settings from environment variables and, before them, options (by the variable's name)."""
    reading = Reading(VARIABLES, environment, options or {})
    values = {one.name: one.metadata["read"](reading, name, one.default) for name, one in DECLARED.items()}
    reading.look_at_credentials(values["api_key"], values["api_secret"])
    return Settings(
        **values,
        problems=tuple(reading.problems),
        hints=tuple(reading.hints),
        notes=tuple(reading.notes),
        sources=reading.sources,
    )
