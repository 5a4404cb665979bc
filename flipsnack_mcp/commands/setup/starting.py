"""How a client starts this server: by a command that needs no terminal's path, with what counts in this terminal."""

import json
import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from flipsnack_mcp import __version__, systems
from flipsnack_mcp.api.network.proxies import login_in
from flipsnack_mcp.published import PUBLISHED
from flipsnack_mcp.reading import CREDENTIALS, FOLDERS
from flipsnack_mcp.redis_address import passwords_in
from flipsnack_mcp.settings import OF_A_TEAM, STATE_FILE, VARIABLES
from flipsnack_mcp.started import PACKAGE, SCRIPT, UVX_CACHE, is_from_index

OF_THE_NETWORK = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR")
"""What a terminal knows of the way to the internet, and a program that is started from a dock does not."""
OF_CERTIFICATES = OF_THE_NETWORK[-2:]
STATE, SQLITE = "FLIPSNACK_STATE", "sqlite:"
TAKEN = [one for one in VARIABLES if one.name not in OF_A_TEAM and not one.name.startswith(CREDENTIALS)]
"""The settings that an entry may hold: of one person's server, and none of them secret."""


def command_here(extra: str) -> tuple[str, ...]:
    """The command that starts this very program from anywhere; `extra` is what it needs besides."""
    uvx, cached = shutil.which("uvx"), UVX_CACHE in Path(sys.executable).parts
    if uvx and is_from_index() and PUBLISHED:
        return (uvx, *from_the_index(extra))
    if uvx and cached and (checkout := folder_of_checkout()):
        return (uvx, "--from", f"{checkout}{f'[{extra}]' if extra else ''}", SCRIPT)
    python = named_from_anywhere(sys.executable)  # which may have been called by its way from here
    script = Path(python).with_name(f"{SCRIPT}{systems.HERE.script_ending}")
    # Clients start it in the folder of a project: without -P a module that lies there would be taken for one of ours.
    return (str(script),) if script.is_file() else (python, "-P", "-m", PACKAGE.name)


def from_the_index(extra: str) -> tuple[str, ...]:
    """This version and no other: a program that may delete is not updated by itself."""
    pinned = f"=={__version__}"
    return ("--from", f"{SCRIPT}[{extra}]{pinned}", SCRIPT) if extra else (f"{SCRIPT}{pinned}",)


def folder_of_checkout() -> str:
    """The folder that it was installed from, where it was (PEP 610); nothing where it came another way."""
    for note in PACKAGE.parent.glob(f"{PACKAGE.name}-*.dist-info/direct_url.json"):
        url = str(json.loads(note.read_bytes()).get("url", ""))
        if url.startswith("file://"):
            from urllib.request import url2pathname  # noqa: PLC0415  # only where it is needed

            return url2pathname(url.removeprefix("file://"))
    return ""


def settings_for_entry(given: Mapping[str, str]) -> dict[str, str]:
    """What is set here, as an entry holds it; what is secret is left out."""
    environment = {one.name: given[one.name] for one in TAKEN if given.get(one.name)}
    if passwords_in(environment.get(STATE, "")):
        del environment[STATE]
    for name in FOLDERS:
        if name in environment:
            parts = environment[name].split(os.pathsep)
            environment[name] = os.pathsep.join(named_from_anywhere(one) for one in parts if one.strip())
    if file := environment.get(STATE, "").partition(SQLITE)[2]:
        environment[STATE] = f"{SQLITE}{named_from_anywhere(file)}"
    if STATE_FILE.name in environment:
        environment[STATE_FILE.name] = named_from_anywhere(environment[STATE_FILE.name])
    return environment


def named_from_anywhere(text: str) -> str:
    """A file or a folder as it is called from anywhere; as it stands where it is named from a folder that is gone."""
    path = os.path.expanduser(text.strip())  # noqa: PTH111  # that of Path can raise
    try:
        return os.path.abspath(path)  # noqa: PTH100  # without a look at links
    except OSError:
        return path


def network_for_entry(environment: Mapping[str, str]) -> dict[str, str]:
    """What is known here of the way to the internet. An address with a password does not belong in a client's file."""
    told = {name: value for name, value in told_of_network(environment).items() if value and not names_login(value)}
    files = {
        name: os.pathsep.join(map(named_from_anywhere, told[name].split(os.pathsep)))
        for name in told
        if name in OF_CERTIFICATES
    }
    return {**told, **files}


def told_of_network(environment: Mapping[str, str]) -> dict[str, str]:
    """What this terminal says of it, in either spelling."""
    return {name: environment.get(name) or environment.get(name.lower(), "") for name in OF_THE_NETWORK}


def names_login(value: str) -> bool:
    """Whether an address lets somebody in: by a password, or by a token, which stands where a name does."""
    _, scheme, rest = value.partition("://")
    return bool(login_in(value)) or bool(scheme and "@" in rest.partition("/")[0])


def secrets_left_out(given: Mapping[str, str], environment: Mapping[str, str]) -> list[str]:
    """What to say of what would count here and is written nowhere, since it is secret."""
    said = [
        f"{name} holds a login and was left out: write it into the entry yourself, if this client is to use it."
        for name, value in told_of_network(environment).items()
        if names_login(value)
    ]
    if passwords_in(given.get("FLIPSNACK_STATE", "")):
        said.append("FLIPSNACK_STATE holds a password and was left out: let FLIPSNACK_STATE_FILE name a file with it.")
    return said
