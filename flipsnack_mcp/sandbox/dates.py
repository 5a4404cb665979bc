"""Days and moments as Flipsnack writes them, computed from the sandbox's clock only."""

from datetime import UTC, date, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

DAY = 86_400.0


def moment(seconds: float) -> datetime:
    """Turn clock seconds into a moment; also before 1970, which a fake clock may well show."""
    return _EPOCH + timedelta(seconds=seconds)


def stamp(seconds: float) -> str:
    """Write a moment as lists do. Sandbox's own choice: UTC, the documentation names no zone."""
    return moment(seconds).strftime("%Y-%m-%d %H:%M:%S")


def day(seconds: float) -> date:
    return moment(seconds).date()


def parsed_day(text: str) -> date | None:
    """Read YYYY-MM-DD and nothing else (`fromisoformat` alone would also take 20260923 and week dates)."""
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return found if found.isoformat() == text else None
