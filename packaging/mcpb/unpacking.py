"""What builds the server in a bundle: unpacks the source beside it, once, and leaves the rest to the project's own builder."""

import tarfile
import tempfile
from pathlib import Path

from hatchling.build import *  # noqa: F403  # the hooks of PEP 517 and PEP 660

HERE = Path(__file__).parent
PACKAGE = HERE / "flipsnack_mcp"

if not PACKAGE.is_dir():
    with tempfile.TemporaryDirectory(dir=HERE) as folder, tarfile.open(HERE / "source.tar.xz") as source:
        source.extraction_filter = getattr(tarfile, "data_filter", None)  # Python 3.11.4
        source.extractall(folder)  # noqa: S202  # an archive of ours
        (Path(folder) / PACKAGE.name).rename(PACKAGE)
