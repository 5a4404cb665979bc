"""`flipsnack-mcp hooks` and `flipsnack-mcp leads`: where leads arrive, all of them in one table, and the end of a person's."""

import csv
import io
import json
import re
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest

from flipsnack_mcp.commands.serve import LEADS_NOWHERE, remarks_on_leads
from flipsnack_mcp.settings import Settings, read_settings
from flipsnack_mcp.store.sqlite import SqliteStore
from flipsnack_mcp.workflows.leads.hooks import account_behind, known_hooks
from flipsnack_mcp.workflows.leads.keeping import keep
from tests.commands.processes import KEY, SECRET, Ended
from tests.team.authentication.guarded import accounts_file

ADDRESS = re.compile(r"https://flips\.example/hooks/([A-Za-z0-9_-]{43})\n")


class Leads:
    """The commands on a state file, and what lies in that."""

    def __init__(self, run: Callable[..., Ended], folder: Path, **environment: str) -> None:
        self.file = folder / "state.sqlite"
        own = {"FLIPSNACK_STATE": f"sqlite:{self.file}", "FLIPSNACK_PUBLIC_URL": "https://flips.example/"}
        self._run, self.environment = run, {**own, **environment}

    def __call__(self, *words: str, **more: str) -> Ended:
        return self._run(*words, **{**self.environment, **more})

    def made(self, *words: str) -> str:
        """The secret of a hook."""
        ended = self("hooks", *words)
        found = ADDRESS.fullmatch(ended.out)
        assert found, ended
        assert "shown once" in ended.err
        return found[1]

    def account_of(self, secret: str) -> str:
        """Whose hook it is, as the settings call it."""
        account = account_behind(self._asked(known_hooks), secret)
        every = read_settings(self.environment).every
        return next((one.name or "the one" for one in every if one.account == account), "")

    def brought(self, name: str = "", **fields: str) -> None:
        every = read_settings(self.environment).every
        account = next(one.account for one in every if one.name == name)
        body = {"type": "contact", "flipbook_hash": "abc", "flipbook_title": "Spring", "data": fields}
        assert self._asked(lambda store: keep(store, account, body, time.time(), 90))

    def rows(self, *words: str) -> list[dict[str, str]]:
        ended = self("leads", "export", *words)
        assert ended.status == 0
        return [*csv.DictReader(io.StringIO(ended.out.removeprefix("\ufeff")))]

    def _asked(self, ask: Callable[[SqliteStore], Any]) -> Any:
        async def asked() -> Any:
            store = SqliteStore(self.file)
            try:
                return await ask(store)
            finally:
                await store.close()

        return anyio.run(asked)


@pytest.fixture
def leads(run_here: Callable[..., Ended], tmp_path: Path) -> Leads:
    """Of a server with one account."""
    return Leads(run_here, tmp_path, FLIPSNACK_API_KEY=KEY, FLIPSNACK_API_SECRET=SECRET)


@pytest.fixture
def of_several(run_here: Callable[..., Ended], tmp_path: Path) -> Leads:
    return Leads(run_here, tmp_path, FLIPSNACK_ACCOUNTS=str(accounts_file(tmp_path, {})))


def test_a_hook_is_printed_once_and_alone_on_stdout(leads: Leads) -> None:
    secret = leads.made("add")
    assert leads.account_of(secret) == "the one"
    assert secret not in leads("hooks", "list").out + leads.file.read_text(errors="replace")


def test_an_account_has_one_hook_and_another_is_asked_for(of_several: Leads) -> None:
    secret = of_several.made("add", "DE")
    refused = of_several("hooks", "add", "de")
    assert (refused.status, refused.out) == (1, "")
    assert "`hooks replace` makes a new address" in refused.err
    assert of_several.account_of(secret) == "de"
    other = of_several.made("replace", "de")
    assert (of_several.account_of(secret), of_several.account_of(other)) == ("", "de")


def test_a_hook_that_is_revoked_is_none_any_more(of_several: Leads) -> None:
    secret, other = of_several.made("add", "de"), of_several.made("add", "fr")
    assert of_several("hooks", "revoke", "de").status == 0
    assert (of_several.account_of(secret), of_several.account_of(other)) == ("", "fr")
    assert (
        of_several("hooks", "revoke", "de").out
        == "This account has no hook; `hooks add` makes one. Nothing was changed.\n"
    )


def test_a_hook_of_an_account_that_left_the_file_is_revoked_by_what_the_list_calls_it(of_several: Leads) -> None:
    of_several.made("add", "de")
    (gone,) = [one.account for one in read_settings(of_several.environment).every if one.name == "de"]
    without = accounts_file(of_several.file.parent, {}).read_text().replace("[accounts.de]", "[accounts.at]")
    without = without.replace("OF-de-", "OF-at-")
    Path(of_several.environment["FLIPSNACK_ACCOUNTS"]).write_text(without)
    told = of_several("hooks", "list").out
    assert "what comes is refused" in told
    assert of_several("hooks", "revoke", gone).status == 0, told
    assert of_several("hooks", "list").out == "No account has a hook.\n"


def test_hooks_are_listed_with_what_came(of_several: Leads) -> None:
    of_several.made("add", "de")
    of_several.brought("de", Name="Ada")
    of_several.brought("de", Name="Ben")
    head, row = of_several("hooks", "list").out.splitlines()
    assert "refused" not in row
    assert re.split(r"  +", head) == ["Account", "Made", "Leads in 30 days", "Of unknown kind", "Last"]
    account, _, many, unknown, last = re.split(r"  +", row)
    assert (account, many, unknown) == ("de", "2", "0")
    assert last == time.strftime("%Y-%m-%d", time.gmtime())


@pytest.mark.parametrize("typed", [(), ("xx",)], ids=str)
def test_an_account_that_is_not_there_or_not_named_is_refused_with_those_there_are(
    of_several: Leads, typed: tuple[str, ...]
) -> None:
    for what in ("add", "replace", "revoke"):
        ended = of_several("hooks", what, *typed)
        assert ended.status == 1
        assert "The accounts are: de, fr, uk." in (ended.out if what == "revoke" else ended.err)


REFUSED = {
    "no other process sees it": ({"FLIPSNACK_STATE": "memory:"}, "which no other process can read"),
    "wrong settings": ({"FLIPSNACK_STATE": "nonsense"}, "FLIPSNACK_STATE is neither"),
    "no key": ({"FLIPSNACK_API_KEY": "", "FLIPSNACK_API_SECRET": ""}, "are not set"),
}


@pytest.mark.parametrize("why", REFUSED)
def test_where_no_server_would_take_leads_no_hook_is_made(leads: Leads, why: str) -> None:
    environment, said = REFUSED[why]
    ended = leads("hooks", "add", **environment)
    assert (ended.status, ended.out, said in ended.err) == (1, "", True)


def test_without_a_public_address_the_path_is_told_alone(leads: Leads) -> None:
    ended = leads("hooks", "add", FLIPSNACK_PUBLIC_URL="")
    assert re.fullmatch(r"/hooks/[A-Za-z0-9_-]{43}\n", ended.out)
    assert "put the https address before it" in ended.err


def test_why_leads_are_not_exported_does_not_stand_in_the_table(of_several: Leads) -> None:
    ended = of_several("leads", "export", "xx")
    assert (ended.status, ended.out) == (1, "")
    assert "The accounts are: de, fr, uk." in ended.err


def test_all_leads_are_exported_as_they_came_with_a_column_for_each_field(of_several: Leads) -> None:
    of_several.brought("de", Name="Ada", Mail="ada@example.com")
    of_several.brought("fr", Name="=1+1\x1b[2J", Phone="030\n1")
    one, two = of_several.rows()
    assert (one["account"], one["Name"], one["Mail"], one["Phone"]) == ("de", "Ada", "ada@example.com", "")
    assert (two["account"], two["Name"], two["Phone"]) == ("fr", "'=1+1[2J", "030 1")
    assert [row["account"] for row in of_several.rows("fr")] == ["fr"]
    assert of_several.rows("--since", "2099-01-01") == []
    as_json = json.loads(of_several("leads", "export", "FR", "--json").out)
    assert [row["fields"] for row in as_json] == [{"Name": "=1+1\x1b[2J", "Phone": "030\n1"}]


def test_a_persons_leads_are_erased_and_it_is_said_what_is_not_reached(of_several: Leads) -> None:
    for account in ("de", "fr"):
        of_several.brought(account, Mail="Ada@example.com")
        of_several.brought(account, Mail="ben@example.com")
    assert b"Ada@example.com" in of_several.file.read_bytes()
    ended = of_several("leads", "erase", "ada@example.com")
    assert ended.status == 0
    assert 'Erased: 2 leads with the address "ada@example.com".' in ended.out
    assert "Not reached are backups of the store" in ended.out
    assert b"ada@example.com" not in of_several.file.read_bytes().lower()
    assert [row["Mail"] for row in of_several.rows()] == ["ben@example.com"] * 2
    assert 'No lead has the address "ada@example.com"' in of_several("leads", "erase", "ada@example.com").out


def test_an_erasure_that_could_not_be_done_to_its_end_is_to_be_repeated(leads: Leads, tmp_path: Path) -> None:
    ended = leads("leads", "erase", "ada@example.com", FLIPSNACK_STATE=f"sqlite:{tmp_path}")
    assert ended.status == 1
    assert "Then erase it again" in ended.out


def test_an_address_can_be_typed_where_no_list_of_processes_shows_it(
    leads: Leads, monkeypatch: pytest.MonkeyPatch
) -> None:
    leads.brought(Mail="ada@example.com")
    monkeypatch.setattr("builtins.input", lambda _: "ada@example.com")
    assert leads("leads", "erase").status == 0
    assert leads.rows() == []


def test_what_is_no_address_erases_nothing(leads: Leads) -> None:
    leads.brought(Mail="ada@example.com")
    ended = leads("leads", "erase", "ada")
    assert (ended.status, "That is no e-mail address" in ended.out) == (1, True)
    assert len(leads.rows()) == 1


def test_a_server_whose_state_does_not_last_says_so_where_it_is_to_keep_leads() -> None:
    wanted = Settings(sandbox=True, leads=True)
    assert remarks_on_leads(wanted) == [LEADS_NOWHERE]
    for settings in (replace(wanted, leads=False), replace(wanted, state="sqlite:/tmp/x")):
        assert remarks_on_leads(settings) == []


@pytest.mark.parametrize(
    "words", [("hooks",), ("hooks", "remove"), ("leads",), ("leads", "list"), ("leads", "erase", "a", "b")], ids=str
)
def test_what_is_typed_wrongly_is_said(leads: Leads, words: tuple[str, ...]) -> None:
    assert leads(*words).status == 2
