"""What a doctor found, and how it is written down."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass

from flipsnack_mcp.api import one_line


@dataclass(frozen=True)
class Finding:
    """The answer to one thing that was looked at."""

    check: str
    ok: bool
    said: str
    account: str = ""
    """Whose, where a file names accounts."""

    @property
    def line(self) -> str:
        """For a person."""
        whose = f"[{self.account}] " if self.account else ""
        return one_line(f"{'ok  ' if self.ok else 'FAIL'} {whose}{self.check}: {self.said}")

    @property
    def facts(self) -> dict[str, object]:
        """For a program."""
        return {name: value for name, value in asdict(self).items() if name != "account" or value}


def verdict(findings: Iterable[Finding]) -> str:
    """What they come to."""
    return "All is well." if all(one.ok for one in findings) else "Something has to be set right first."
