"""Environment and options become one frozen Settings, which knows what is missing and says how to get it.

Reading never fails: the server starts and lists its tools whatever is set, and a call then says what is wrong. What a
setting means, its default and how it is read stand once, at its field in `Settings`. Where there is an accounts file, each
account has `Settings` of its own: those of the process with what the file says otherwise.
"""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from flipsnack_mcp.accounts_file import (
    IS_SANDBOX,
    SIZES,
    Told,
    UnreadableError,
    accounts_in,
    in_the_file,
    key_of,
    whole_path,
)
from flipsnack_mcp.declared import setting
from flipsnack_mcp.for_a_team import TeamSettings
from flipsnack_mcp.reading import ACCOUNTS, CONFIRM_WAYS, CREDENTIALS, LOG_LEVELS, LOOPBACK, Reading, Variable
from flipsnack_mcp.redis_address import is_redis

__all__ = ["ACCOUNTS", "LOOPBACK", "VARIABLES", "Settings", "Variable", "read_settings"]

FEWEST_CHARACTERS = 12
"""Of a key, so that its last four tell nothing."""
OF_A_TEAM = frozenset(f"FLIPSNACK_{one.name.upper()}" for one in fields(TeamSettings))
PROCESS_WIDE = frozenset(
    {"FLIPSNACK_STATE", "FLIPSNACK_STATE_FILE", "FLIPSNACK_LOG_LEVEL", "FLIPSNACK_ACCOUNTS", *OF_A_TEAM}
)
HOW_TO_GET_A_KEY = "Flipsnack gives API key and secret to Enterprise accounts on demand. To try the server without one, set FLIPSNACK_SANDBOX=1."


@dataclass(frozen=True)
class Settings(TeamSettings):
    """What the server was told. Key and secret are in no `repr`."""

    api_key: str = setting(Reading.credential, "API key of the Flipsnack account", secret=True, asked="API key")
    api_secret: str = setting(
        Reading.credential, "API secret of the Flipsnack account", secret=True, asked="API secret"
    )
    sandbox: bool = setting(
        Reading.switch, "use the built-in imitation of Flipsnack; no key needed", default=False, asked="Sandbox"
    )
    read_only: bool = setting(
        partial(Reading.switch, unclear=True),
        "offer only tools that change nothing in the account",
        default=False,
        asked="Read only",
    )
    toolsets: frozenset[str] = setting(
        Reading.toolsets,
        "sets of tools, with commas between them: `default`, and `legacy` for Flipsnack's old actions",
        default=frozenset({"default"}),
        shown="default",
        separator=",",
    )
    confirm: str = setting(
        Reading.confirm,
        "how a deletion is confirmed: `ask` a person, `approve` in a terminal only, `block` always, `allow` without asking; "
        "anything else means `block`",
        default="ask",
        choices=CONFIRM_WAYS,
        asked="How deletions are confirmed",
    )
    upload_dirs: tuple[Path, ...] = setting(
        Reading.folders,
        "folders that may be uploaded from (none set, none allowed)",
        default=(),
        shown="",
        separator=os.pathsep,
        asked="Upload folders",
        written="joined by `:` (`;` on Windows)",
    )
    download_dir: Path | None = setting(  # noqa: RUF009  # a field
        Reading.folder,
        "folder for HTML packages and saved reports",
        default=None,
        shown="`flipsnack` in the downloads folder",
        asked="Download folder",
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
        "where uploads, confirmations, reports, plans and the history are kept, and beside it the request budget that all servers on the key share: `sqlite:PATH`, `redis://[USER:PASSWORD@]HOST:PORT/DATABASE` (also `rediss://`, `unix://`) for servers on several machines, or `memory:` for this process only",
        shown="a file in the user's state folder; `memory:` in the sandbox",
        veiled=True,
    )
    calls_per_second: int = setting(Reading.number, "calls that Flipsnack allows a key in a second", default=5)
    calls_per_minute: int = setting(Reading.number, "calls that Flipsnack allows a key in a minute", default=60)
    api_url: str = setting(
        Reading.address,
        "address of Flipsnack's API; http only on this machine",
        default="https://api.flipsnack.com/v1/",
    )
    upload_url: str = setting(
        Reading.address,
        "address of Flipsnack's uploads; http only on this machine",
        default="https://upload.flipsnack.com/v1/",
    )
    file_hosts: tuple[str, ...] = setting(
        Reading.hosts,
        "hosts that covers may come from, with commas between them",
        default=("files.flipsnack.net",),
        shown="files.flipsnack.net",
        separator=",",
    )
    log_level: str = setting(
        Reading.log_level, "how much is logged, to stderr only", default="WARNING", choices=LOG_LEVELS
    )
    accounts: tuple["Settings", ...] = setting(
        Reading.as_it_stands,
        "TOML file with several accounts, each a table `[accounts.NAME]` with `key` and `secret` and what else is different for it",
        default=(),
        shown="",
    )
    """The accounts of the file, each once; none where there is no file."""
    accounts_file: Path | None = None
    key_files: tuple[Path, ...] = ()
    """Where that file keeps keys: in itself, or in files that it names."""
    name: str = ""
    """What the file calls this account."""
    aliases: tuple[str, ...] = ()
    """Further names that the file has for its key."""
    callers: tuple[str, ...] = ()
    """Whom an authorization server may vouch for, so that they may use this account, as the file writes it."""
    team: bool = False
    """Whether people who are told apart use this server over HTTP: nobody's disk is theirs. `serve` knows it."""
    size: str = SIZES[0]
    """With what the account begins, where it is an imitation."""
    problems: tuple[str, ...] = ()
    """What has to be set right before anything can be asked."""
    wrong_folders: Mapping[str, str] = field(default_factory=dict[str, str])
    """What is wrong with a folder, by its variable; a call that needs it is refused so, and no other."""
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
        said = f"{' and '.join(names)} {'is' if len(names) == 1 else 'are'} not set."
        if self.accounts_file:
            write = f"Write {'it' if len(names) == 1 else 'both'} into the file."
            return in_the_file(self.accounts_file, self.name, key_of(f"{said} {write}"))
        return f"{said} {HOW_TO_GET_A_KEY}"

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is wrong or looks so, of the process and of each account, each once."""
        said = (
            one
            for each in (self, *self.accounts)
            for one in (*each.problems, *each.wrong_folders.values(), *each.hints)
        )
        return tuple(dict.fromkeys(said))

    @property
    def every(self) -> tuple["Settings", ...]:
        """The settings of each account, the first of which is asked where none is named."""
        return self.accounts or (self,)

    @property
    def one_of_several(self) -> bool:
        """Whether other replicas may answer a client's next request: each is made to be used, and to end, beside them."""
        return self.team or is_redis(self.state)

    @property
    def key_end(self) -> str:
        """The last four characters of the key, by which a person can tell keys apart; nothing of a short one."""
        return self.api_key[-4:] if len(self.api_key) >= FEWEST_CHARACTERS and not self.sandbox else ""

    @property
    def label(self) -> str:
        """By what a person knows the account; nothing where there is nothing to tell."""
        return self.name or ("sandbox" if self.sandbox else "") or (self.key_end and f"key ending {self.key_end}")

    @cached_property
    def account(self) -> str:
        """Tells accounts apart in the store, without naming the key. Those without one are told apart by their names."""
        import hashlib  # noqa: PLC0415  # 4 MB, which a server has no use for until it is called

        key = self.api_key or (f"none of {self.name}" if self.name else "")
        told = f"{self.api_url} {key} {self.sandbox}".encode(errors="surrogateescape")  # a key can hold any byte
        return hashlib.sha256(told).hexdigest()[:16]


# Those for a team last: a dataclass has the fields of what it is made from first.
EVERY_FIELD = sorted(fields(Settings), key=lambda one: f"FLIPSNACK_{one.name.upper()}" in OF_A_TEAM)
DECLARED = {f"FLIPSNACK_{one.name.upper()}": one for one in EVERY_FIELD if one.metadata}
PLAIN_VARIABLES = [replace(one.metadata["variable"], name=name) for name, one in DECLARED.items()]
FILE_VARIABLES = [
    Variable(f"{one.name}_FILE", f"file that holds the {one.meaning}, instead of `{one.name}`", kind="filepath")
    for one in PLAIN_VARIABLES[:2]
]
STATE_FILE = Variable(
    "FLIPSNACK_STATE_FILE", "file that holds that address, instead of `FLIPSNACK_STATE`", kind="filepath"
)
BEHIND_STATE = 1 + [one.name for one in PLAIN_VARIABLES].index("FLIPSNACK_STATE")
VARIABLES: tuple[Variable, ...] = (
    *(*PLAIN_VARIABLES[:2], *FILE_VARIABLES),
    *(*PLAIN_VARIABLES[2:BEHIND_STATE], STATE_FILE, *PLAIN_VARIABLES[BEHIND_STATE:]),
)

OF_AN_ACCOUNT = {one.name: one for one in VARIABLES if one.name not in PROCESS_WIDE}
"""What may be told of one account."""


def read_settings(environment: Mapping[str, str], options: Mapping[str, str] | None = None) -> Settings:
    """Settings from environment variables and, before them, options (by the variable's name)."""
    reading = Reading(VARIABLES, environment, options or {})
    values = read_from(reading, DECLARED)
    file = str(values.pop("accounts", ""))
    reading.look_at_credentials(values["api_key"], values["api_secret"])
    settings = Settings(**values, **said_by(reading), sources=reading.sources)
    return with_accounts(settings, file) if file else settings


def read_from(reading: Reading, names: Iterable[str]) -> dict[str, Any]:
    """The values of these variables by their fields."""
    wanted = {name: DECLARED[name] for name in DECLARED if name in names}
    return {one.name: one.metadata["read"](reading, name, one.default) for name, one in wanted.items()}


SAID = ("problems", "hints", "notes")


def said_by(reading: Reading, as_told: Callable[[str], str] = str) -> dict[str, Any]:
    """What is said of the values that were read."""
    folders = {name: as_told(said) for name, said in reading.wrong_folders.items()}
    return {"wrong_folders": folders, **{kind: tuple(map(as_told, getattr(reading, kind))) for kind in SAID}}


def with_accounts(process: Settings, file: str) -> Settings:
    """The settings of the process and those of each account of its file."""
    try:
        path = whole_path(file)
        told = accounts_in(path, OF_AN_ACCOUNT)
    except UnreadableError as error:
        return replace(process, problems=(*process.problems, str(error)))
    by_key = dict[str, list[Settings]]()
    for one in (of_account(process, path, each) for each in told):
        by_key.setdefault(one.account, []).append(one)
    accounts = tuple(as_one(path, same) for same in by_key.values())
    return replace(process, accounts_file=path, accounts=accounts, key_files=files_with_keys(path, told))


def files_with_keys(file: Path, told: Iterable[Told]) -> tuple[Path, ...]:
    """The files that hold a key or a secret of these accounts."""
    given = ((name, text) for one in told for name, text in one.values.items() if name.startswith(CREDENTIALS))
    named = (os.path.expanduser(text) if name.endswith("_FILE") else file for name, text in given)  # noqa: PTH111  # that of Path can raise
    return tuple(dict.fromkeys(map(Path, named)))


def of_account(process: Settings, file: Path, told: Told) -> Settings:
    """The settings of one account: those of the process, but for what the file says of it."""
    given = {**({IS_SANDBOX: "1"} if process.sandbox else {}), **told.values}
    reading = Reading(VARIABLES, given, {})
    values = read_from(reading, {*given, *CREDENTIALS, *(one.removesuffix("_FILE") for one in given)})
    reading.look_at_credentials(values["api_key"], values["api_secret"])
    said = said_by(reading, lambda said: in_the_file(file, told.name, key_of(said)))
    said["problems"] = (*process.problems, *told.problems, *said["problems"])
    inherited = {name: text for name, text in process.wrong_folders.items() if name not in given}
    said["wrong_folders"] = inherited | said["wrong_folders"]
    # Each imitation is an account of its own, and is told apart like the others.
    if values.get("sandbox"):
        values["api_key"] = f"SANDBOX-{told.name.upper()}"
    # Who starts a server read-only means all of it.
    values["read_only"] = process.read_only or values.get("read_only", False)
    return replace(process, **values, **said, name=told.name, size=told.size, callers=told.callers, accounts_file=file)


def as_one(file: Path, same: Sequence[Settings]) -> Settings:
    """The account that has one key under several names; what counts for it must not depend on how it is called."""
    first, *others = same
    if not others:
        return first
    names = ", ".join(f'"{one.name}"' for one in same)
    every = {one.name for one in fields(Settings)} - {"name", "wrong_folders", *SAID}  # which name the account
    pointed_out = f"{file}: {names} have one key and so are one account."
    said: dict[str, Any] = {
        kind: tuple(dict.fromkeys(text for one in same for text in getattr(one, kind))) for kind in SAID
    }
    if any(getattr(one, name) != getattr(first, name) for name in every for one in others):
        said["problems"] = (*said["problems"], f"{pointed_out} They are told different things: keep one of them.")
    else:
        said["hints"] = (*said["hints"], f"{pointed_out} One of the names is enough: take the others out.")
    return replace(first, aliases=tuple(one.name for one in others), **said)
