"""`flipsnack-mcp setup CLIENT`: shows what would be written into a client's configuration, asks, writes it, and takes it out again."""

import json
import re
import shlex
import sys
from collections.abc import Callable, Mapping

from flipsnack_mcp.clients import CLIENTS, ENTRY, Start, this_computer
from flipsnack_mcp.commands import fail, say
from flipsnack_mcp.commands.setup.before import (
    NOT_OURS,
    NOTHING_WAS_CHANGED,
    Before,
    as_before,
    file_read_by,
    is_of_another_program,
    leave_to_the_other,
    not_understood,
    receipt_for,
    without_set_up,
)
from flipsnack_mcp.commands.setup.client_file import ClientFile, Unsuitable, file_found
from flipsnack_mcp.commands.setup.credentials import keep_credentials
from flipsnack_mcp.commands.setup.editing.in_toml import block_of
from flipsnack_mcp.commands.setup.editing.jsonc import NotUnderstood
from flipsnack_mcp.commands.setup.editing.splice import Splice
from flipsnack_mcp.commands.setup.keychain import ONLY_ACCOUNT, KeychainUnusable
from flipsnack_mcp.commands.setup.own_command import has_added, own_command
from flipsnack_mcp.commands.setup.receipt import (
    Receipt,
    content_digest,
    drop_receipt,
    keep_receipt,
    kept_receipt,
    put_back_receipt,
    write_receipt,
)
from flipsnack_mcp.commands.setup.starting import OF_THE_NETWORK, TAKEN
from flipsnack_mcp.commands.setup.wanted import RUN_AGAIN, agreed_to, carried_out, wanted_for_print, wanted_of_person
from flipsnack_mcp.reading import CREDENTIALS, NO_HOME, has_home
from flipsnack_mcp.started import as_typed

MEMBER = re.compile("[A-Za-z_]{1,40}")
"""What clients call what they can be told of a server. Anything else may be a key in the wrong place."""
VARIABLES_SHOWN = frozenset({*(one.name for one in TAKEN), *OF_THE_NETWORK})
"""So may be what variables are called, but for these."""


def said_plainly(work: Callable[[], int]) -> int:
    """The exit status of some work; why it was not done is said."""
    if not has_home():
        return fail(f"{NO_HOME} {NOTHING_WAS_CHANGED}")
    try:
        return work()
    except (Unsuitable, KeychainUnusable) as error:
        return fail(str(error))
    except (EOFError, KeyboardInterrupt):
        return fail(f"\n{NOTHING_WAS_CHANGED}")


def set_up(name: str, options: Mapping[str, str], *, yes: bool) -> int:
    """Put this server into a client's configuration, once a person has seen what is written there."""
    before = as_before(name)
    if is_of_another_program(before.configuration):
        raise leave_to_the_other(before)
    wanted = wanted_of_person(options, asks=sys.stdin.isatty() and not yes)
    start = wanted.start
    entry = before.client.entry(start)
    if before.told_now.entry == entry and wanted.credentials is None:
        said = f"{before.client.title} has this server already, told just this, in {before.seen.path}."
        say(f"{said} {NOTHING_WAS_CHANGED}")
        return 0
    splice, words = splice_for(before, entry), own_command(before.told_now, start)
    show(before, splice, words)
    for one in (*wanted.remarks, *no_longer_told(before.told_now.entry, entry)):
        say(one)
    if not agreed_to(yes=yes):
        return 1
    takes_out = f"`{as_typed(f'setup {name} --remove')}` takes it out again."
    with carried_out(takes_out):
        if wanted.credentials:
            say(f"Key and secret are kept {keep_credentials(ONLY_ACCOUNT, wanted.credentials).said}.")
        write_entry(before, splice, words, start)
    say(f"{before.client.title} is set up. {before.client.restart}.")
    say(takes_out)
    return 0


def no_longer_told(entry: object, new: Mapping[str, object]) -> list[str]:
    """What to say of what an entry says and will not say; some of it keeps an assistant from something, or is a person's own."""
    told = said_by_name(entry)
    words = told.get("args")
    gone = [
        *(one if MEMBER.fullmatch(one) else "" for one in told if one not in {*new, "env", "args"}),
        *(one if one in VARIABLES_SHOWN else "" for one in said_by_name(told.get("env")) if is_lost(one, new)),
        *(one.option for one in TAKEN if isinstance(words, list) and one.option in words),
    ]
    if not gone:
        return []
    named = [one for one in gone if one]
    more = [f"{len(gone) - len(named)} of other names"] if len(named) < len(gone) else []
    return [f"The entry that is there also sets {', '.join([*named, *more])}: the new one does not."]


def is_lost(variable: str, new: Mapping[str, object]) -> bool:
    """Whether the new entry says nothing of it; of key and secret it is said where they are kept."""
    return variable not in said_by_name(new.get("env")) and variable.removesuffix("_FILE") not in CREDENTIALS


def said_by_name(value: object) -> dict[str, object]:
    """What an object of a configuration says, by name; of anything else nothing."""
    return {str(name): said for name, said in value.items()} if isinstance(value, dict) else {}


def splice_for(before: Before, entry: Mapping[str, object]) -> Splice:
    """The cut that puts an entry in.

    Raises:
        Unsuitable: It cannot be made with certainty.
    """
    try:
        return before.configuration.with_entry(entry)
    except NotUnderstood as error:
        raise not_understood(before.seen, error) from None


def show(before: Before, splice: Splice, words: list[str]) -> None:
    """Show what would be written, and where. Of all else in the file nothing is shown: it may be secret."""
    say(f"{before.client.title} keeps its configuration in {before.seen.path}.")
    if words:
        say(f"Its own command would add the server:\n  {shlex.join(words)}")
        return
    # What is replaced may hold a key in plain letters.
    place = f', in the place of the entry "{ENTRY}" that is there' if splice.replaced else ""
    place = ", which is not there yet" if before.seen.content is None else place
    say(f"This would be written into it{place}:")
    say("\n".join(f"+ {line}" for line in splice.inserted.splitlines() if line.strip()))


def write_entry(before: Before, splice: Splice, words: list[str], start: Start) -> None:
    """Write the receipt and a copy, and then the entry: by the client's own command, else by our cut.

    Raises:
        Unsuitable: It cannot be written.
    """
    configuration, seen = before.configuration, before.seen
    seen.check_unchanged()
    content = splice.made_in(configuration.text).encode()
    made = () if before.client.table in configuration.told else (before.client.table,)
    cut = Receipt(str(seen.path), "", "", content_digest(content), made, splice.replaced, splice.inserted)
    earlier = kept_receipt(before.name)
    receipt = keep_receipt(before.name, ClientFile(seen.path, before.content), cut)
    if words and has_added(words, configuration, seen.path, start):
        after = content_digest(file_found(seen.path).content)
        write_receipt(before.name, Receipt(receipt.path, receipt.copy, receipt.before, after, made))
        return
    try:
        if words and (left := file_found(seen.path)).content != seen.content:
            seen = left.write(before.content)  # whatever its command made of it
        seen.write(content)
    except Unsuitable:
        put_back_receipt(before.name, earlier)
        raise


def take_back(name: str, *, yes: bool) -> int:
    """Take this server out of a client's configuration; the file is as it was before, but for what others changed since."""
    client = CLIENTS[name]
    now = as_it_stands_now(name)
    if not now.told_now.has_entry:
        drop_receipt(name)
        say(f"{client.title} does not have this server, in {now.seen.path}. {NOTHING_WAS_CHANGED}")
        return 0
    receipt = receipt_for(name, now.seen)
    if receipt is NOT_OURS and is_of_another_program(now.told_now):
        raise leave_to_the_other(now)
    content = without_set_up(now, receipt)
    say(f'The entry "{ENTRY}" would be taken out of {now.seen.path}.')
    if not agreed_to(yes=yes):
        return 1
    with carried_out(RUN_AGAIN):
        now.seen.write(content)
        drop_receipt(name)
    say(f"{client.title} does not have this server any more, from its next start on.")
    say(f"A key that was kept for it stays kept; `{as_typed('login --remove')}` forgets it.")
    return 0


def as_it_stands_now(name: str) -> Before:
    """A client's file, and nothing taken out of it."""
    seen = file_found(file_read_by(CLIENTS[name]))
    return Before(name, seen, seen.content)


def print_entry(name: str, options: Mapping[str, str]) -> int:
    """Print the entry for a person to write where they want it; nothing is asked, kept or written."""
    client, wanted = CLIENTS[name], wanted_for_print(options)
    entry = client.entry(wanted.start)
    files = [str(one) for one in client.files(this_computer())]
    if files[0].endswith(".toml"):
        say(block_of(f"{client.table}.{ENTRY}", entry).rstrip())
    else:
        say(json.dumps({client.table: {ENTRY: entry}}, indent=2, ensure_ascii=False))
    sys.stderr.write(f"{client.title} reads this in {' or '.join(files)}. {NOTHING_WAS_CHANGED}\n")
    for remark in wanted.remarks:
        sys.stderr.write(f"{remark}\n")
    if wanted.lacks_key:
        sys.stderr.write(f"No key is kept yet: run `{as_typed('login')}`, then print this again.\n")
    return 0
