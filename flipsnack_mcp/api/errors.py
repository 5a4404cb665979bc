"""Everything this package raises on purpose about Flipsnack.

FlipsnackError                     its text has four parts and is safe to show to anyone
├── ConfigurationError             a key, secret or setting is missing or malformed
├── UnreachableError               no answer: the action may have happened, or certainly did not
├── OutOfTimeError                 the call's time would be over before the request budget allows the request
├── NotCountedError                what others who share the request budget do cannot be told
├── LookTooOldError                what was seen of a target was too old each time it could have been changed
├── UnreadableAnswerError          an answer, but not one the documentation allows
│   └── TooManyRequestsError       one with HTTP status 429: something before Flipsnack counts requests too
└── RefusedError                   Flipsnack said no, with a status code
    ├── MaintenanceError           22
    ├── InvalidRequestError        30, 36, 40
    ├── RateLimitedError           31, 32
    ├── QuotaExceededError         33, or a 32 whose text speaks of uploads
    ├── TooLargeError              34, 35
    ├── NotAvailableError          37
    ├── StillProcessingError       38
    ├── NotAuthorisedError         41, 44
    ├── NotOfferedError            42
    └── NotFoundError              43, 46, 47

The four parts: what happened, whether anything was changed, whether and when to try again, the single next step.
Codes: https://developers.flipsnack.com/api-status-codes
"""

import re
from enum import Enum
from typing import ClassVar

from typing_extensions import override

from flipsnack_mcp.text import quoted

LONGEST_MESSAGE = 1000
"""What is looked at of Flipsnack's own message: a search in an endless one would stop the server."""
SIGNED_WORDS = re.compile(r"\S*(?:apikey|signature)=\S*|(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])", re.IGNORECASE)
"""An address with its key, and what has the form of a signature: one that Flipsnack says it expected would count."""
ANY_ACTION = (22, 30, 31, 32, 40, 41, 42, 44)


class Changed(Enum):
    """Whether the account may differ from before the call."""

    NOTHING = "Nothing was changed."
    PERHAPS = "Something may have been changed."


class FlipsnackError(Exception):
    """What this package raises on purpose. Its text is safe to show."""

    retry: ClassVar[str] = "Trying again will not help."

    def __init__(
        self, happened: str, next_step: str, *, changed: Changed = Changed.NOTHING, retry: str | None = None
    ) -> None:
        self.happened = happened
        self.changed = changed
        self.again = self.retry if retry is None else retry
        self.next_step = next_step
        self.at = ""
        """Where on the way to Flipsnack it ended, in a word; empty where it got there."""
        super().__init__(happened)

    @override
    def __str__(self) -> str:
        return " ".join(part for part in (self.happened, self.changed.value, self.again, self.next_step) if part)


class ConfigurationError(FlipsnackError):
    """A key, secret or setting is missing or malformed."""

    retry = "Try again once that is set."


class UnreachableError(FlipsnackError):
    """There was no answer."""

    retry = "You can try again in a minute."


class OutOfTimeError(FlipsnackError):
    """The call's time ended, or would end, before the request's turn in the budget of the key."""

    def __init__(self, seconds: float) -> None:
        super().__init__(
            "The request's turn comes too late for this call: Flipsnack allows a key so many calls a second and a minute.",
            "Wait that long, then make the same call.",
            retry=f"A turn comes in about {seconds:.0f} seconds.",
        )


class NotCountedError(FlipsnackError):
    """Where all who share the budget count their calls cannot be reached, and none may be taken without that."""

    retry = "Try again in half a minute."

    def __init__(self, why: str, next_step: str) -> None:
        told = "How many calls other servers make on this account cannot be told without it, so none was made."
        super().__init__(f"{why} {told}", next_step)


class LookTooOldError(FlipsnackError):
    """More than two seconds lay between the last look at a target and the moment at which its change could have left."""

    retry = "You can try again in a minute."

    def __init__(self) -> None:
        super().__init__(
            "Each time more than two seconds went by between the last look at it and the moment at which the change could leave: "
            "Flipsnack, the network or this computer is slow just now, or other calls use up what the key allows.",
            "Make the same call again; what needs a person's yes is asked anew.",
        )


class UnreadableAnswerError(FlipsnackError):
    """Flipsnack, or something on the way to it, sent what its documentation does not allow."""

    retry = "You can try again in a minute."


class TooManyRequestsError(UnreadableAnswerError):
    """HTTP status 429 and no code: something before Flipsnack counts requests too."""


class RefusedError(FlipsnackError):
    """Flipsnack answered with a status code other than 20, so it did not do what was asked."""

    codes: ClassVar[tuple[int, ...]] = ()
    advice: ClassVar[str] = "Tell the person what Flipsnack said."

    def __init__(self, code: int, message: str) -> None:
        self.code = code
        harmless = SIGNED_WORDS.sub("...", message[:LONGEST_MESSAGE])
        said = f" {quoted(harmless, 120)}" if harmless else ""
        super().__init__(f"Flipsnack refused with code {code}{said}.", self.advice)


class MaintenanceError(RefusedError):
    """Flipsnack's servers are in maintenance (22)."""

    codes = (22,)
    retry = "Try again in a few minutes."
    advice = "Tell the person that Flipsnack is in maintenance."


class InvalidRequestError(RefusedError):
    """Flipsnack does not accept the request as it is (30, 36, 40)."""

    codes = (30, 36, 40)
    advice = "Check the arguments, if any were given, against what the tool says about them; else tell the person what Flipsnack said."


class RateLimitedError(RefusedError):
    """Too many calls with this key in a second or a minute (31, 32): somebody else uses it too."""

    codes = (31, 32)
    retry = "Try again in a minute."
    advice = "Another program uses the same key; make fewer calls at once."


class QuotaExceededError(RefusedError):
    """The monthly allowance of uploads is used up (33)."""

    codes = (33,)
    advice = "Ask get_user_stats how many uploads are left; more come with the next month or a larger plan."


class TooLargeError(RefusedError):
    """The document is over 500 MB or 1,000 pages (34, 35)."""

    codes = (34, 35)
    advice = "Ask the person for a smaller document: at most 500 MB and 1,000 pages."


class NotAvailableError(RefusedError):
    """This collection does not allow it (37)."""

    codes = (37,)
    advice = "Tell the person that Flipsnack does not allow this for the collection."


class StillProcessingError(RefusedError):
    """The collection is still being converted (38)."""

    codes = (38,)
    retry = "Try again when its conversion is complete."
    advice = "Call get_collection with wait_seconds to wait for that."


class NotAuthorisedError(RefusedError):
    """Key or signature are wrong (41, 44)."""

    codes = (41, 44)
    retry = "Try again once the credentials are right."
    wrong: ClassVar = {
        41: "Flipsnack does not know this key: the API key",
        44: "The key exists, the secret does not belong to it: the API secret",
    }

    @override
    def __init__(self, code: int, message: str) -> None:
        super().__init__(code, message)
        self.next_step = f"{self.wrong[code]} has to be copied once more into the configuration of this server."


class NotOfferedError(RefusedError):
    """Flipsnack does not know the action (42); its old ones may be gone."""

    codes = (42,)
    advice = "Tell the person that Flipsnack's API does not offer this, or no longer does."


class NotFoundError(RefusedError):
    """The collection or flipbook does not exist, was deleted, or belongs to somebody else (43, 46, 47)."""

    codes = (43, 46, 47)
    advice = "Look it up by its title with list_collections: publishing a draft gives it a new hash."


BY_CODE = {code: kind for kind in RefusedError.__subclasses__() for code in kind.codes}


def refusal(code: int, message: str) -> RefusedError:
    """The error for a status code; an unknown code is a plain refusal, never a crash."""
    if code == 32 and "upload" in message.lower():
        # The limitations page gives 32 for the monthly uploads, against the table of status codes.
        return QuotaExceededError(code, message)
    return BY_CODE.get(code, RefusedError)(code, message)
