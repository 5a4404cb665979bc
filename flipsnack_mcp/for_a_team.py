"""The settings of a server on HTTP that several people use: who may call, under which address, and how much."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from flipsnack_mcp.declared import setting
from flipsnack_mcp.reading import Reading


@dataclass(frozen=True, kw_only=True)
class TeamSettings:
    """What counts for `serve --http` only."""

    tokens: Path | None = setting(  # noqa: RUF009  # a field
        Reading.folder, "HTTP: file of the tokens that `flipsnack-mcp token add` makes", default=None, shown=""
    )
    auth_issuer: str = setting(Reading.own_address, "HTTP: authorization server whose access tokens are taken")
    auth_audience: str = setting(
        Reading.as_it_stands, "HTTP: for whom its tokens have to be", shown="the address of `/mcp` under the public URL"
    )
    public_url: str = setting(
        Reading.reached_at, "HTTP: under which address clients reach this server; needed beyond this machine"
    )
    sticky: bool = setting(
        Reading.switch, "HTTP: a balancer sends each client to one replica, so older clients keep forms", default=False
    )
    state_key_file: Path | None = setting(  # noqa: RUF009  # a field
        Reading.folder,
        "HTTP: file with the key that seals what clients carry, the same on all replicas",
        default=None,
        shown="one is made and kept in the store",
    )
    spool_dir: Path | None = setting(  # noqa: RUF009  # a field
        Reading.folder,
        "HTTP: folder for documents and packages on their way",
        default=None,
        shown="a new one for each run",
    )
    spool_megabytes: int = setting(
        partial(Reading.number, most=1_000_000), "HTTP: how much may lie there at once", default=5000
    )
    caller_calls: int = setting(Reading.number, "HTTP: calls that a caller may have under way", default=16)
    caller_calls_per_second: int = setting(
        Reading.number, "HTTP: calls that a caller may begin in a second", default=10
    )
    body_kilobytes: int = setting(
        partial(Reading.number, most=1_000_000), "HTTP: largest body of a request", default=4096
    )
    leads: bool = setting(
        Reading.switch,
        "HTTP: keep what forms and orders bring at the addresses that `flipsnack-mcp hooks add` makes",
        default=False,
    )
    leads_days: int = setting(
        partial(Reading.number, least=0, most=1000),
        "HTTP: how many days a lead is kept; 0 keeps nothing but counts",
        default=90,
    )
    drain_seconds: int = setting(
        partial(Reading.number, least=0, most=300),
        "HTTP: how long a server that is told to end goes on, so that balancers notice",
        default=5,
    )

    @property
    def asks_who_calls(self) -> bool:
        """Whether a server on HTTP asks its callers who they are."""
        return bool(self.tokens or self.auth_issuer)
