"""From the webhook to the chat over a real socket: what arrives at a hook is read by who may, as far as they may."""

from pathlib import Path

import anyio
import httpx2

from flipsnack_mcp.server.callers.caller import Right
from flipsnack_mcp.store.sqlite import SqliteStore
from flipsnack_mcp.team.authentication.changing import change_tokens
from flipsnack_mcp.team.authentication.tokens import TokensTold
from flipsnack_mcp.workflows.leads.hooks import add_hook
from tests.listening import NO_TLS
from tests.server.received import form
from tests.team.authentication.guarded import AUDIENCE, PUBLIC, Guarded, guarded, token_for
from tests.team.authentication.issuer import signed

TOOL = "list_leads"


async def hook_of(place: Guarded, name: str) -> str:
    """The path at which the leads of an account arrive."""
    account = next(one.account for one in place.settings.every if one.name == name)
    store = SqliteStore(place.state, place.clock)
    secret = await add_hook(store, account)
    await store.close()
    return f"/hooks/{secret}"


def test_what_arrives_at_a_hook_is_read_by_who_may(quick_folder: Path) -> None:
    with guarded(quick_folder, FLIPSNACK_LEADS="1") as place:
        hook = place.url.removesuffix("/mcp") + anyio.run(hook_of, place, "de")
        arrived = httpx2.post(hook, json=form("summer1"), verify=NO_TLS)
        assert arrived.status_code == 204
        reader, other = token_for(place, "rita", "de", may="read,leads"), token_for(place, "ben", "de", may="read")
        masked, revealed = place.by(reader).call(TOOL), place.by(reader).call(TOOL, reveal=True)
        assert masked.data["leads"][0]["fields"]["email"] == "a***@example.com"
        assert "needs the right `leads-reveal`" in revealed.text
        assert "needs the right `leads`" in place.by(other).call(TOOL).text
        assert place.by(token_for(place, "fritz", "fr", may="read,leads")).call(TOOL).data["total"] == 0
        scopes = signed(place.issuer.claims(AUDIENCE, scope="flipsnack:read flipsnack:leads"))
        asked = place.by(scopes).request("tools/call", name=TOOL, arguments={"reveal": True})
        assert asked.status_code == 403
        assert 'scope="flipsnack:read flipsnack:leads flipsnack:leads-reveal"' in asked.headers["WWW-Authenticate"]
        told = place.by(token_for(place, "dora", "de", may="leads,leads-reveal")).call(TOOL, reveal=True)
        assert told.data["leads"][0]["fields"]["email"] == "anna@example.com"


def test_a_table_of_leads_is_fetched_by_who_may_read_leads_as_long_as_they_may(quick_folder: Path) -> None:
    """Without the right to read an account its address led nowhere from the start; with that alone it led there on."""

    def narrowed(told: TokensTold) -> TokensTold:
        return TokensTold(tokens=tuple(one.model_copy(update={"may": frozenset({Right.READ})}) for one in told.tokens))

    with guarded(quick_folder, FLIPSNACK_LEADS="1") as place, httpx2.Client(verify=NO_TLS) as http:
        hook = place.url.removesuffix("/mcp") + anyio.run(hook_of, place, "de")
        assert http.post(hook, json=form("summer1")).status_code == 204
        lea = place.by(token_for(place, "lea", "de", may="leads"))
        saved = lea.call(TOOL, save_as="csv").data["file_address"]
        address = place.url.removesuffix("/mcp") + saved.removeprefix(PUBLIC)
        table = http.get(address)
        assert (table.status_code, "a***@example.com" in table.text) == (200, True)
        change_tokens(place.tokens, narrowed)
        assert http.get(address).status_code == 404
