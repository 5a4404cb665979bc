"""How fast the sandbox works and how much it takes: the numbers that Flipsnack decides for a real account."""

from dataclasses import dataclass

_MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Pace:
    """Times in seconds and limits of one sandbox; the limits are the documented ones, 0 means no limit.

    Set `keep_uploads` to False and uploaded bytes are counted and thrown away: no hash, no page count.
    """

    # Sandbox's own choice: the documentation says that conversion "may take minutes" and names no time for packages.
    conversion_seconds: float = 5.0
    package_seconds: float = 5.0
    link_seconds: float = 60.0
    calls_per_second: int = 5
    calls_per_minute: int = 60
    # Sandbox's own choice: a megabyte has 1,000,000 bytes; the documentation only says "500 MB".
    max_file_bytes: int = 500 * _MEGABYTE
    max_pages: int = 1000
    uploads_left: int = 53
    keep_uploads: bool = True
    retry_seconds: float = 1.0
    """Before the first retry of a webhook; twice as long before each further one."""
