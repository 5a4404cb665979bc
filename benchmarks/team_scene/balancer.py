"""A real nginx with the files of `packaging/nginx`, of which only names, addresses and places are changed."""

from __future__ import annotations

import os
import shutil
import ssl
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import PIPE, STDOUT, Popen, run

import httpx2
import trustme

FILES = Path(__file__).parents[2] / "packaging" / "nginx"
MAIN = """
daemon off;
{user}
worker_processes 2;
pid {folder}/nginx.pid;
error_log {folder}/log/error.log error;
events {{ worker_connections 4096; }}
http {{
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxied;
    fastcgi_temp_path {folder}/unused;
    uwsgi_temp_path {folder}/unused;
    scgi_temp_path {folder}/unused;
    access_log off;
    # Who answered: the judges want to know.
    add_header X-Replica $upstream_addr always;
    include {folder}/conf.d/*.conf;
    {more}
}}
"""
AUTHORIZED = """
    map $http_host $adding_host {{ default $http_host; "127.0.0.1:{port}" "localhost:{public}"; "localhost:{port}" "localhost:{public}"; }}
    map $http_origin $adding_origin {{ default $http_origin; "~^http://(127\\.0\\.0\\.1|localhost):{port}$" "https://localhost:{public}"; }}
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass https://127.0.0.1:{public};
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $adding_host;
            proxy_set_header Origin $adding_origin;
            proxy_set_header Authorization "Bearer {token}";
            proxy_buffering off;
            proxy_read_timeout 1h;
        }}
    }}
"""
"""A client that knows no tokens reaches the balancer through this."""


def unbound_port() -> int:
    """A port that nobody has."""
    import socket  # noqa: PLC0415  # here only

    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@dataclass
class Balancer:
    """nginx before some replicas."""

    folder: Path
    kind: str = "round-robin"
    port: int = field(default_factory=unbound_port)
    more: str = ""
    """Further servers of the same nginx."""

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}"

    @property
    def authority(self) -> Path:
        """The certificate of who signed for it."""
        return self.folder / "tls" / "authority.pem"

    def trusting(self) -> ssl.SSLContext:
        """How a client trusts it."""
        return ssl.create_default_context(cafile=str(self.authority))

    def add_token(self, token: str) -> str:
        """A plain address at which that token is added to each request; counts from the next start or change."""
        port = unbound_port()
        self.more += AUTHORIZED.format(port=port, public=self.port, token=token)
        return f"http://127.0.0.1:{port}"

    def prepare(self) -> None:
        """Everything but its own files."""
        for name in ("conf.d", "tls", "log"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        authority = trustme.CA()
        authority.cert_pem.write_to_path(str(self.authority))
        own = authority.issue_cert("localhost", "127.0.0.1")
        (self.folder / "tls" / "fullchain.pem").write_bytes(b"".join(one.bytes() for one in own.cert_chain_pems))
        own.private_key_pem.write_to_path(str(self.folder / "tls" / "privkey.pem"))

    def write(self, replicas: Sequence[int]) -> None:
        """Its own files, before the replicas at these ports."""
        own = (FILES / f"{self.kind}.conf").read_text(encoding="utf-8")
        lines = [line for line in own.splitlines() if "replica-1:8000" not in line]
        (at,) = (number for number, line in enumerate(lines) if "replica-2:8000" in line)
        lines[at : at + 1] = [lines[at].replace("replica-2:8000", f"127.0.0.1:{port}") for port in replicas]
        (self.folder / "conf.d" / "replicas.conf").write_text("\n".join(lines), encoding="utf-8")
        said = (FILES / "flipsnack.conf").read_text(encoding="utf-8")
        for written, here in {
            "listen 443 ssl": f"listen 127.0.0.1:{self.port} ssl",
            "flipsnack.example.com": "localhost",
            "/etc/nginx/tls/": f"{self.folder}/tls/",
            "/var/log/nginx/": f"{self.folder}/log/",
        }.items():
            assert written in said, written
            said = said.replace(written, here)
        (self.folder / "conf.d" / "flipsnack.conf").write_text(said, encoding="utf-8")
        user = "user root;" if os.geteuid() == 0 else ""
        main = MAIN.format(folder=self.folder, user=user, more=self.more)
        (self.folder / "nginx.conf").write_text(main, encoding="utf-8")

    def command(self, *more: str) -> list[str]:
        """How nginx is called, told where everything is."""
        early = str(self.folder / "log" / "error.log")
        return [program(), "-e", early, "-p", str(self.folder), "-c", str(self.folder / "nginx.conf"), *more]

    def test(self) -> None:
        """Let nginx read its files."""
        done = run(self.command("-t"), stdout=PIPE, stderr=STDOUT, text=True, check=False)
        assert done.returncode == 0, done.stdout
        assert "[warn]" not in done.stdout, done.stdout

    def change(self, replicas: Sequence[int]) -> None:
        """Other replicas from now on; nobody who is connected is cut off."""
        self.write(replicas)
        run(self.command("-s", "reload"), check=True)

    @property
    def logged(self) -> str:
        """All that it has written down."""
        return "".join(one.read_text(encoding="utf-8", errors="replace") for one in (self.folder / "log").iterdir())


def program() -> str:
    """Where nginx is; Debian's is on no ordinary person's path."""
    found = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    assert found, "no nginx on this machine"
    return found


@contextmanager
def balancing(balancer: Balancer, replicas: Sequence[int]) -> Iterator[Balancer]:
    """It serves until the end of the block."""
    balancer.prepare()
    balancer.write(replicas)
    balancer.test()
    with Popen(balancer.command()) as process:
        try:
            answers(balancer)
            yield balancer
        finally:
            process.terminate()
            process.wait(30)


def answers(balancer: Balancer) -> None:
    """Wait until it answers."""
    latest = time.monotonic() + 30
    while True:
        try:
            httpx2.get(f"{balancer.url}/nothing", verify=balancer.trusting(), trust_env=False)
        except httpx2.TransportError:
            assert time.monotonic() < latest, balancer.logged
            time.sleep(0.05)
        else:
            return
