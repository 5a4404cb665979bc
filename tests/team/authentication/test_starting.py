"""Before a server starts: where nobody could be told from anybody nothing is served, and the rest is said in words."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from flipsnack_mcp.commands.serve import for_callers, serve_http
from flipsnack_mcp.settings import Settings, read_settings
from flipsnack_mcp.team.authentication.changing import change_tokens
from flipsnack_mcp.team.authentication.knowing import Authentication
from flipsnack_mcp.team.authentication.starting import (
    looked_at_callers,
    nobody_told,
    refusal_to_serve,
    remarks_on_callers,
)
from flipsnack_mcp.team.authentication.tokens import TokensTold
from tests.team.authentication.issuer import running_issuer

TOKENS: dict[str, Any] = {"tokens": Path("/srv/flipsnack/tokens.json")}
ISSUER: dict[str, Any] = {"auth_issuer": "https://idp.example.com"}
PUBLIC: dict[str, Any] = {"public_url": "https://flipsnack.example.com"}
HERE = ("127.0.0.1", "localhost", "::1")
EVERYWHERE = (
    "0.0.0.0", "::", "192.168.1.2", "flipsnack.example.com", "", "127.0.0.2", "localhost.example.com", "[::1",  # noqa: S104
    "LOCALHOST.", "2130706433",
)  # fmt: skip


@pytest.mark.parametrize("host", EVERYWHERE)
@pytest.mark.parametrize(
    ("given", "variable"),
    [({}, "FLIPSNACK_TOKENS"), (PUBLIC, "FLIPSNACK_TOKENS"), (TOKENS, "FLIPSNACK_PUBLIC_URL"), (ISSUER, "FLIPSNACK_PUBLIC_URL")],
    ids=str,
)  # fmt: skip
def test_beyond_this_machine_nothing_is_served_to_whoever_comes(
    host: str, given: dict[str, Any], variable: str
) -> None:
    refused = refusal_to_serve(Settings(sandbox=True, **given), host)
    assert variable in refused
    assert "Nothing was started." in refused


def test_who_else_can_call_by_a_public_address_is_said_where_nobody_is_asked() -> None:
    """Behind a balancer or a tunnel a server is bound to this machine, and open to others all the same."""
    (here,) = remarks_on_callers(Settings(sandbox=True))
    (beyond,) = remarks_on_callers(Settings(sandbox=True, **PUBLIC))
    assert "every other user of this machine can. To" in here
    assert "every other user of this machine can, and everybody who reaches https://flipsnack.example.com. To" in beyond


@pytest.mark.parametrize(
    ("variable", "value"),
    [("FLIPSNACK_PUBLIC_URL", "http://flips.example.com"), ("FLIPSNACK_AUTH_ISSUER", "http://idp.example.com"),
     ("FLIPSNACK_TOKENS", "tokens.json")],
)  # fmt: skip
def test_a_setting_that_is_written_wrongly_is_named_where_nothing_is_served_for_it(
    variable: str, value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    right = {"FLIPSNACK_TOKENS": "/srv/flipsnack/tokens.json"} if variable == "FLIPSNACK_PUBLIC_URL" else {}
    settings = read_settings({"FLIPSNACK_SANDBOX": "1", **right, variable: value})
    assert serve_http(settings, "0.0.0.0", 8000) == 2  # noqa: S104
    said = capsys.readouterr().err
    assert f"flipsnack-mcp: {variable} " in said
    assert f"{variable} is not set" not in said
    assert said.endswith("Nothing was started.\n")


@pytest.mark.parametrize("host", HERE)
@pytest.mark.parametrize(("variable", "value"), [("FLIPSNACK_TOKENS", "tokens.json"), ("FLIPSNACK_AUTH_ISSUER", "idp")])
def test_a_server_that_was_to_ask_who_calls_does_not_start_as_one_that_asks_nobody(
    host: str, variable: str, value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = read_settings({"FLIPSNACK_SANDBOX": "1", variable: value})
    assert serve_http(settings, host, 8000) == 2
    said = capsys.readouterr().err
    assert f"flipsnack-mcp: {variable} " in said
    assert "cannot be used, so everybody could" in said
    assert said.endswith("Nothing was started.\n")
    for nothing in ("", "${FLIPSNACK_WHO}"):
        assert refusal_to_serve(read_settings({"FLIPSNACK_SANDBOX": "1", variable: nothing}), host) == ""


@pytest.mark.parametrize("host", [*EVERYWHERE, *HERE])
@pytest.mark.parametrize("given", [TOKENS, ISSUER, {**TOKENS, **ISSUER}], ids=["tokens", "issuer", "both"])
def test_with_tokens_or_an_issuer_it_is(host: str, given: dict[str, Any]) -> None:
    assert refusal_to_serve(Settings(sandbox=True, **given, **PUBLIC), host) == ""


@pytest.mark.parametrize("host", HERE)
def test_on_this_machine_nobody_has_to_be_told_apart(host: str) -> None:
    assert refusal_to_serve(Settings(sandbox=True), host) == ""
    assert refusal_to_serve(Settings(sandbox=True, **TOKENS), host) == ""
    assert refusal_to_serve(Settings(sandbox=True, **ISSUER), host) == ""


@pytest.mark.parametrize("given", [TOKENS, ISSUER], ids=["tokens", "issuer"])
def test_on_this_machine_the_public_address_is_the_own_one(given: dict[str, Any]) -> None:
    known = for_callers(Settings(sandbox=True, **given), "http://[::1]:8000")
    assert Authentication(known).challenges.resource == "http://[::1]:8000/mcp"
    assert (
        for_callers(Settings(sandbox=True, **given, **PUBLIC), "http://[::1]:8000").public_url == PUBLIC["public_url"]
    )
    assert for_callers(Settings(sandbox=True), "http://[::1]:8000").public_url == ""


def test_a_file_of_tokens_is_recommended_and_others_on_the_machine_are_named() -> None:
    (said,) = remarks_on_callers(Settings(sandbox=True))
    assert "every other user of this machine can" in said
    assert "token add NAME" in said


def test_an_issuer_by_which_nobody_may_call_is_pointed_out(tmp_path: Path) -> None:
    named = Settings(sandbox=True, callers=("claim:a=b",))
    process: dict[str, Any] = {"sandbox": True, **ISSUER, **PUBLIC}
    assert any("nobody may call by it" in one for one in remarks_on_callers(Settings(**process)))
    assert remarks_on_callers(Settings(**process, accounts=(named,))) == []
    (nobody,) = remarks_on_callers(Settings(sandbox=True, tokens=tmp_path / "none.json"))
    assert nobody.startswith("nobody has a token of the file yet: `")
    assert "token add NAME" in nobody


async def test_whom_an_account_names_of_another_issuer_is_pointed_out() -> None:
    """Nobody was let in for a stroke at the end of an address, and doctor called that well."""
    with running_issuer() as issuer:
        named = (
            f"{issuer.address}/ anna",
            f"{issuer.address} ben",
            "claim:groups=marketing",
            f"{issuer.address}/ anna",
        )
        told = Settings(sandbox=True, auth_issuer=issuer.address, **PUBLIC)
        account = Settings(sandbox=True, callers=named)
        (said,) = remarks_on_callers(replace(told, accounts=(account,)))
        found = await looked_at_callers(replace(told, accounts=(account,)))
        well = await looked_at_callers(replace(told, accounts=(replace(account, callers=named[1:3]),)))
    assert said.startswith(f'"{issuer.address}/ anna" may not call, though FLIPSNACK_ACCOUNTS names them:')
    assert f"written exactly as FLIPSNACK_AUTH_ISSUER, {issuer.address}, with or without a stroke" in said
    assert (False, said) in found
    assert all(ok for ok, _ in well)


async def test_what_can_be_found_out_is_told(tmp_path: Path) -> None:
    file = tmp_path / "tokens.json"
    change_tokens(file, lambda _: TokensTold())
    with running_issuer() as issuer:
        settings = Settings(sandbox=True, tokens=file, auth_issuer=issuer.address, callers=("claim:a=b",))
        well = await looked_at_callers(settings)
        issuer.away = True
        away = await looked_at_callers(settings)
    assert well == [
        (True, nobody_told()),
        (True, f"{issuer.address} publishes 1 keys that can have signed a token"),
    ]
    assert away[1][0] is False
    assert "status 404" in away[1][1]
