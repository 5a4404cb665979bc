"""The folder that packages and reports go to where none is named."""

from pathlib import Path


def default_download_folder() -> Path:
    """Returns the folder "flipsnack" in the user's downloads folder, whether it exists or not."""
    import platformdirs  # noqa: PLC0415 - only a download needs it, and the server starts without it

    return platformdirs.user_downloads_path() / "flipsnack"
