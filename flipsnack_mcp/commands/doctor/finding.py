"""What a doctor found, and how it is written down."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, fields, replace

from flipsnack_mcp.api import one_line

BY_ITSELF = " `doctor --fix` does it."


@dataclass(frozen=True)
class Finding:
    """The answer to one thing that was looked at."""

    check: str
    ok: bool
    said: str
    account: str = ""
    """Whose, where a file names accounts."""
    client: str = ""
    """In whose configuration, and under which name there."""
    cause: str = ""
    """Of what kind it is, in a word, where one check can fail for several."""
    ends: bool = False
    """Whether nothing behind it can be looked at."""
    mend: Callable[[], str] | None = field(default=None, repr=False)
    """Sets it right, where nothing can be lost by that, and says what was done; an `OSError` says why it could not."""

    @property
    def line(self) -> str:
        """For a person."""
        whose = f"[{self.client or self.account}] " if self.client or self.account else ""
        cure = BY_ITSELF if self.mend else ""
        return one_line(f"{'ok  ' if self.ok else 'FAIL'} {whose}{self.check}: {self.said}{cure}")

    @property
    def facts(self) -> dict[str, object]:
        """For a program."""
        known = {one.name: getattr(self, one.name) for one in fields(self)}
        told = {
            name: value
            for name, value in known.items()
            if name in TOLD_ALWAYS or (value and name not in {"mend", "ends"})
        }
        return told | ({"fixable": True} if self.mend else {})


TOLD_ALWAYS = frozenset({"check", "ok", "said"})


def found_in_client(client: str, findings: Iterable[Finding]) -> list[Finding]:
    """The same, as found in a client's configuration."""
    return [replace(one, client=client) for one in findings]


def verdict(findings: Iterable[Finding]) -> str:
    """What they come to."""
    return "All is well." if all(one.ok for one in findings) else "Something has to be set right first."


def all_set_right(findings: Iterable[Finding]) -> list[str]:
    """Set right what can be; what was done, each once."""
    return [*dict.fromkeys(set_right_or_why_not(one.mend) for one in findings if one.mend)]


def set_right_or_why_not(mend: Callable[[], str]) -> str:
    """Set one thing right."""
    try:
        return mend()
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        return f"Not set right{where}: {error.strerror or type(error).__name__}."
