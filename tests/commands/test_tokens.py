"""`flipsnack-mcp token`: a person makes a token, sees whose there are, and takes one back."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flipsnack_mcp.server.callers.caller import Right
from flipsnack_mcp.team.authentication.tokens import TokenEntry, TokensFile
from tests.commands.processes import Ended
from tests.team.authentication.guarded import accounts_file

MADE = re.compile(r"fsm_[A-Za-z0-9_-]{43}\n")


class Tokens:
    """The command with a file of tokens, and what stands in that."""

    def __init__(self, run: Callable[..., Ended], folder: Path, **environment: str) -> None:
        self.file = folder / "tokens.json"
        self._run, self._environment = run, {"FLIPSNACK_TOKENS": str(self.file), **environment}

    def __call__(self, *words: str, **more: str) -> Ended:
        return self._run("token", *words, **{**self._environment, **more})

    def refused(self, *words: str, **more: str) -> str:
        before = self.file.read_bytes() if self.file.exists() else b""
        ended = self(*words, **more)
        assert ended.status == 1, ended
        assert "fsm_" not in ended.out + ended.err
        assert (self.file.read_bytes() if self.file.exists() else b"") == before
        assert ended.out == ""  # which goes into the file of a token
        return ended.err

    @property
    def known(self) -> tuple[TokenEntry, ...]:
        return TokensFile(self.file).read().tokens


@pytest.fixture
def tokens(run_here: Callable[..., Ended], tmp_path: Path) -> Tokens:
    """Of a server with one account."""
    return Tokens(run_here, tmp_path)


@pytest.fixture
def of_several(run_here: Callable[..., Ended], tmp_path: Path) -> Tokens:
    return Tokens(run_here, tmp_path, FLIPSNACK_ACCOUNTS=str(accounts_file(tmp_path, {})))


def test_a_token_is_printed_once_and_alone_on_stdout(tokens: Tokens) -> None:
    ended = tokens("add", "anna")
    assert ended.status == 0
    assert MADE.fullmatch(ended.out)
    assert 'Give it to "anna" alone' in ended.err
    assert ended.out.strip() not in ended.err + tokens.file.read_text()
    assert ended.out.strip() not in tokens("list").out
    assert TokensFile(tokens.file).holder_of(ended.out.strip())


def test_what_needs_a_restart_all_the_same_is_said_where_there_are_accounts(tokens: Tokens, of_several: Tokens) -> None:
    needs_one = "Only an account that a server did not find in FLIPSNACK_ACCOUNTS when it started needs one."
    assert needs_one in of_several("add", "anna", "--account", "de").err
    assert needs_one not in tokens("add", "ben").err


def test_what_is_not_said_is_the_least(tokens: Tokens) -> None:
    tokens("add", "anna")
    (known,) = tokens.known
    assert known.may == {Right.READ}
    assert known.accounts == ()
    assert known.expires is None


@pytest.mark.parametrize(
    ("typed", "rights"),
    [
        ("read,write,delete", {"read", "write", "delete"}),
        (" Read , WRITE ", {"read", "write"}),
        ("leads,leads-reveal", {"leads", "leads-reveal"}),
    ],
)
def test_rights_are_named(tokens: Tokens, typed: str, rights: set[str]) -> None:
    assert tokens("add", "anna", "--may", typed).status == 0
    assert tokens.known[0].may == rights


def test_accounts_and_rights_that_are_given_twice_add_up(of_several: Tokens) -> None:
    """The last alone counted, as of no other option that takes several: a token for the first account was for another."""
    of_several("add", "anna", "--account", "de", "--account", "uk", "--may", "read", "--may", "write,delete")
    (known,) = of_several.known
    assert known.accounts == ("de", "uk")
    assert known.may == {Right.READ, Right.WRITE, Right.DELETE}


@pytest.mark.parametrize("typed", ["", "everything", "read,everything", "*"])
def test_a_right_that_is_none_is_refused_with_those_there_are(tokens: Tokens, typed: str) -> None:
    assert "read, write, delete, leads, leads-reveal" in tokens.refused("add", "anna", "--may", typed)


def test_a_token_can_have_an_end(tokens: Tokens) -> None:
    tokens("add", "anna", "--expires", "30")
    (known,) = tokens.known
    assert known.expires
    assert (known.expires - known.made).days == 30


@pytest.mark.parametrize(
    ("typed", "accounts"),
    [("de", ("de",)), ("de,uk", ("de", "uk")), (" DE , uk,de", ("de", "uk")), ("*", ("*",))],
)
def test_accounts_are_named_as_the_file_has_them(of_several: Tokens, typed: str, accounts: tuple[str, ...]) -> None:
    assert of_several("add", "anna", "--account", typed).status == 0
    assert of_several.known[0].accounts == accounts


@pytest.mark.parametrize(
    "typed", [(), ("--account", ""), ("--account", "xx"), ("--account", "de,xx"), ("--account", "*,de")]
)
def test_an_account_that_is_not_there_or_not_named_is_refused_with_those_there_are(
    of_several: Tokens, typed: tuple[str, ...]
) -> None:
    assert "The accounts are: de, fr, uk." in of_several.refused("add", "anna", *typed)


def test_where_there_is_one_account_it_has_no_name(tokens: Tokens) -> None:
    assert "leave --account out" in tokens.refused("add", "anna", "--account", "de")


def test_an_accounts_file_that_cannot_be_read_names_none(tokens: Tokens) -> None:
    assert "/nowhere/accounts.toml" in tokens.refused("add", "anna", FLIPSNACK_ACCOUNTS="/nowhere/accounts.toml")


@pytest.mark.parametrize("name", ["anna", "ANNA", " anna ", "anna\u200b"])
def test_a_name_is_one_persons(tokens: Tokens, name: str) -> None:
    tokens("add", "anna")
    assert 'There is a token called "' in tokens.refused("add", name)


@pytest.mark.parametrize("name", ["", "  ", "\u200b\u200b", "x" * 61])
def test_a_name_has_something_to_read_in_it(tokens: Tokens, name: str) -> None:
    assert "A name has something to read in it" in tokens.refused("add", name)


def test_a_name_is_cleaned_before_it_is_kept(tokens: Tokens) -> None:
    tokens("add", "an\u202ena\nx")
    assert tokens.known[0].name == "anna x"


def test_all_are_listed_with_what_they_may(of_several: Tokens) -> None:
    of_several("add", "anna", "--account", "de,fr", "--may", "write,read", "--expires", "30")
    of_several("add", "ben", "--account", "*")
    head, anna, ben = of_several("list").out.splitlines()
    assert re.split(r"  +", head) == ["Name", "Accounts", "May", "Made", "Expires"]
    assert re.split(r"  +", anna)[:3] == ['"anna"', "de, fr", "read, write"]
    assert re.split(r"  +", ben)[1:3] == ["all", "read"]
    assert ben.endswith("never")


def test_one_that_is_taken_back_is_none_any_more(tokens: Tokens) -> None:
    made = tokens("add", "anna").out.strip()
    tokens("add", "ben")
    assert tokens("revoke", "Anna").status == 0
    assert [one.name for one in tokens.known] == ["ben"]
    assert TokensFile(tokens.file).holder_of(made) is None
    assert 'There are: "ben".' in tokens.refused("revoke", "anna")


@pytest.mark.parametrize("words", [("add", "ben"), ("revoke", "anna"), ("list",)], ids=" ".join)
@pytest.mark.parametrize("damage", ["open to others", "damaged"])
def test_a_file_that_cannot_be_trusted_is_neither_used_nor_mended(
    tokens: Tokens, words: tuple[str, ...], damage: str
) -> None:
    tokens("add", "anna")
    if damage == "damaged":
        tokens.file.write_text("{")
    else:
        tokens.file.chmod(0o644)
    assert "nobody is let in by it" in tokens.refused(*words)
    assert tokens.file.stat().st_mode & 0o777 == (0o600 if damage == "damaged" else 0o644)


@pytest.mark.parametrize("words", [("add", "ben"), ("revoke", "anna"), ("list",)], ids=" ".join)
def test_the_file_has_to_be_named(run_here: Callable[..., Ended], words: tuple[str, ...]) -> None:
    ended = run_here("token", *words)
    assert (ended.status, ended.out) == (1, "")
    assert "FLIPSNACK_TOKENS is not set" in ended.err


@pytest.mark.parametrize(
    "words", [(), ("add",), ("remove", "anna"), ("revoke",), ("add", "anna", "--rights", "read")], ids=str
)
def test_what_is_typed_wrongly_is_said(tokens: Tokens, words: tuple[str, ...]) -> None:
    assert tokens(*words).status == 2


def test_doctor_tells_who_may_call(run_here: Callable[..., Ended], of_several: Tokens) -> None:
    of_several("add", "anna", "--account", "de", "--may", "read,write")
    told = callers(run_here, of_several)
    assert [(one["ok"], one["said"]) for one in told] == [(True, '1 with a token of the file: "anna" (read, write)')]
    of_several.file.chmod(0o644)
    assert [(one["ok"], "open to other users" in one["said"]) for one in callers(run_here, of_several)] == [
        (False, True)
    ]


def test_whose_token_is_for_an_account_that_is_not_there_any_more_is_pointed_out(
    run_here: Callable[..., Ended], tokens: Tokens, of_several: Tokens
) -> None:
    """An account had another name, or the first one got a name: nobody was let in any more, and doctor called it well."""
    tokens("add", "ben")
    for name, account in {"anna": "de", "zoe": "fr", "boss": "*"}.items():
        of_several("add", name, "--account", account)
    file = Path(of_several._environment["FLIPSNACK_ACCOUNTS"])
    file.write_text(file.read_text().replace("[accounts.fr]", "[accounts.france]"))
    (_, (well, said)) = [(one["ok"], one["said"]) for one in callers(run_here, of_several)]
    assert not well
    assert said.startswith('"ben", "zoe" may use fewer accounts than their tokens were made for')
    assert all(well for well in (one["ok"] for one in callers(run_here, tokens)[:1]))


def callers(run: Callable[..., Ended], of: Tokens) -> list[dict[str, Any]]:
    ended = run("doctor", "--json", FLIPSNACK_SANDBOX="1", **of._environment)
    return [one for one in json.loads(ended.out)["checks"] if one["check"] == "callers"]


def test_a_token_that_can_look_at_nothing_is_made_and_said_to_be_so(tokens: Tokens) -> None:
    assert "nothing can be looked at" in tokens("add", "anna", "--may", "write").err
    assert "nothing can be looked at" not in tokens("add", "ben", "--may", "read,write").err


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ((), "token add|list|revoke is what it takes; see "),
        (("add",), "token add NAME is what it takes; see "),
        (("remove", "anna"), "there is no such command; it takes add|list|revoke"),
    ],
)
def test_who_types_too_little_is_told_what_it_takes(tokens: Tokens, typed: tuple[str, ...], said: str) -> None:
    ended = tokens(*typed)
    assert ended.status == 2
    assert said in ended.err
