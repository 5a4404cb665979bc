"""How large files may be: the upload limit for documents, and the download limits for packages."""

from dataclasses import dataclass

MEGABYTE = 1024 * 1024  # Flipsnack does not say which megabyte it means; this is the larger one
MOST_UPLOAD_BYTES = 500 * MEGABYTE
LARGE_UPLOAD_BYTES = 100 * MEGABYTE
LARGE_UPLOAD_WARNING = (
    "The document is over 100 MB: Flipsnack's present limit is 500 MB, but its older documentation gives 100 MB."
)


@dataclass(frozen=True)
class PackageLimits:
    """How much a package may be.

    Attributes:
        package_bytes: What is received at most.
        unpacked_bytes: What all entries unpack to at most, counted while unpacking.
        ratio: How many times its packed size an entry may unpack to.
        package_ratio: How many times its size the whole package may unpack to: each small bomb may be a fair entry.
        free_bytes: Below this no ratio matters.
        entries: How many entries there may be.
        directory_bytes: How long the list of entries may be; it is the only part held in memory.
    """

    package_bytes: int = 4 * 1024 * MEGABYTE
    unpacked_bytes: int = 4 * 1024 * MEGABYTE
    ratio: int = 200
    package_ratio: int = 50
    free_bytes: int = 10 * MEGABYTE
    entries: int = 50_000
    directory_bytes: int = 16 * MEGABYTE
