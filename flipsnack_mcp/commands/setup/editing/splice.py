"""One cut in a text: what is put in its place, and how that is taken back."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Splice:
    """At one place something is replaced, mostly nothing by something."""

    at: int
    replaced: str
    inserted: str

    def made_in(self, text: str) -> str:
        """The text with it."""
        return text[: self.at] + self.inserted + text[self.at + len(self.replaced) :]

    def taken_back(self, text: str) -> str | None:
        """The text without it, wherever it has moved to; None where it stands there no more, or more than once."""
        return text.replace(self.inserted, self.replaced, 1) if text.count(self.inserted) == 1 else None
