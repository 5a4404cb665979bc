"""Says whether a tag may become a release: `python packaging/release.py v0.1.0`. It publishes nothing."""

from __future__ import annotations

import re
import sys

from flipsnack_mcp.published import PUBLISHED
from forms.project import ROOT, VERSION
from forms.written import FORMS


def lacking(tag: str, *, published: bool, notes: str) -> list[str]:
    """What is still to be done."""
    wrong = {
        f"the tag is {tag} and the version {VERSION}: they have to be the same": tag != f"v{VERSION}",
        "flipsnack_mcp/published.py says that it is not published: the release is what its forms will name": not published,
        f"CHANGELOG.md has no section for {VERSION} with a day": not re.search(
            rf"^## \[?{re.escape(VERSION)}\]?.*\d{{4}}-\d\d-\d\d", notes, re.MULTILINE
        ),
    }
    return [said for said, so in wrong.items() if so]


def main(tag: str) -> int:
    stale = [path for path, form in FORMS.items() if (ROOT / path).read_text(encoding="utf-8") != form()]
    said = lacking(tag, published=PUBLISHED, notes=(ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))
    for one in (*said, *(f"{path} is stale: run packaging/write_docs.py" for path in stale)):
        print(f"not yet: {one}")
    return 1 if said or stale else 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(f"Say which tag it is: python packaging/release.py v{VERSION}")
    sys.exit(main(sys.argv[1]))
