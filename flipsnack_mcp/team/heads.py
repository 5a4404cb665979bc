"""What the head of a request tells: whether it is the protocol's, of which revision, and whether its answer has an end."""

from mcp.types.version import HANDSHAKE_PROTOCOL_VERSIONS
from starlette.types import Scope

MCP = "/mcp"
"""Where the protocol is spoken; there are files and addresses for them at other paths."""


def is_stream(scope: Scope) -> bool:
    """Whether the answer of a request has no end of its own."""
    listens = scope["method"] == "GET" or method_named(scope) == b"subscriptions/listen"
    return listens and bool(scope["path"] == MCP)


def opens_session(scope: Scope) -> bool:
    """Whether a request can only be the first of a session, where there are any."""
    known = header_of(scope, b"mcp-session-id") or of_newest_revision(scope)
    return bool(scope["path"] == MCP and scope["method"] == "POST" and not known)


def method_named(scope: Scope) -> bytes:
    """The method in the head of a request, where the SDK compares it with the body; nothing where it does not."""
    return header_of(scope, b"mcp-method") if of_newest_revision(scope) else b""


def of_newest_revision(scope: Scope) -> bool:
    """Whether the SDK reads a request by the revision that has no sessions, as it decides that itself."""
    version = header_of(scope, b"mcp-protocol-version").decode("latin-1")
    return bool(version) and version not in HANDSHAKE_PROTOCOL_VERSIONS


def header_of(scope: Scope, name: bytes) -> bytes:
    """What a header says, once; nothing where it is not there."""
    for one, text in scope["headers"]:
        if one == name:
            return bytes(text)
    return b""


def values_of_header(scope: Scope, name: bytes) -> list[str]:
    """All that a header says."""
    return [text.decode("latin-1") for one, text in scope["headers"] if one == name]
