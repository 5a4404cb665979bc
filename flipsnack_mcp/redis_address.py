"""The address of a Redis or Valkey server, as FLIPSNACK_STATE names it: what it may say, and how it is shown without its password."""

import re
from dataclasses import dataclass
from urllib.parse import SplitResult, parse_qsl, unquote, urlencode, urlsplit

from typing_extensions import override

REDIS_SCHEMES = ("redis", "rediss", "unix")
PREFIX = "flipsnack"
PREFIX_SHAPE = re.compile(r"[A-Za-z0-9_.:-]{1,60}")
OF_TLS = frozenset({
    *("ssl_ca_certs", "ssl_ca_path", "ssl_certfile", "ssl_keyfile", "ssl_password", "ssl_cert_reqs"),
    *("ssl_check_hostname", "ssl_ciphers"),
})  # fmt: skip
OPTIONS = frozenset({"prefix", "db", "username", "password", *OF_TLS})
SECRET_OPTIONS = frozenset({"password", "ssl_password"})
USUAL_PORT = 6379


@dataclass(frozen=True)
class RedisAddress:
    """Where the state is. Only `url` holds a password, and no `repr` shows it."""

    url: str
    """For the client, without what only we understand."""
    prefix: str
    """With what every name of ours begins there."""
    shown: str
    """For a person."""
    database: int
    passwords: tuple[str, ...]

    @override
    def __repr__(self) -> str:
        """Never the password."""
        return f"RedisAddress({self.shown!r}, prefix={self.prefix!r})"


def is_redis(state: str) -> bool:
    """Whether a state is meant to be on Redis."""
    return state.partition("://")[0].lower() in REDIS_SCHEMES and "://" in state


def redis_address(state: str) -> RedisAddress:
    """What an address says.

    Raises:
        ValueError: It cannot be understood; the text says why, and repeats nothing of it.
    """
    try:
        parts = urlsplit(state)
        host, port = parts.hostname or "", parts.port or USUAL_PORT
        options = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
    except ValueError:
        raise ValueError("is no address that can be read: write redis://HOST:PORT/DATABASE.") from None
    local = parts.scheme == "unix"
    database = options.get("db", "0" if local else parts.path.strip("/") or "0")
    prefix = options.pop("prefix", PREFIX)
    password = options.get("password", unquote(parts.password or ""))
    for wrong, said in (
        (parts.fragment, 'holds a "#": write %23 for one in a password.'),
        (not (parts.path.strip("/") if local else host), "names no server: write redis://HOST:PORT/DATABASE."),
        (not database.isdecimal(), "names no database by its number: write redis://HOST:PORT/0."),
        ({*options, "prefix"} - OPTIONS, f"has an option that is not known; there are {', '.join(sorted(OPTIONS))}."),
        (not PREFIX_SHAPE.fullmatch(prefix), "has a prefix that is none: letters, digits and _ . : - alone."),
        ((parts.username or "username" in options) and not password, "names a user without a password."),
    ):
        if wrong:
            raise ValueError(said)
    where = unquote(parts.path) if local else f"{host}:{port}"
    return RedisAddress(
        joined(parts._replace(query=urlencode(options))),
        prefix,
        f"{where}, database {database}",
        int(database),
        tuple(one for one in (password, options.get("ssl_password", "")) if one),
    )


def without_password(state: str) -> str:
    """A state as it may be shown to a person: of an address all but its passwords, of one that cannot be read nothing."""
    if not is_redis(state):
        return state
    try:
        redis_address(state)
    except ValueError:
        return "set"
    parts = urlsplit(state)
    login, at, host = parts.netloc.rpartition("@")
    known = f"{login.partition(':')[0]}:***@" if at else ""
    options = (one.partition("=") for one in parts.query.split("&"))
    query = "&".join(
        f"{name}{sign}{'***' if unquote(name) in SECRET_OPTIONS else value}" for name, sign, value in options
    )
    return joined(parts._replace(netloc=f"{known}{host}", query=query))


def joined(parts: SplitResult) -> str:
    """An address of its parts; Python's own way writes a path without a host in another form."""
    return f"{parts.scheme}://{parts.netloc}{parts.path}{'?' * bool(parts.query)}{parts.query}"


def passwords_in(state: str) -> tuple[str, ...]:
    """What of a state is secret."""
    try:
        return redis_address(state).passwords if is_redis(state) else ()
    except ValueError:
        return ()
