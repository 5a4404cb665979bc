"""Whose certificates are trusted: the system's authorities, or those that SSL_CERT_FILE or SSL_CERT_DIR names."""

import os
import ssl
from collections.abc import Mapping
from pathlib import Path

import httpx2

from flipsnack_mcp.api.errors import ConfigurationError
from flipsnack_mcp.text import quoted

FILE, FOLDER, KEY_LOG = "SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE"
WHAT_IT_HOLDS = "holds the certificates of the authorities to trust, in PEM form"
WHAT_HELPS = {
    FILE: f"a file that {WHAT_IT_HOLDS}",
    FOLDER: f"a folder that {WHAT_IT_HOLDS} and under the names that OpenSSL looks for",
    KEY_LOG: "a file that can be written",
}


def trusted() -> ssl.SSLContext:
    """The authorities, read anew.

    Raises:
        ConfigurationError: A variable names what cannot be read or holds none.
    """
    check_named(os.environ)
    try:
        return httpx2.create_ssl_context()
    except (OSError, ValueError) as error:  # an SSLError is an OSError
        # Where a file of certificates cannot be read, Python does not say its name.
        if getattr(error, "filename", None) == os.environ.get(KEY_LOG, ""):
            raise wrong_setting(KEY_LOG, f"cannot be written ({type(error).__name__})") from None
        name = FILE if os.environ.get(FILE) else FOLDER
        if isinstance(error, ssl.SSLError):
            raise wrong_setting(name, "holds no certificate in PEM form, or a damaged one") from None
        raise wrong_setting(name, f"cannot be read ({type(error).__name__})") from None


def check_named(environment: Mapping[str, str]) -> None:
    """Look at what the variables name, before a library waits for a pipe or takes a missing folder for an empty one."""
    if file := environment.get(FILE):
        if not Path(file).exists():
            raise wrong_setting(FILE, "is not there")
        if not Path(file).is_file():
            raise wrong_setting(FILE, "is no file")
        return
    folders = environment.get(FOLDER)
    if folders and not any(Path(one).is_dir() for one in folders.split(os.pathsep) if one):
        raise wrong_setting(FOLDER, "is no folder")


def wrong_setting(name: str, what: str) -> ConfigurationError:
    """A setting without which, or with which, nothing can be checked."""
    return ConfigurationError(
        f"What {name} names ({quoted(os.environ.get(name, ''), 200)}) {what}, so no encrypted connection can be checked.",
        f"Ask the person to set {name} to {WHAT_HELPS[name]}, or take it out.",
    )


def cure(environment: Mapping[str, str] = os.environ) -> str:
    """What helps against an authority that nobody here trusts."""
    name = FILE if environment.get(FILE) else FOLDER if environment.get(FOLDER) else ""
    says = f"{name} is set ({quoted(environment[name], 200)}), but does not hold that authority. " if name else ""
    return (
        f"{says}A company's proxy or a virus scanner that looks into connections shows such a certificate. Ask the person "
        f"to set {FILE} to a file that holds the certificate of its authority, in PEM form, where this MCP server is configured."
    )
