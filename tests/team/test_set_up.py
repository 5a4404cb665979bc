"""What an operator starts from says what this version understands: settings, paths, probes, and nothing secret."""

import json
import os
import re
import socket
import subprocess
import time
import tomllib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # it has none

from flipsnack_mcp.parsing import parsed
from flipsnack_mcp.server.request import TIME_OF_A_CALL
from flipsnack_mcp.settings import VARIABLES, Settings
from tests.commands.processes import nobody_answers_at
from tests.redis_server import program

PACKAGING = Path(__file__).parents[2] / "packaging"
TEXTS = {one.name: one.read_text(encoding="utf-8") for one in [*PACKAGING.glob("*.yaml"), PACKAGING / "Dockerfile"]}
NGINX = {one.name: one.read_text(encoding="utf-8") for one in (PACKAGING / "nginx").glob("*.conf")}
COMPOSE: dict[str, Any] = yaml.safe_load(TEXTS["compose.yaml"])
CLUSTER: list[dict[str, Any]] = list(yaml.safe_load_all(TEXTS["kubernetes.yaml"]))
MANUAL = (PACKAGING.parent / "docs" / "team.md").read_text(encoding="utf-8")
PROMISED = {"appendonly": "yes", "appendfsync": "always", "maxmemory-policy": "noeviction"}
"""Of Redis: what is said about journals rests on them."""
PASSWORD = "a-password-of-a-test"


def of_kind(kind: str, name: str = "flipsnack") -> dict[str, Any]:
    (found,) = [one for one in CLUSTER if one["kind"] == kind and one["metadata"]["name"] == name]
    return found


def pod() -> dict[str, Any]:
    inside: dict[str, Any] = of_kind("Deployment")["spec"]["template"]["spec"]
    return inside


@pytest.mark.parametrize("text", [*(TEXTS | NGINX).values(), MANUAL], ids=[*(TEXTS | NGINX), "team.md"])
def test_only_settings_that_exist_are_named(text: str) -> None:
    known = {one.name for one in VARIABLES} | {"FLIPSNACK_TOKEN"}  # the last is a client's own
    assert set(re.findall(r"\bFLIPSNACK_[A-Z_]+\b", text)) <= known


def test_what_the_manual_shows_can_be_read_and_asks_redis_for_the_same() -> None:
    blocks = re.findall(r"^```(json|toml)\n(.+?)^```$", MANUAL, re.MULTILINE | re.DOTALL)
    assert [kind for kind, _ in blocks] == ["toml", "json", "toml"]
    assert all({"json": json.loads, "toml": tomllib.loads}[kind](text) for kind, text in blocks)
    assert all(f"{name} {value}\n" in MANUAL for name, value in PROMISED.items())
    assert "TimeoutStopSec=60\n" in MANUAL


@pytest.mark.parametrize("name", TEXTS | NGINX)
def test_nothing_secret_stands_there(name: str) -> None:
    """Nothing that is long enough to be a key; and every password is a placeholder or a reference to a secret."""
    text = (TEXTS | NGINX)[name]
    assert not [one for one in re.findall(r"[A-Za-z0-9+/_-]{20,}", text) if re.search(r"\d", one) and "/" not in one]
    given = [one for one in re.findall(r"PASSWORD: (.+)", text) if not one.startswith("${REDIS_PASSWORD:?")]
    assert given == []
    assert "valueFrom" in text or "name: REDIS_PASSWORD" not in text


def test_both_have_two_replicas_that_are_started_as_the_command_line_has_it() -> None:
    replicas = [one for name, one in COMPOSE["services"].items() if name.startswith("replica-")]
    (container,) = pod()["containers"]
    (entry,) = re.findall(r"^CMD (.+)$", TEXTS["Dockerfile"], re.MULTILINE)
    assert len(replicas) == of_kind("Deployment")["spec"]["replicas"] == 2
    assert parsed(container["args"]).http == parsed(yaml.safe_load(entry)).http == "0.0.0.0:8000"


def test_a_replica_may_do_nothing_that_it_need_not() -> None:
    (container,) = pod()["containers"]
    for one in [one for name, one in COMPOSE["services"].items() if name.startswith("replica-")]:
        assert (one["user"], one["read_only"], one["cap_drop"]) == ("10001:10001", True, ["ALL"])
    assert pod()["securityContext"]["runAsNonRoot"] is True
    assert pod()["automountServiceAccountToken"] is False
    nothing_more = {
        "readOnlyRootFilesystem": True,
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
    }
    assert all(one["securityContext"] == nothing_more for one in [container, *pod()["initContainers"]])
    assert re.findall(r"^USER (.+)$", TEXTS["Dockerfile"], re.MULTILINE) == ["10001:10001"]


def test_the_files_of_a_secret_are_copied_for_one_user_alone(tmp_path: Path) -> None:
    """As often as they change; a group may read those of the cluster, and a tokens file that it may read lets nobody in."""
    (beside,) = pod()["initContainers"]
    once = beside["args"][0].replace("sleep 5", "exit 0").replace("/secret", f"{tmp_path}/secret")
    once = once.replace("/config", f"{tmp_path}/config")
    for name in ("secret", "config"):
        (tmp_path / name).mkdir()
    for content in ("first", "then another"):
        for name in ("accounts.toml", "tokens.json", "state.key"):
            (tmp_path / "secret" / name).write_text(f"{name} {content}")
        subprocess.run([*beside["command"], once], check=True)  # noqa: S603  # our own
        copies = [*(tmp_path / "config").iterdir()]
        assert {one.name: one.read_text() for one in copies} == {
            one.name: one.read_text() for one in (tmp_path / "secret").iterdir()
        }
        assert {one.stat().st_mode & 0o777 for one in copies} == {0o600}


def test_the_image_is_pinned_and_brings_no_tool_that_builds() -> None:
    stages = re.findall(r"^FROM (\S+)", TEXTS["Dockerfile"], re.MULTILINE)
    assert len(stages) == 2
    assert all(re.fullmatch(r"python:3\.\d+-slim", one) for one in stages)
    last = TEXTS["Dockerfile"].rpartition("FROM ")[2]
    assert "pip uninstall" in last
    assert "pip install" not in last


def test_every_image_has_a_version() -> None:
    images = [one["image"] for name, one in COMPOSE["services"].items() if name in {"redis", "balancer"}]
    images += [one["image"] for kind in CLUSTER for one in containers_of(kind)]
    assert all(re.search(r":\d", one) for one in images), images


def containers_of(one: dict[str, Any]) -> Iterator[dict[str, Any]]:
    inside = one.get("spec", {}).get("template", {}).get("spec", {})
    yield from [*inside.get("initContainers", []), *inside.get("containers", [])]


def test_probes_ask_what_there_is_and_an_end_waits_for_the_drain() -> None:
    (container,) = pod()["containers"]
    asked = {name: container[f"{name}Probe"]["httpGet"]["path"] for name in ("startup", "liveness", "readiness")}
    assert asked == {"startup": "/health", "liveness": "/health", "readiness": "/ready"}
    assert "/health" in TEXTS["Dockerfile"]
    longest = Settings().drain_seconds + TIME_OF_A_CALL
    assert pod()["terminationGracePeriodSeconds"] > longest
    assert int(COMPOSE["services"]["replica-1"]["stop_grace_period"].removesuffix("s")) > longest


def test_the_balancer_that_may_not_pass_over_permissions_is_given_a_certificate_of_its_own_user() -> None:
    assert "DAC_OVERRIDE" not in COMPOSE["services"]["balancer"]["cap_add"]
    assert "sudo chown -R root tls\n" in MANUAL


def commands_of_redis() -> list[str]:
    (in_a_cluster,) = containers_of(of_kind("StatefulSet", "flipsnack-redis"))
    return [COMPOSE["services"]["redis"]["command"][2].replace("$$", "$"), in_a_cluster["args"][0]]


@pytest.mark.parametrize("command", commands_of_redis(), ids=["compose", "cluster"])
def test_redis_keeps_what_it_is_told(command: str, tmp_path: Path) -> None:
    """The very command is run; it wants a password, which is in no list of processes, and ends when it is asked to."""
    with nobody_answers_at() as port:
        pass
    here = command.replace("/tmp/", f"{tmp_path}/").replace("/data", str(tmp_path))  # noqa: S108  # inside of a container
    (tmp_path / "redis-server").symlink_to(program())
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "REDIS_PASSWORD": PASSWORD}
    with subprocess.Popen(["sh", "-c", f"{here} --port {port}"], env=environment, stdout=subprocess.DEVNULL) as server:  # noqa: S603, S607  # our own
        told = asked_of_redis(port, *(f"CONFIG GET {name}" for name in PROMISED))
        assert PASSWORD not in (Path("/proc") / str(server.pid) / "cmdline").read_text()
        assert all(f"\r\n{value}\r\n" in answer for value, answer in zip(PROMISED.values(), told, strict=True))
        server.terminate()
        assert server.wait(30) == 0


def asked_of_redis(port: int, *commands: str) -> list[str]:
    """Its answers, once it is there; without its password there is none."""
    with closing(connected(port)) as line:
        answers = []
        for command in ("PING", f"AUTH {PASSWORD}", *commands):
            line.sendall(f"{command}\r\n".encode())
            answers.append(line.recv(1000).decode())
    refused, let_in, *told = answers
    assert refused.startswith("-NOAUTH")
    assert let_in == "+OK\r\n"
    return told


def connected(port: int) -> socket.socket:
    latest = time.monotonic() + 60
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), 30)
        except OSError:
            assert time.monotonic() < latest
            time.sleep(0.01)


def test_each_balancer_passes_on_the_same_paths() -> None:
    ingress = {path["path"] for kind in CLUSTER if kind["kind"] == "Ingress" for path in paths_of(kind)}
    nginx = set(re.findall(r"location (?:= )?(/\S+) \{", NGINX["flipsnack.conf"]))
    assert ingress == nginx
    assert ingress > {"/mcp", "/uploads/", "/files/", "/hooks/", "/health", "/ready"}


def paths_of(ingress: dict[str, Any]) -> list[dict[str, Any]]:
    (rule,) = ingress["spec"]["rules"]
    return list(rule["http"]["paths"])


def test_no_balancer_sends_a_request_twice() -> None:
    said = re.findall(
        r"^\s*(?:proxy_next_upstream|\S+/proxy-next-upstream:) (.+?);?$",
        "\n".join([*NGINX.values(), TEXTS["kubernetes.yaml"]]),
        re.MULTILINE,
    )
    assert said == ["error timeout", "error timeout"]


def test_paths_that_are_secrets_have_logs_of_their_own_or_none() -> None:
    assert re.findall(r"^ *error_log .+", NGINX["flipsnack.conf"], re.MULTILINE) == ["    error_log /dev/null;"]
    ingresses = [one for one in CLUSTER if one["kind"] == "Ingress"]
    assert {
        path for path in ("/mcp", "/uploads/", "/files/", "/hooks/") if path in str([*map(paths_of, ingresses)])
    } == {
        "/mcp",
        "/uploads/",
        "/files/",
        "/hooks/",
    }
    for one in ingresses:
        assert one["metadata"]["annotations"]["nginx.ingress.kubernetes.io/enable-access-log"] == "false"
    assert "$request_uri" not in NGINX["flipsnack.conf"]
    assert "$http_authorization" not in re.findall(r"log_format.+?;", NGINX["flipsnack.conf"], re.DOTALL)[0]
