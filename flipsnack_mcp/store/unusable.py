"""What a person reads when the state file cannot be used: what happened, and the one thing to do about it."""

from pathlib import Path

ELSEWHERE = "set FLIPSNACK_STATE=sqlite:PATH to use another file"


class StoreUnusable(Exception):  # noqa: N818 - the name says it already
    """The state file cannot be used. Nothing was changed in it, and its text is safe to show."""

    def __init__(self, happened: str, next_step: str) -> None:
        self.happened = happened
        self.next_step = next_step
        super().__init__(f"{happened} {next_step}")


class BusyError(Exception):
    """Another process is in a transaction, and nothing has been done yet. No person sees this: it is tried again."""


def held(path: Path, seconds: float) -> StoreUnusable:
    return StoreUnusable(
        f"Another process has held the state file {path} for {seconds:.0f} seconds.",
        f"End the other flipsnack-mcp processes (one of them hangs or is stopped), or {ELSEWHERE}.",
    )


def newer(path: Path) -> StoreUnusable:
    return StoreUnusable(
        f"The state file {path} was made by a newer version of flipsnack-mcp; it was left as it is.",
        f"Update flipsnack-mcp, or {ELSEWHERE}.",
    )


def damaged(path: Path, reason: str) -> StoreUnusable:
    return StoreUnusable(
        f"The state file {path} is damaged or was not made by flipsnack-mcp ({reason}); it was left as it is.",
        f"Move it away, and a new one is made, which knows nothing of earlier uploads; or {ELSEWHERE}.",
    )


def inaccessible(path: Path, reason: str) -> StoreUnusable:
    return StoreUnusable(
        f"The state file {path} cannot be opened or written ({reason}).",
        f"Make its folder writable and see that the disk is not full, or {ELSEWHERE}, or FLIPSNACK_STATE=memory: to use none.",
    )


def no_sqlite() -> StoreUnusable:
    return StoreUnusable(
        "This Python was built without sqlite3, in which uploads, confirmations and the history are kept.",
        "Run flipsnack-mcp with another Python.",
    )
