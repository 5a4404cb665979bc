"""Environment and options become one frozen Settings, which knows what is missing and says how to get it.

Reading never fails: the server starts and lists its tools whatever is set, and a call then says what is wrong.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

CONFIRM_WAYS = ("ask", "approve", "block", "allow")
TOOLSETS = ("default", "legacy")
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
WORDS = {"1": True, "true": True, "0": False, "false": False}
# The shapes of the key and the secret in Flipsnack's own examples; only good enough for a hint.
KEY_SHAPE = re.compile(r"[A-Z0-9]+-[A-Z0-9]+-[A-Z0-9]+")
SECRET_SHAPE = re.compile(r"[A-Z0-9]+-[A-Z0-9]+-[A-Z0-9]+-[A-Z0-9]+")
HOW_TO_GET_A_KEY = "Flipsnack gives API key and secret to Enterprise accounts on demand. To try the server without one, set FLIPSNACK_SANDBOX=1."


@dataclass(frozen=True)
class Variable:
    """One setting, as the README, the registry and the command line show it."""

    name: str
    meaning: str
    default: str = ""
    secret: bool = False
    flag: bool = False

    @property
    def option(self) -> str:
        """Its option of `serve`; a secret has none, options show in process lists."""
        return "" if self.secret else "--" + self.name.removeprefix("FLIPSNACK_").lower().replace("_", "-")


VARIABLES: tuple[Variable, ...] = (
    Variable("FLIPSNACK_API_KEY", "API key", secret=True),
    Variable("FLIPSNACK_API_SECRET", "API secret", secret=True),
    Variable("FLIPSNACK_API_KEY_FILE", "file that holds the API key, instead of `FLIPSNACK_API_KEY`"),
    Variable("FLIPSNACK_API_SECRET_FILE", "file that holds the API secret, instead of `FLIPSNACK_API_SECRET`"),
    Variable("FLIPSNACK_SANDBOX", "use the built-in imitation of Flipsnack; no key needed", "0", flag=True),
    Variable("FLIPSNACK_READ_ONLY", "offer only tools that change nothing in the account", "0", flag=True),
    Variable("FLIPSNACK_TOOLSETS", "`default`, or `default,legacy` for old actions too", "default"),
    Variable(
        "FLIPSNACK_CONFIRM",
        "how a deletion is confirmed: `ask` a person, `approve` in a terminal only, `block` always, `allow` without asking; "
        "anything else means `block`",
        "ask",
    ),
    Variable(
        "FLIPSNACK_UPLOAD_DIRS",
        "folders that may be uploaded from, joined by `:` (`;` on Windows); none set, none allowed",
    ),
    Variable("FLIPSNACK_DOWNLOAD_DIR", "folder for HTML packages", "`flipsnack` in the downloads folder"),
    Variable("FLIPSNACK_MAX_DELETES_PER_HOUR", "deletions allowed in an hour, by all processes on the account", "20"),
    Variable("FLIPSNACK_MAX_DELETES_PER_DAY", "deletions allowed in a day, by all processes on the account", "100"),
    Variable(
        "FLIPSNACK_STATE",
        "where uploads, confirmations, reports, plans and the history are kept, and beside it the request budget that all servers on the key share: `sqlite:PATH`, or `memory:` for this process only",
        "a file in the user's state folder; `memory:` in the sandbox",
    ),
    Variable("FLIPSNACK_CALLS_PER_SECOND", "Flipsnack's limit for the key", "5"),
    Variable("FLIPSNACK_CALLS_PER_MINUTE", "Flipsnack's limit for the key", "60"),
    Variable("FLIPSNACK_API_URL", "where to ask; http only on this machine", "https://api.flipsnack.com/v1/"),
    Variable("FLIPSNACK_UPLOAD_URL", "where to upload; http only on this machine", "https://upload.flipsnack.com/v1/"),
    Variable("FLIPSNACK_LOG_LEVEL", "logs go to stderr only", "WARNING"),
)
DEFAULTS = {one.name: one.default for one in VARIABLES}


@dataclass(frozen=True)
class Settings:
    """What the server was told. Key and secret are in no `repr`."""

    api_key: str = field(default="", repr=False)
    api_secret: str = field(default="", repr=False)
    api_url: str = DEFAULTS["FLIPSNACK_API_URL"]
    upload_url: str = DEFAULTS["FLIPSNACK_UPLOAD_URL"]
    sandbox: bool = False
    read_only: bool = False
    toolsets: frozenset[str] = frozenset({"default"})
    confirm: str = "ask"
    upload_dirs: tuple[Path, ...] = ()
    download_dir: Path | None = None
    max_deletes_per_hour: int = 20
    max_deletes_per_day: int = 100
    state: str = ""
    calls_per_second: int = 5
    calls_per_minute: int = 60
    log_level: str = "WARNING"
    problems: tuple[str, ...] = ()
    """What has to be set right before anything can be asked."""
    hints: tuple[str, ...] = ()
    """What looks wrong but may be right."""
    sources: Mapping[str, str] = field(default_factory=dict[str, str])
    """Where each given value came from: `environment` or `option`."""

    @property
    def missing(self) -> str:
        """Why nothing can be asked, or nothing."""
        if self.problems:
            return " ".join(self.problems)
        if self.sandbox or (self.api_key and self.api_secret):
            return ""
        names = [name for name, value in self._credentials.items() if not value]
        return f"{' and '.join(names)} {'is' if len(names) == 1 else 'are'} not set. {HOW_TO_GET_A_KEY}"

    @property
    def account(self) -> str:
        """Tells accounts apart in the store, without naming the key."""
        return hashlib.sha256(f"{self.api_url} {self.api_key} {self.sandbox}".encode()).hexdigest()[:16]

    @property
    def _credentials(self) -> dict[str, str]:
        return {"FLIPSNACK_API_KEY": self.api_key, "FLIPSNACK_API_SECRET": self.api_secret}


def read_settings(environment: Mapping[str, str], options: Mapping[str, str] | None = None) -> Settings:
    """Settings from environment variables and, before them, options (by the variable's name)."""
    return _Reading(environment, options or {}).settings()


class _Reading:
    """Collects problems while values are read, so that all are told at once."""

    def __init__(self, environment: Mapping[str, str], options: Mapping[str, str]) -> None:
        self.problems: list[str] = []
        self.hints: list[str] = []
        self.sources = {name: "environment" for name in DEFAULTS if environment.get(name)}
        self.sources |= dict.fromkeys(options, "option")
        self._values = {name: environment[name] for name in DEFAULTS if environment.get(name)} | dict(options)

    def settings(self) -> Settings:
        sandbox = self.flag("FLIPSNACK_SANDBOX")
        # The sandbox needs no key, so one that a client failed to fill in is no problem there.
        key, secret = (
            ("", "") if sandbox else (self.credential("FLIPSNACK_API_KEY"), self.credential("FLIPSNACK_API_SECRET"))
        )
        self.look_at_credentials(key, secret)
        return Settings(
            api_key=key,
            api_secret=secret,
            api_url=self.address("FLIPSNACK_API_URL"),
            upload_url=self.address("FLIPSNACK_UPLOAD_URL"),
            sandbox=sandbox,
            read_only=self.flag("FLIPSNACK_READ_ONLY", unclear=True),
            toolsets=self.toolsets(),
            confirm=self.confirm(),
            upload_dirs=tuple(
                self.folder("FLIPSNACK_UPLOAD_DIRS", one) for one in self.parts("FLIPSNACK_UPLOAD_DIRS", os.pathsep)
            ),
            download_dir=self.download_dir(),
            max_deletes_per_hour=self.number("FLIPSNACK_MAX_DELETES_PER_HOUR", least=0),
            max_deletes_per_day=self.number("FLIPSNACK_MAX_DELETES_PER_DAY", least=0),
            state=self.state(),
            calls_per_second=self.number("FLIPSNACK_CALLS_PER_SECOND"),
            calls_per_minute=self.number("FLIPSNACK_CALLS_PER_MINUTE"),
            log_level=self.log_level(),
            problems=tuple(self.problems),
            hints=tuple(self.hints),
            sources=self.sources,
        )

    def text(self, name: str) -> str:
        """A value as it stands, after pointing out what clients and shells get wrong."""
        value = self._values.get(name, "")
        if "${" in value:
            self.problems.append(
                f"{name} still holds a placeholder, ${{...}}: the client did not fill it in; write the value itself."
            )
        elif value != value.strip() or (len(value) > 1 and value[0] in "\"'" and value[-1] == value[0]):
            self.problems.append(f"{name} has quotes or spaces around its value: remove them.")
        return value

    def credential(self, name: str) -> str:
        """A credential from its variable or from the file its `_FILE` variable names."""
        direct, file = self.text(name), self.text(f"{name}_FILE")
        if direct and file:
            self.problems.append(f"Both {name} and {name}_FILE are set: keep one of them.")
        if direct or not file:
            return direct
        try:
            content = Path(file).read_text(encoding="utf-8-sig").strip()
        except (OSError, UnicodeDecodeError, ValueError):
            self.problems.append(f"The file that {name}_FILE names cannot be read.")
            return ""
        if not content:
            self.problems.append(f"The file that {name}_FILE names is empty.")
        return content

    def look_at_credentials(self, key: str, secret: str) -> None:
        if key and key == secret:
            self.problems.append(
                "FLIPSNACK_API_KEY and FLIPSNACK_API_SECRET hold the same value: one of them is wrong."
            )
        elif SECRET_SHAPE.fullmatch(key) and KEY_SHAPE.fullmatch(secret):
            self.hints.append("FLIPSNACK_API_KEY and FLIPSNACK_API_SECRET look swapped.")
        if any(not one.isprintable() or not one.isascii() for one in (key, secret)):
            self.problems.append("The API key or secret holds characters that neither can have: copy it once more.")

    def flag(self, name: str, *, unclear: bool = False) -> bool:
        """A switch; a value that is none counts as `unclear` and is pointed out."""
        value = self.text(name).lower()
        if not value:
            return False
        if value not in WORDS:
            self.problems.append(f"{name} is neither 1, 0, true nor false.")
        return WORDS.get(value, unclear)

    def parts(self, name: str, separator: str) -> list[str]:
        return [part.strip() for part in self.text(name).split(separator) if part.strip()]

    def number(self, name: str, least: int = 1) -> int:
        value = self.text(name) or DEFAULTS[name]
        if value.isascii() and value.isdigit() and len(value) <= 4 and least <= int(value) <= 1000:
            return int(value)
        self.problems.append(f"{name} is no whole number from {least} to 1000.")
        return int(DEFAULTS[name])

    def toolsets(self) -> frozenset[str]:
        names = frozenset(self.parts("FLIPSNACK_TOOLSETS", ","))
        if unknown := sorted(names - set(TOOLSETS)):
            self.problems.append(
                f"FLIPSNACK_TOOLSETS names {len(unknown)} unknown set(s); there are: {', '.join(TOOLSETS)}."
            )
        return names or frozenset({"default"})

    def confirm(self) -> str:
        value = self.text("FLIPSNACK_CONFIRM").lower() or "ask"
        if value not in CONFIRM_WAYS:
            self.hints.append(f"FLIPSNACK_CONFIRM is none of {', '.join(CONFIRM_WAYS)}: deletions are blocked.")
            return "block"
        return value

    def folder(self, name: str, value: str) -> Path:
        if not Path(value).is_absolute():
            self.problems.append(f"{name} holds a relative folder: write the whole path.")
        return Path(value)

    def download_dir(self) -> Path | None:
        value = self.text("FLIPSNACK_DOWNLOAD_DIR")
        return self.folder("FLIPSNACK_DOWNLOAD_DIR", value) if value else None

    def state(self) -> str:
        """Where to remember things; what cannot be understood is not repeated, it may hold a password."""
        value = self.text("FLIPSNACK_STATE")
        if value and value != "memory:" and not (value.startswith("sqlite:") and len(value) > len("sqlite:")):
            self.problems.append(
                "FLIPSNACK_STATE is neither sqlite:PATH nor memory: (redis:// comes with a later version)."
            )
            return "memory:"
        try:
            Path(value.removeprefix("sqlite:")).expanduser()
        except RuntimeError:
            self.problems.append("FLIPSNACK_STATE names a home folder that cannot be found: write the whole path.")
            return "memory:"
        return value

    def log_level(self) -> str:
        value = self.text("FLIPSNACK_LOG_LEVEL").upper() or "WARNING"
        if value not in LOG_LEVELS:
            self.hints.append(f"FLIPSNACK_LOG_LEVEL is none of {', '.join(LOG_LEVELS)}: WARNING is used.")
            return "WARNING"
        return value

    def address(self, name: str) -> str:
        """A base address: https anywhere, http on this machine only, for it carries the key."""
        value = self.text(name) or DEFAULTS[name]
        try:
            parts = urlsplit(value)
            host, _ = parts.hostname, parts.port
        except ValueError:
            host, parts = None, urlsplit("")
        good = host and (parts.scheme == "https" or (parts.scheme == "http" and host in LOOPBACK))
        if not good or "@" in parts.netloc or parts.query or parts.fragment:
            self.problems.append(f"{name} is no https address (http is taken for this machine only).")
            return DEFAULTS[name]
        return value if value.endswith("/") else f"{value}/"
