"""Finding a hash in what people paste, and judging an address by its spelling. Nothing here asks the network."""

import base64
import html
import re
import unicodedata
from collections.abc import Collection
from contextlib import suppress
from urllib.parse import parse_qs, unquote, urlsplit

from flipsnack_mcp.text import cleaned, quoted

HASH = re.compile(r"[A-Za-z0-9_-]{1,64}")
PLAIN_FACT = re.compile(r"[A-Za-z0-9-]+")
"""What Flipsnack says in a word or a day needs no quotes."""
HASH_AND_TITLE = re.compile(rf"""({HASH.pattern}) ["'].*["'](?:, {PLAIN_FACT.pattern})*""")
ACCOUNT_IN_LINK = re.compile(r"[A-Za-z0-9]{6,}")
ACCOUNT_IN_PATH = re.compile(r"[0-9A-F]{11}")
ADDRESS_IN_CODE = re.compile(r"(?:https?:)?//[^\s\"'<>]+", re.IGNORECASE)
BEGINS_LIKE_CODE = re.compile(r"<(iframe|div|script|p|a)\b", re.IGNORECASE)
MARKDOWN_LINK = re.compile(r"\[.*\]\(([^\s<>()]+)\)|<(https?:[^\s<>]+)>", re.DOTALL | re.IGNORECASE)
IN_QUOTES = re.compile(r"""(["'])([^"'`]+)\1""")
ATTACHED = re.compile(rf"flipsnack://collections/({HASH.pattern})")
"""As clients attach a collection of the one account there is."""
LOOKS_LIKE_LINK = re.compile(r"://|^//|^www\.|flipsnack\.com|\.html?\b", re.IGNORECASE)
# Hashes seen in public links are 7 to 10 letters and digits, mixed; in capitals too they are no word of a slug. A word such
# as `catalogue`, a number or a word with its year (`spring2026`) at the end of a slug is none.
HASH_IN_SLUG = re.compile(r"(?=[A-Za-z0-9]*[A-Za-z])(?=[A-Za-z0-9]*[0-9])[A-Za-z0-9]{7,10}")
WORD_WITH_YEAR = re.compile(r"[A-Za-z]+(19|20)\d\d")
INSIDE_NAMES = (".local", ".localhost", ".internal", ".intranet", ".lan", ".home.arpa", ".localdomain", ".corp")

WRITTEN_ADDRESS = re.compile(r"(?i:https?)://[A-Za-z0-9.:\[\]-]+(?:[/?][!-\[\]-~]{0,2000})?")
"""Nothing invisible, no backslash, nobody's name before the host and no other alphabet."""
PORTS = {"https": 443, "http": 80}

NO_PICTURE_THERE = "its address is at none of the hosts that FLIPSNACK_FILE_HOSTS names"
NO_HASH = "no hash can be told from this link: find the collection by it or its title with list_collections and use its collection_hash"
NO_TEXT = "it has to be one hash, as text"
NOT_A_HASH = (
    "a hash has only letters, digits, - and _, at most 64 of them: send the hash or the whole Flipsnack link; "
    "list_collections finds both by the title"
)


def hash_from(value: object) -> str:
    """The hash in a hash, a number, or any Flipsnack link. Raises ValueError with what to do instead."""
    return account_and_hash(value)[1]


def hash_and_title(found: str, title: str, *facts: str) -> str:
    """A hash for who chooses one: with its title, and what tells it from its namesakes. `hash_from` finds it there."""
    return ", ".join([f"{found} {quoted(title, 80)}", *filter(PLAIN_FACT.fullmatch, facts)])


def is_link(text: str) -> bool:
    """Whether a text is a link, or the part of a player's link that says what it shows."""
    return bool(LOOKS_LIKE_LINK.search(text) or parts_of_base64(text.strip()))


def account_in_link(value: object) -> str:
    """The number of the account that a link is of; empty where it tells none."""
    with suppress(ValueError):
        return account_and_hash(value)[0]
    return ""


def account_in_embed_code(code: str) -> str:
    """The number of the account in the code that shows a collection on a web page."""
    told = (account_in_link(address) for address in addresses_in_code(code))
    return next(filter(None, told), "")


def addresses_in_code(code: str) -> list[str]:
    """The addresses that stand in HTML."""
    return ADDRESS_IN_CODE.findall(html.unescape(code))


def account_and_hash(value: object) -> tuple[str, str]:
    """What `hash_from` finds, and before it the number of the account where that is told."""
    if isinstance(value, bool | float):
        raise ValueError("a hash that reads as a number cannot be recovered: send it in quotes")  # noqa: TRY004  # pydantic turns a ValueError into its own error, a TypeError would escape
    if not isinstance(value, str | int):
        raise ValueError(NO_TEXT)  # noqa: TRY004  # likewise
    text = taken_out(str(value))
    if not text:
        raise ValueError("it is empty: send the hash or the whole Flipsnack link")
    if named := HASH_AND_TITLE.fullmatch(text):
        return "", named[1]
    if attached := ATTACHED.fullmatch(text):
        return "", attached[1]
    if text.startswith("flipsnack://"):
        raise ValueError("its account goes into account: send the hash alone")
    if LOOKS_LIKE_LINK.search(text):
        return parts_of_link(text)
    return parts_of_base64(text) or ("", plain_hash(text))


def taken_out(text: str) -> str:
    """What is meant, without what it stands in: quotes, Markdown's brackets, or the code that shows a collection on a page."""
    text = text.strip()
    text = found[2] if (found := IN_QUOTES.fullmatch(text)) else text
    if named := MARKDOWN_LINK.fullmatch(text):
        return str(next(filter(None, named.groups())))
    return next(iter(addresses_in_code(text)), text) if BEGINS_LIKE_CODE.match(text) else text


def parts_of_link(link: str) -> tuple[str, str]:
    """Account and hash in a direct, full-view, player or widget link."""
    try:
        parts = urlsplit(link if "://" in link else f"https://{link.lstrip('/')}")
    except ValueError:
        raise ValueError(NO_HASH) from None
    host = (parts.hostname or "").rstrip(".").lower()
    if host != "flipsnack.com" and not host.endswith((".flipsnack.com", ".flipsnack.net")):
        raise ValueError(NO_HASH)
    if "/covers/" in parts.path or "/items/" in parts.path:
        raise ValueError(
            "this is the address of a cover picture, which names a page, not a collection: use collection_hash"
        )
    asked = parse_qs(parts.query).get("hash")
    if asked:
        # `+` in a query means a space, but some pages print the base64 of a player link with a bare one.
        return parts_of_base64(asked[0].replace(" ", "+")) or ("", plain_hash(asked[0]))
    return account_in_path(parts.path), hash_in_path(parts.path)


def account_in_path(path: str) -> str:
    """The account's number where a link has it in the place of the profile's name."""
    first = path.lstrip("/").partition("/")[0]
    return first if ACCOUNT_IN_PATH.fullmatch(first) else ""


def hash_in_path(path: str) -> str:
    """The hash at the end of `/profile/slug-HASH.html` or `/profile/slug-HASH/full-view.html`."""
    slug = slug_in_path(path)
    last = slug.rpartition("-")[2]
    if "-" not in slug or not HASH_IN_SLUG.fullmatch(last) or WORD_WITH_YEAR.fullmatch(last):
        raise ValueError(NO_HASH)
    return last


def slug_in_path(path: str) -> str:
    """The readable part at the end of a path."""
    steps = [step for step in unquote(path).split("/") if step]
    if steps and steps[-1].lower() in {"full-view.html", "full-view"}:
        steps.pop()
    return re.sub(r"\.html?$", "", steps[-1], flags=re.IGNORECASE) if steps else ""


def slug_in_link(link: str) -> str:
    """The readable part of a link; empty where it has none."""
    with suppress(ValueError):
        return slug_in_path(urlsplit(link).path)
    return ""


def page_in_link(link: str) -> str:
    """Where a link leads, alike for all ways to write and to open it; empty where it is none."""
    with suppress(ValueError):
        parts = urlsplit(link if "://" in link else f"https://{link.lstrip('/')}")
        path = re.sub(r"(/full-view)?(\.html?)?/*$", "", unquote(parts.path), flags=re.IGNORECASE)
        return f"{(parts.hostname or '').removeprefix('www.')}{path}".casefold() if path else ""
    return ""


def parts_of_base64(text: str) -> tuple[str, str] | None:
    """Both parts of the base64 of `ACCOUNT_IN_LINK+HASH`, as player links carry it; None where it is no such thing."""
    padded = text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4)
    try:
        account, _, found = base64.b64decode(padded, validate=True).decode("ascii").rpartition("+")
    except ValueError:
        return None
    return (account, found) if ACCOUNT_IN_LINK.fullmatch(account) and HASH.fullmatch(found) else None


def plain_hash(text: str) -> str:
    """The text itself where it can be a hash."""
    if not HASH.fullmatch(text):
        raise ValueError(NOT_A_HASH)
    return text


def public_address(address: str) -> str:
    """An https address with a public-looking name. Flipsnack fetches it, so only its spelling can be judged here."""
    if not address.isprintable() or "\\" in address or " " in address:
        raise ValueError("it holds spaces, backslashes or invisible characters: send a plain https:// address")
    try:
        parts = urlsplit(address)
        host, _ = (parts.hostname or "").rstrip(".").lower(), parts.port
    except ValueError:
        raise ValueError("it is not a web address: send a plain https:// address") from None
    if parts.scheme.lower() != "https":
        raise ValueError("only https:// addresses are passed on to Flipsnack")
    if parts.username is not None or parts.password is not None or "@" in parts.netloc:
        raise ValueError("it holds a user name or password, which would be given to Flipsnack: use an address without")
    if "[" in parts.netloc or not is_public_name(host):
        raise ValueError("its host is not a public name: Flipsnack has to be able to fetch it from the internet")
    return address


def picture_address(address: str, hosts: Collection[str], own: str = "") -> str:
    """The address to fetch a picture at: https at one of the hosts, or as it is at the server `own`, if that is given.

    Put together anew of what was looked at, so that nobody after this reads anything else in it.

    Raises:
        ValueError: It is no such address.
    """
    if not WRITTEN_ADDRESS.fullmatch(address):
        raise ValueError(NO_PICTURE_THERE)
    try:
        parts = urlsplit(address)
        port = PORTS[parts.scheme] if parts.port is None else parts.port
    except ValueError:
        raise ValueError(NO_PICTURE_THERE) from None
    behind = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if own and same_origin(address, own):
        return f"{parts.scheme}://{parts.netloc}{behind}"
    if port != PORTS[parts.scheme] or parts.hostname not in hosts:
        raise ValueError(NO_PICTURE_THERE)
    return f"https://{parts.hostname}{behind}"


def is_public_name(host: str) -> bool:
    """A dotted name that is no IP address in any spelling and no name of an inside network."""
    if "." not in host or host != cleaned(host) or host != unicodedata.normalize("NFKC", host) or "%" in host:
        return False
    last = host.rpartition(".")[2]
    if not all(host.split(".")):
        return False
    return (last.isalpha() or last.startswith("xn--")) and not host.endswith(INSIDE_NAMES)


def same_origin(url: str, base: str) -> bool:
    """Whether an address lies on the server that was asked."""
    one, other = urlsplit(url), urlsplit(base)
    return (one.scheme, one.hostname, one.port) == (other.scheme, other.hostname, other.port)
