"""What is said of a Redis server that cannot be used: one sentence that names the cause, and one with its cure."""

import re
from typing import NamedTuple

from flipsnack_mcp.store.records import OutcomeUnknown, StoreUnreachable

TRIED_AGAIN = "It is tried again with every call."


class Failure(NamedTuple):
    """One way of failing."""

    sign: re.Pattern[str]
    """By what the client's exception is known: its name and its text. Codes are in capitals on every server, so case counts."""
    happened: str
    """After "Redis at ADDRESS"."""
    next_step: str
    passes: bool = False
    """Whether it may be over in a moment, as when another server takes over."""
    silent: bool = False
    """Whether there was no answer: what had been sent may have been carried out."""


REDIS_FAILURES = (
    Failure(
        re.compile(r"^OutOfMemory|\bOOM\b"),
        "is full (maxmemory) and takes no changes",
        "Raise its maxmemory, or clear what else lies in it.",
    ),
    Failure(
        re.compile(r"^ReadOnly|\bREADONLY\b"),
        "is a replica and takes no changes",
        f"Let FLIPSNACK_STATE name the primary; if that has just changed, wait a moment. {TRIED_AGAIN}",
        passes=True,
    ),
    Failure(
        re.compile(r"^BusyLoading|\bLOADING\b"),
        "is still reading its data after a start",
        f"Wait until it has. {TRIED_AGAIN}",
        passes=True,
    ),
    Failure(
        re.compile(r"\bNOREPLICAS\b"),
        "has too few replicas to take changes (NOREPLICAS)",
        f"See to its replicas. {TRIED_AGAIN}",
        passes=True,
    ),
    Failure(
        re.compile(r"max number of clients|\bBUSY\b|^MaxClients"),
        "is busy with others",
        f"See who uses it (CLIENT LIST), and raise its maxclients. {TRIED_AGAIN}",
        passes=True,
    ),
    Failure(
        re.compile(r"\bWRONGTYPE\b"),
        "holds something of another program under the names that belong here",
        "Give FLIPSNACK_STATE another database, or another prefix (?prefix=NAME).",
    ),
    Failure(
        re.compile(r"DB index"),
        "has no such database",
        "Correct the number at the end of FLIPSNACK_STATE.",
    ),
    Failure(
        re.compile(r"\bMISCONF\b"),
        "cannot write to its own disk and takes no changes (MISCONF)",
        "See to its disk; its log says what is wrong.",
    ),
    Failure(
        re.compile(r"^Authentication|\bNOAUTH\b|\bWRONGPASS\b|invalid password|without any password"),
        "does not take the user and password of FLIPSNACK_STATE, or wants some",
        "Correct them there.",
    ),
    Failure(
        re.compile(r"^NoPermission|\bNOPERM\b"),
        "does not let the user of FLIPSNACK_STATE do what is needed",
        "Give it all commands on the keys and channels that begin with the prefix, and the commands TIME, CONFIG|GET, EVAL and EVALSHA.",
    ),
    Failure(
        re.compile(r"^MasterDown|\bMASTERDOWN\b|^ClusterDown|\bCLUSTERDOWN\b|^TryAgain"),
        "has lost its primary",
        f"Wait until another one has taken over. {TRIED_AGAIN}",
        passes=True,
    ),
    Failure(
        re.compile(r"^Moved|^Ask|\bMOVED\b"),
        "is a part of a cluster, and what is asked for lies on another one",
        "Let FLIPSNACK_STATE name the server of the cluster that holds it, or one that is alone.",
    ),
    Failure(
        re.compile(r"unknown command|Unknown Redis command"),
        "is too old",
        "Redis 6.2 and Valkey 7.2 are the first that can be used.",
    ),
    Failure(
        re.compile(r"^InvalidResponse|Protocol Error"),
        "is no Redis: something else answers there",
        "Correct the address in FLIPSNACK_STATE.",
    ),
    Failure(
        # Of a socket's path the same is said, and that is no file of TLS.
        re.compile(r"Error (?:2|13) connecting to [^/\s]+:\d+\."),
        "cannot be asked: a file that FLIPSNACK_STATE names for TLS is not there, or cannot be read",
        "Correct what follows ssl_ca_certs=, ssl_certfile= or ssl_keyfile= there: it is a path on this machine.",
    ),
    Failure(
        re.compile(r"^SSL|\bSSL\b|CERTIFICATE|certificate"),
        "cannot be reached by TLS, or its certificate is not to be trusted",
        "Write rediss:// where it takes TLS and redis:// where not, and name your own authority with ?ssl_ca_certs=FILE.",
    ),
    Failure(
        re.compile(r"^Timeout"),
        "did not answer in time",
        f"See whether it is overloaded, the network to it broken, or rediss:// written where it takes no TLS. {TRIED_AGAIN}",
        passes=True,
        silent=True,
    ),
    Failure(
        re.compile(r"^(?:Connection|OSError|Broken|Refused|Max|gaierror|FileNotFound|Permission)"),
        "cannot be reached",
        f"See that it runs and that FLIPSNACK_STATE names it, with rediss:// where it takes TLS alone. {TRIED_AGAIN}",
        passes=True,
        silent=True,
    ),
)
UNKNOWN_FAILURE = Failure(
    re.compile(""),
    "refused what it was asked",
    f"See its log, and whether FLIPSNACK_STATE names the right server. {TRIED_AGAIN}",
)


def redis_failure(error: BaseException) -> Failure:
    """Which of them an exception of the client is, or one that led to it: what fails while a connection is made is wrapped."""
    met: BaseException | None = error
    shown = list[str]()
    while met is not None:
        shown.append(f"{type(met).__name__} {met}")
        met = met.__cause__
    return next((one for one in REDIS_FAILURES if any(map(one.sign.search, shown))), UNKNOWN_FAILURE)


def redis_unusable(failure: Failure, where: str, *, unknown: bool = False) -> StoreUnreachable:
    """What is said of it. `unknown`: a change had been sent, and nobody knows whether it was made."""
    cause = f"Redis {failure.happened}"
    if unknown:
        lost = "so that it is not known whether it kept the last thing it was told"
        return OutcomeUnknown(f"Redis at {where} {failure.happened}, {lost}.", failure.next_step, cause)
    return StoreUnreachable(f"Redis at {where} {failure.happened}.", failure.next_step, cause)


def redis_held(where: str, seconds: float) -> StoreUnreachable:
    """Others were always faster."""
    return StoreUnreachable(
        f"What is kept in Redis at {where} was changed by other processes again and again for {seconds:.0f} seconds.",
        "Try again; if it stays so, see how busy that server is.",
        "other processes change what is in Redis again and again",
    )


def no_redis_client() -> StoreUnreachable:
    """The extra is not installed."""
    return StoreUnreachable(
        "FLIPSNACK_STATE names a Redis server, and the client for it is not installed.",
        "Install this package with its extra `redis`: pip install '.[redis]' in its folder.",
        "the client for Redis is not installed",
    )
