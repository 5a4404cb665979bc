"""A shared document as it was seen last, with its text: who finds the same text again need not read and check it anew."""

from collections.abc import Callable
from typing import Generic, TypeAlias, TypeGuard, TypeVar, cast

from pydantic_core import from_json, to_json

from flipsnack_mcp.store.records import T

DocumentT = TypeVar("DocumentT")
Fits: TypeAlias = Callable[[object], TypeGuard[DocumentT]]  # whether what a store held is such a document


class LastSeen(Generic[DocumentT]):
    """What a document was after the last change that is known to have been made."""

    def __init__(self, first: DocumentT, fits: Fits[DocumentT]) -> None:
        self._fits = fits
        self._text, self._document = document_as_text(first), cast("DocumentT | None", None)

    def lent(self) -> DocumentT:
        """The document, to be changed. What is not kept afterwards has not been: it is read from its text again."""
        lent, self._document = self._document, None
        return cast("DocumentT", from_json(self._text)) if lent is None else lent

    def found(self, text: str | None) -> DocumentT | None:
        """What this text says, to be changed as well; None where somebody edited it into nonsense."""
        if text == self._text:  # it was looked at when it came, or was made here
            return self.lent()
        document = document_from_text(text or "")
        return document if self._fits(document) else None

    def keep(self, document: DocumentT, text: str) -> None:
        """This is how it stands."""
        self._document, self._text = document, text

    def change(self, decide: Callable[[DocumentT, float], T], now: float) -> T:
        """Change it by itself, where nobody else can be asked."""
        document = self.lent()
        answer = decide(document, now)
        self.keep(document, document_as_text(document))
        return answer


def document_as_text(document: object) -> str:
    """A document as it is written down. It is mostly numbers with many digits, which take `json` five times as long."""
    return to_json(document).decode()


def document_from_text(text: str) -> object:
    """What a text says; nothing where it is no JSON."""
    try:
        return cast("object", from_json(text))
    except ValueError:
        return None
