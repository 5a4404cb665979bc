"""The JSON envelope of every answer, and the status codes that can stand in it."""

from collections.abc import Mapping
from typing import Any, Final

OK: Final = 20

MESSAGES: Final[Mapping[int, str]] = {
    20: "OK",
    22: "Maintenance mode",
    30: "Missing mandatory parameter",
    31: "Requests per second limit exceeded",
    32: "Requests per minute limit exceeded",
    33: "Uploads per month exceeded",
    34: "File size too large",
    35: "Collection maximum pages number exceeded",
    36: "Multiple files upload not allowed",
    37: "Delete flipbook not available for this collection",
    38: "Collection is in processing state",
    40: "Bad request",
    41: "Invalid credentials",
    42: "Invalid action",
    43: "Forbidden",
    44: "Invalid signature",
    46: "Invalid collection hash",
    47: "Invalid flipbook hash",
}


class Refusal(Exception):  # noqa: N818 - a refusal is a normal answer of the API, not an error of the program
    """A request is answered with a status code other than 20."""

    def __init__(self, code: int, message: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.message = message or MESSAGES.get(code, "Unknown")


def accepted(data: dict[str, Any] | None) -> dict[str, Any]:
    """Wrap what an action answers; `data` is missing, not null, when there is nothing to return."""
    envelope: dict[str, Any] = {"code": OK, "status": MESSAGES[OK]}
    return envelope if data is None else {**envelope, "data": data}


def refused(refusal: Refusal) -> dict[str, Any]:
    """Wrap a refusal: code and message, never `data`."""
    return {"code": refusal.code, "status": refusal.message}
