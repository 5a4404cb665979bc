"""Addresses of things that the sandbox names: covers, and what it does not serve: pages, images, the player."""

import re
import unicodedata
from base64 import b64encode
from urllib.parse import urlsplit

from flipsnack_mcp.sandbox.account import Account, Collection

COVER_PATH = "/collections/items/{item}/covers/page_1/thumb"
_FILES = "https://files.flipsnack.net"


def slug(title: str) -> str:
    """Make the readable part of an address: "Été & jardin" becomes "ete-jardin"."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-") or "untitled"


def direct_link(account: Account, collection: Collection) -> str:
    # Sandbox's own choice: a draft has no page of its own yet.
    if collection.status == "editable":
        return ""
    return f"https://www.flipsnack.com/{account.profile}/{slug(collection.title)}-{collection.hash}.html"


def cover(collection: Collection, now: float, base: str) -> str:
    """Give the thumbnail of page 1 of the first flipbook that is converted; `base` is where the sandbox was asked."""
    # Sandbox's own choice: empty until there is a converted flipbook.
    complete = collection.complete_items(now)
    return files_at(base) + COVER_PATH.format(item=complete[0].hash) if complete else ""


def files_at(base: str) -> str:
    """Give the host of pictures: Flipsnack's own name where the sandbox was asked under one of those, else itself."""
    return _FILES if (urlsplit(base).hostname or "").endswith(".flipsnack.com") else base


def image(collection: Collection, kind: str, name: str) -> str:
    return f"{_FILES}/collections/{kind}/{collection.visits_key}/{slug(name.rpartition('.')[0] or name)}"


def embed_code(account: Account, collection: Collection, *, size: tuple[str, str], page: int, book: int) -> str:
    """Write the iframe that is seen on the web today; its address carries account and collection in base64."""
    packed = b64encode(f"{account.account_id}+{collection.hash}".encode()).decode()
    address = f"https://player.flipsnack.com?hash={packed}"
    if page > 1:
        address += f"&p={page}"
    if book > 1:
        # Sandbox's own choice: the name `b`. Only `p` has been seen.
        address += f"&b={book}"
    return (
        f'<iframe src="{address}" width="{size[0]}" height="{size[1]}" '
        'seamless="seamless" scrolling="no" frameBorder="0" allowFullScreen '
        'allow="autoplay; clipboard-read; clipboard-write"></iframe>'
    )
