"""What the server is to be told in a client: by options and environment, and where a person can be asked by them."""

import os
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PureWindowsPath

from flipsnack_mcp import systems
from flipsnack_mcp.api import quoted
from flipsnack_mcp.clients import Start
from flipsnack_mcp.commands import say
from flipsnack_mcp.commands.connecting import NO_APPROVAL, approves_nothing
from flipsnack_mcp.commands.setup.before import NOTHING_WAS_CHANGED
from flipsnack_mcp.commands.setup.client_file import Unsuitable
from flipsnack_mcp.commands.setup.credentials import (
    Keeping,
    check_credentials,
    given_files,
    kept_credentials,
    read_from_pipes,
    typed_credentials,
    will_be_kept,
)
from flipsnack_mcp.commands.setup.keychain import ONLY_ACCOUNT, Credentials
from flipsnack_mcp.commands.setup.starting import command_here, network_for_entry, secrets_left_out, settings_for_entry
from flipsnack_mcp.files.in_sight import is_closed, is_folder, is_shut
from flipsnack_mcp.reading import ACCOUNTS, CONFIRM_WAYS, CREDENTIALS
from flipsnack_mcp.settings import Settings, read_settings
from flipsnack_mcp.started import as_typed, is_installed

UNDECODED = re.compile("[\ud800-\udfff]")
"""What Python makes of a byte in a name that no text has."""
RUN_AGAIN = "Run this again."
NEEDS_NO_KEY = Keeping("")
SANDBOX, UPLOADS_FROM, CONFIRMED_BY = "FLIPSNACK_SANDBOX", "FLIPSNACK_UPLOAD_DIRS", "FLIPSNACK_CONFIRM"
STARTS_NOWHERE_ELSE = (
    f"This program is not installed for {sys.executable}, so no client could start it from another folder. README.md has "
    "the command that installs it."
)
NO_SUCH_WAY = f"{CONFIRMED_BY} is none of {', '.join(CONFIRM_WAYS)}."


@dataclass(frozen=True)
class Wish:
    """What the server is to be told, and by what key."""

    given: Mapping[str, str]
    """The settings, by their variables."""
    credentials: Credentials | None = None
    """Those that are yet to be kept."""
    keeping: Keeping = NEEDS_NO_KEY
    remarks: tuple[str, ...] = ()
    """What else a person should know."""
    lacks_key: bool = False
    """Whether the server needs one, and none is kept."""

    @property
    def start(self) -> Start:
        """How the client is to start the server.

        Raises:
            Unsuitable: No configuration could say so.
        """
        command, *arguments = command_here(self.keeping.extra)
        if arguments and not is_installed():
            raise Unsuitable(f"{STARTS_NOWHERE_ELSE} {NOTHING_WAS_CHANGED}")
        named, network = self.keeping.environment, network_for_entry(os.environ)
        told = {**named, **settings_for_entry(self.given), **network}
        for one in (command, *arguments, *told.values()):
            if why := why_not_written(one):
                shown = quoted(os.fsencode(one).decode(errors="backslashreplace"))
                raise Unsuitable(f"{shown} {why}: rename it. {NOTHING_WAS_CHANGED}")
        return Start(command, tuple(arguments), told)


def why_not_written(text: str) -> str:
    """Why a client would not read what was written, or nothing."""
    if UNDECODED.search(text):
        return "is no text in UTF-8, which a configuration has to be"
    return "holds ${, which assistants replace by something else" if "${" in text else ""


def wanted_of_person(options: Mapping[str, str], *, asks: bool) -> Wish:
    """What a person wants, who is asked for what is missing; nothing is kept yet.

    Raises:
        Unsuitable: It cannot be so.
    """
    given = given_here(options)
    settings = usable_settings(given, options)
    credentials, keeping = credentials_for(settings, given)
    if keeping is None:
        given, keeping = {**given, SANDBOX: "1"}, NEEDS_NO_KEY
    if asks:
        given = {**given, **answers_about(given)}
    settings = usable_settings(given, options)
    return Wish(given, credentials, keeping, remarks_for_entry(settings, given))


def wanted_for_print(options: Mapping[str, str]) -> Wish:
    """What would be wanted by somebody who is asked nothing, with the key that is kept already.

    Raises:
        Unsuitable: It cannot be so.
    """
    given = given_here(options)
    settings = usable_settings(given, options)
    needs_none = is_without_key(settings)
    kept = None if needs_none else kept_credentials(ONLY_ACCOUNT)
    keeping = given_files(given) or (kept[1] if kept else NEEDS_NO_KEY)
    lacks_key = keeping is NEEDS_NO_KEY and not needs_none
    return Wish(given, None, keeping, remarks_for_entry(settings, given), lacks_key)


def remarks_for_entry(settings: Settings, given: Mapping[str, str]) -> tuple[str, ...]:
    """What looks odd in the settings, and what of them is written nowhere."""
    unapproved = [f"{NO_APPROVAL}."] if approves_nothing(settings) else []
    return (*settings.hints, *unapproved, *secrets_left_out(given, os.environ))


def given_here(options: Mapping[str, str]) -> dict[str, str]:
    """What counts in this terminal, the options first."""
    given = {name: text for name, text in os.environ.items() if name.startswith("FLIPSNACK_")} | dict(options)
    return {**given, **read_from_pipes(given)}


def usable_settings(given: Mapping[str, str], options: Mapping[str, str]) -> Settings:
    """The settings, if a server could go by them.

    Raises:
        Unsuitable: They are wrong.
    """
    whole = {**given, **settings_for_entry(given)}
    settings = read_settings(whole, {name: whole[name] for name in options if name in whole})
    gone = [f"There is no folder {one}." for one in settings.upload_dirs if not is_folder(one) and not is_closed(one)]
    # macOS asks for each program by itself whether it may look: this one need not be allowed what the client is.
    is_barred = is_closed if systems.HERE.asks_for_folders else is_shut
    closed = [
        f"The folder {one} may not be looked into by this user." for one in settings.upload_dirs if is_barred(one)
    ]
    no_way = [] if given.get(CONFIRMED_BY, "").lower() in {"", *CONFIRM_WAYS} else [NO_SUCH_WAY]
    if wrong := [*settings.problems, *settings.wrong_folders.values(), *gone, *closed, *no_way]:
        raise Unsuitable(f"{' '.join(wrong)} {NOTHING_WAS_CHANGED}")
    return settings


def is_without_key(settings: Settings) -> bool:
    """Whether the server needs no key of its own: an imitation has one, and a file of accounts names theirs."""
    return settings.sandbox or ACCOUNTS in settings.sources


def credentials_for(settings: Settings, given: Mapping[str, str]) -> tuple[Credentials | None, Keeping | None]:
    """Those that are yet to be kept, and where they are or will be; no place where a person has none to give.

    Raises:
        Unsuitable: They are wrong, or none came.
    """
    named = read_settings({name: text for name, text in given.items() if name.startswith(CREDENTIALS)})
    if bool(named.api_key) != bool(named.api_secret):
        raise Unsuitable(f"{named.missing} {NOTHING_WAS_CHANGED}")
    if named.api_key:
        found: Credentials | None = Credentials(named.api_key, named.api_secret)
    elif is_without_key(settings):
        return None, NEEDS_NO_KEY
    elif kept := kept_credentials(ONLY_ACCOUNT):
        another = f"`{as_typed('login')}` keeps another one"
        say(f"The key that is kept already is used, which is {kept[1].said}; {another}.")
        return None, kept[1]
    else:
        found = typed_credentials("to play with the imitation instead", " For the imitation say --sandbox.")
    if found is None:
        return None, None
    if not settings.sandbox and (said := check_credentials(found, settings)):
        say(said)
    return (None, files) if (files := given_files(given)) else (found, will_be_kept(ONLY_ACCOUNT))


QUESTIONS = {
    UPLOADS_FROM: f"Folders to upload from, joined by {os.pathsep} (Enter for none): ",
    CONFIRMED_BY: f"How deletions are confirmed: {', '.join(CONFIRM_WAYS)} (Enter for ask): ",
}


def answers_about(given: Mapping[str, str]) -> dict[str, str]:
    """What a person answers to what nothing was said of yet."""
    told = {name: usable_answer(name, given) for name in QUESTIONS if not given.get(name)}
    return {name: text for name, text in told.items() if text}


def usable_answer(name: str, given: Mapping[str, str]) -> str:
    """What a server could go by; a slip of the pen is no reason to begin anew, and so it is asked once more."""
    while text := as_dropped(input(QUESTIONS[name])):
        try:
            usable_settings({**given, name: text}, {})
        except Unsuitable as error:
            say(str(error))
        else:
            break
    return text


def as_dropped(text: str) -> str:
    """What was typed, without the quotes and the escapes in which terminals write a folder that is dropped on them."""
    bare = text.strip().strip("\"'")
    return bare if systems.HERE.paths is PureWindowsPath else bare.replace("\\ ", " ")


@contextmanager
def carried_out(what_then: str) -> Iterator[None]:
    """What a person agreed to: from here on an interrupt may come too late to leave everything as it was.

    Raises:
        Unsuitable: It was interrupted.
    """
    try:
        yield
    except KeyboardInterrupt:
        raise Unsuitable(f"\nThis was interrupted, and may have been done. {what_then}") from None


def agreed_to(*, yes: bool) -> bool:
    """Whether a person wants it done."""
    if yes:
        return True
    if not sys.stdin.isatty():
        say(f"{NOTHING_WAS_CHANGED} There is no terminal to ask at: run it again with --yes if this is what you want.")
        return False
    if input("Shall this be done? [y/N] ").strip().lower() in {"y", "yes"}:
        return True
    say(NOTHING_WAS_CHANGED)
    return False
