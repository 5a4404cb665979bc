"""The folder that packages and reports go to."""

from pathlib import Path


def download_folder(named: Path | None) -> Path:
    """Returns the folder that was named, or "flipsnack" in the user's downloads folder, whether it exists or not."""
    if named:
        return named
    import platformdirs  # noqa: PLC0415 - only a download needs it, and the server starts without it

    return platformdirs.user_downloads_path() / "flipsnack"
