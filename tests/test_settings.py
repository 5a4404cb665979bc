"""Environment and options become settings that say what is missing, and never what is secret."""

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flipsnack_mcp.redis_address import without_password
from flipsnack_mcp.settings import VARIABLES, Settings, read_settings
from tests.server.tables import unfolded

KEY, SECRET = "LK12NS-0-IOBW3S89VVJH12Z", "123ABCDE-456-7890-FGH"
ACCESS = {"FLIPSNACK_API_KEY": KEY, "FLIPSNACK_API_SECRET": SECRET}
ROOT = Path(os.path.abspath(os.sep))  # noqa: PTH100  # the root of this machine's disk

DOCUMENTED = {
    "FLIPSNACK_API_KEY", "FLIPSNACK_API_SECRET", "FLIPSNACK_API_KEY_FILE", "FLIPSNACK_API_SECRET_FILE",
    "FLIPSNACK_API_URL", "FLIPSNACK_UPLOAD_URL", "FLIPSNACK_SANDBOX", "FLIPSNACK_READ_ONLY", "FLIPSNACK_TOOLSETS",
    "FLIPSNACK_CONFIRM", "FLIPSNACK_UPLOAD_DIRS", "FLIPSNACK_DOWNLOAD_DIR", "FLIPSNACK_CALLS_PER_SECOND",
    "FLIPSNACK_CALLS_PER_MINUTE", "FLIPSNACK_STATE", "FLIPSNACK_STATE_FILE", "FLIPSNACK_LOG_LEVEL",
    "FLIPSNACK_MAX_DELETES_PER_HOUR", "FLIPSNACK_MAX_DELETES_PER_DAY", "FLIPSNACK_ACCOUNTS",
    "FLIPSNACK_FILE_HOSTS", "FLIPSNACK_TOKENS", "FLIPSNACK_AUTH_ISSUER", "FLIPSNACK_AUTH_AUDIENCE",
    "FLIPSNACK_PUBLIC_URL", "FLIPSNACK_STICKY", "FLIPSNACK_STATE_KEY_FILE", "FLIPSNACK_SPOOL_DIR",
    "FLIPSNACK_SPOOL_MEGABYTES", "FLIPSNACK_CALLER_CALLS", "FLIPSNACK_CALLER_CALLS_PER_SECOND",
    "FLIPSNACK_BODY_KILOBYTES", "FLIPSNACK_DRAIN_SECONDS", "FLIPSNACK_LEADS", "FLIPSNACK_LEADS_DAYS",
}  # fmt: skip


def test_every_variable_of_the_contract_is_there() -> None:
    assert {one.name for one in VARIABLES} == DOCUMENTED


def test_nothing_set_is_the_default_and_says_what_is_missing() -> None:
    settings = read_settings({})
    assert settings == Settings(sources={})
    assert settings.missing.startswith("FLIPSNACK_API_KEY and FLIPSNACK_API_SECRET are not set.")
    assert "FLIPSNACK_SANDBOX=1" in settings.missing


@pytest.mark.parametrize(
    ("key", "secret", "missing"), [(KEY, None, "SECRET"), (None, SECRET, "KEY"), ("", SECRET, "KEY")]
)
def test_what_is_missing_is_named_exactly(key: str | None, secret: str | None, missing: str) -> None:
    given = {"FLIPSNACK_API_KEY": key, "FLIPSNACK_API_SECRET": secret}
    text = read_settings({name: value for name, value in given.items() if value is not None}).missing
    assert text.startswith(f"FLIPSNACK_API_{missing} is not set.")
    assert text.count("not set") == 1


def test_everything_can_be_set(tmp_path: Path) -> None:
    uploads = os.pathsep.join([str(tmp_path), f" {tmp_path / 'b'} ", ""])
    set_and_read: dict[str, tuple[str, object]] = {
        "api_key": (KEY, KEY),
        "api_secret": (SECRET, SECRET),
        "api_url": ("https://proxy.example.com/flipsnack", "https://proxy.example.com/flipsnack/"),
        "upload_url": ("http://127.0.0.1:8000/upload/v1/", "http://127.0.0.1:8000/upload/v1/"),
        "read_only": ("TRUE", True),
        "toolsets": ("Default, legacy", {"default", "legacy"}),
        "confirm": ("Allow", "allow"),
        "upload_dirs": (uploads, (tmp_path, tmp_path / "b")),
        "download_dir": (str(tmp_path / "c"), tmp_path / "c"),
        "calls_per_second": ("3", 3),
        "calls_per_minute": ("30", 30),
        "log_level": ("debug", "DEBUG"),
        "tokens": (str(tmp_path / "tokens"), tmp_path / "tokens"),
        "auth_issuer": ("https://login.example.com/realm", "https://login.example.com/realm"),
        "auth_audience": ("https://books.example.com/mcp", "https://books.example.com/mcp"),
        "public_url": ("https://books.example.com", "https://books.example.com"),
        "sticky": ("1", True),
        "state_key_file": (str(tmp_path / "key"), tmp_path / "key"),
        "spool_dir": (str(tmp_path / "spool"), tmp_path / "spool"),
        "spool_megabytes": ("20000", 20_000),
        "body_kilobytes": ("8192", 8192),
        "file_hosts": ("Files.Flipsnack.net, cdn.example.com,", ("files.flipsnack.net", "cdn.example.com")),
    }
    environment = {f"FLIPSNACK_{name.upper()}": text for name, (text, _) in set_and_read.items()}
    settings = read_settings(environment | {"FLIPSNACK_SOMETHING_ELSE": "x"})
    assert settings.problems == ()
    assert settings.hints == ("A variable that begins with FLIPSNACK_ is no setting: docs/settings.md lists them.",)
    assert {name: (text, getattr(settings, name)) for name, (text, _) in set_and_read.items()} == set_and_read
    assert (settings.missing, settings.sandbox) == ("", False)
    assert settings.sources.keys() == environment.keys()


def test_the_sandbox_needs_no_key_so_none_is_looked_at() -> None:
    settings = read_settings({"FLIPSNACK_SANDBOX": "1", "FLIPSNACK_API_KEY": "${user_config.api_key}"})
    assert (settings.sandbox, settings.missing, settings.problems) == (True, "", ())


@pytest.mark.parametrize("way", ["yes", "no", "0", " allow", "allow ", "'allow'", "a${CONFIRM}", "allowed"])
def test_an_unknown_way_of_confirming_blocks_and_an_unknown_log_level_is_a_hint_only(way: str) -> None:
    settings = read_settings({**ACCESS, "FLIPSNACK_CONFIRM": way, "FLIPSNACK_LOG_LEVEL": "loud"})
    assert (settings.confirm, settings.log_level) == ("block", "WARNING")
    assert all(any(name in one for one in settings.hints) for name in ("FLIPSNACK_CONFIRM", "FLIPSNACK_LOG_LEVEL"))
    assert read_settings({**ACCESS, "FLIPSNACK_LOG_LEVEL": "loud"}).missing == ""


@pytest.mark.parametrize(
    "wrong",
    [
        *("https://files.flipsnack.net", "files.flipsnack.net/", "files.flipsnack.net:443", "*.flipsnack.net"),
        *("a@b.net", "127.0.0.1", "[::1]", "localhost", "0x7f.1", "-a.net", "a-.net", "a..net", ".net", "net."),
        *("b\u00fccher.net", "a b.net", "a;b.net", "'none'", f"{'a' * 64}.net", f"{'a.' * 130}net"),
    ],
)
def test_a_host_of_pictures_is_a_plain_name_and_what_is_none_is_left_out_with_one_sentence(wrong: str) -> None:
    settings = read_settings({**ACCESS, "FLIPSNACK_FILE_HOSTS": f"{wrong},cdn.example.com"})
    assert settings.file_hosts == ("cdn.example.com",)
    assert [one for one in settings.hints if "FLIPSNACK_FILE_HOSTS" in one] == [*settings.hints]
    assert (len(settings.hints), settings.missing) == (1, "")
    assert wrong not in settings.hints[0] or wrong in "files.flipsnack.net"
    assert read_settings({**ACCESS, "FLIPSNACK_FILE_HOSTS": f"{wrong},"}).file_hosts == ()


@pytest.mark.parametrize("end", ["/mcp", "/mcp/", "/tools/mcp"])
def test_a_public_address_that_ends_with_what_is_added_to_it_is_pointed_out(end: str) -> None:
    settings = read_settings({**ACCESS, "FLIPSNACK_PUBLIC_URL": f"https://flips.example.com{end}"})
    (hint,) = settings.hints
    assert "FLIPSNACK_PUBLIC_URL ends with /mcp" in hint
    for well in ("", "/", "/tools", "/mcp/tools"):
        assert read_settings({**ACCESS, "FLIPSNACK_PUBLIC_URL": f"https://flips.example.com{well}"}).hints == ()


ODD = ["https://b\u00fccher.example", "https://a b.example", "https://*.example.com", "https://a.example/flip snack", "https://a.example\\x"]  # fmt: skip


@pytest.mark.parametrize("value", ODD)
def test_a_public_address_is_one_that_can_come_in_a_request(value: str) -> None:
    """By another a server would refuse all its clients, and give out links that nobody can click on."""
    settings = read_settings({**ACCESS, "FLIPSNACK_PUBLIC_URL": value})
    assert settings.public_url == ""
    assert "FLIPSNACK_PUBLIC_URL has to be written as browsers send it" in settings.missing
    for well in (
        "https://xn--bcher-kva.example",
        "https://[::1]:8443/a%20b/",
        "http://localhost:8000",
        "HTTPS://A.example",
    ):
        assert read_settings({**ACCESS, "FLIPSNACK_PUBLIC_URL": well}).public_url == well


def test_what_is_wrong_with_a_value_is_said_once() -> None:
    settings = read_settings({**ACCESS, "FLIPSNACK_PUBLIC_URL": " https://flips.example.com "})
    assert settings.missing == "FLIPSNACK_PUBLIC_URL has quotes or spaces around its value: remove them."


@pytest.mark.parametrize("value", ["0", "false", "False", ""])
def test_a_switch_that_is_off_is_off_and_no_toolset_is_the_default_one(value: str) -> None:
    settings = read_settings({**ACCESS, "FLIPSNACK_READ_ONLY": value, "FLIPSNACK_SANDBOX": value})
    assert (settings.read_only, settings.sandbox, settings.problems) == (False, False, ())
    for nothing in ("", ",", " , "):
        assert read_settings({"FLIPSNACK_TOOLSETS": nothing}).toolsets == {"default"}


@pytest.mark.parametrize(("value", "known"), [("all", "default"), ("leagcy,all", "default"), ("legacy,all", "legacy")])
def test_a_toolset_that_is_none_leaves_tools_whose_calls_say_so(value: str, known: str) -> None:
    settings = read_settings({**ACCESS, "FLIPSNACK_TOOLSETS": value})
    assert settings.toolsets == {known}
    assert "there are: default, legacy." in settings.missing


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("a ${user_config.value}", "placeholder"),
        *((value, "quotes or spaces") for value in ('"1"', "'1'", " 1", "1\n")),
    ],
)
def test_what_clients_and_shells_get_wrong_is_pointed_out(value: str, words: str) -> None:
    names = sorted(DOCUMENTED - {"FLIPSNACK_CONFIRM"})
    assert [name for name in names if not is_pointed_out(name, value, words)] == []


def is_pointed_out(name: str, value: str, words: str) -> bool:
    """Whether it is said in these words, and stops what it has to."""
    settings = read_settings({**ACCESS, name: value})
    said = any(name in one and words in one for one in wrong(settings))
    as_read_only = settings.read_only is (name == "FLIPSNACK_READ_ONLY")  # an unclear one is read-only
    return said and as_read_only and bool(settings.missing) is (name not in HOMES)


def test_credentials_are_read_from_files(tmp_path: Path) -> None:
    key, secret = tmp_path / "key", tmp_path / "secret"
    key.write_text(f"{KEY}\n", encoding="utf-8-sig")  # as a Windows editor writes it
    secret.write_bytes(b"\r\n" + SECRET.encode() + b"\r\n")
    settings = read_settings({"FLIPSNACK_API_KEY_FILE": str(key)}, {"FLIPSNACK_API_SECRET_FILE": str(secret)})
    assert (settings.api_key, settings.api_secret, settings.missing) == (KEY, SECRET, "")
    assert settings.sources == {"FLIPSNACK_API_KEY_FILE": "environment", "FLIPSNACK_API_SECRET_FILE": "option"}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        *((None, "cannot be read"), (b"\xff\xfe\x00", "cannot be read"), (b"", "is empty"), (b" \n ", "is empty")),
        *(("Schlüssel".encode(), "characters that neither can have"), (b"a\nb", "characters that neither can have")),
    ],
)
def test_a_file_without_a_credential_is_pointed_out(content: bytes | None, words: str, tmp_path: Path) -> None:
    file = tmp_path / "key"
    if content is not None:
        file.write_bytes(content)
    settings = read_settings({"FLIPSNACK_API_KEY_FILE": str(file), "FLIPSNACK_API_SECRET": SECRET})
    assert words in settings.missing
    assert str(tmp_path) not in settings.missing


@pytest.mark.parametrize(
    "host",
    ["http://localhost:8000", "http://127.0.0.1", "http://[::1]:80", "http://LOCALHOST", "HTTPS://API.example.com"],
)
def test_plain_http_is_taken_on_this_machine_only(host: str) -> None:
    value = f"{host}/v1/"
    settings = read_settings({**ACCESS, "FLIPSNACK_API_URL": value})
    assert (settings.api_url, settings.missing) == (value, "")


TABLE: list[Any] = unfolded(json.loads(Path(__file__).with_name("not_taken.json").read_text("utf-8")))
NOT_TAKEN = [(name, value, said) for names, said, values in TABLE for name in names for value in values]
RELATIVE = ("FLIPSNACK_UPLOAD_DIRS", f"{ROOT}{os.pathsep}x", "holds a relative folder: write the whole path.")
AS_NOTHING_GIVEN = ("api_url", "upload_url", "calls_per_second", "calls_per_minute", "max_deletes_per_day", "sandbox")


@pytest.mark.parametrize(("name", "value", "said"), [*NOT_TAKEN, RELATIVE], ids=lambda text: text[:30])
def test_a_value_that_cannot_be_taken_is_pointed_out_and_the_default_stays(name: str, value: str, said: str) -> None:
    settings = read_settings({**ACCESS, name: value})
    assert f"{name} {said}" in " ".join(wrong(settings))
    assert bool(settings.missing) is (name not in HOMES)  # a wrong folder stops only what needs it
    assert all(getattr(settings, one) == getattr(Settings(), one) for one in AS_NOTHING_GIVEN)
    assert settings.read_only is (name == "FLIPSNACK_READ_ONLY")  # an unclear one is read-only
    assert "pw" not in settings.missing


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({**ACCESS, "FLIPSNACK_API_KEY_FILE": "/x"}, "Both FLIPSNACK_API_KEY and FLIPSNACK_API_KEY_FILE are set: keep"),
        (
            {"FLIPSNACK_API_KEY_FILE": str(ROOT)},
            "The file that FLIPSNACK_API_KEY_FILE names cannot be read: Is a directory. See that it is a file you may read.",
        ),
        ({"FLIPSNACK_API_KEY": KEY, "FLIPSNACK_API_SECRET": KEY}, "hold the same value"),
    ],
)
def test_credentials_that_cannot_be_right_are_pointed_out_along_with_the_rest(given: dict[str, str], said: str) -> None:
    settings = read_settings({**given, "FLIPSNACK_CALLS_PER_SECOND": "0", "FLIPSNACK_TOOLSETS": "x"})
    assert said in settings.missing
    assert len(settings.problems) == 3


def test_swapped_credentials_are_pointed_out_and_the_documented_pair_does_not_look_swapped() -> None:
    swapped = read_settings({"FLIPSNACK_API_KEY": SECRET, "FLIPSNACK_API_SECRET": KEY})
    documented = read_settings({"FLIPSNACK_API_KEY": "45FD-267-7SG7832", "FLIPSNACK_API_SECRET": SECRET})
    assert swapped.hints == ("FLIPSNACK_API_KEY and FLIPSNACK_API_SECRET look swapped.",)
    assert documented.hints == ()


def wrong(settings: Settings) -> tuple[str, ...]:
    """All that has to be set right."""
    return (*settings.problems, *settings.wrong_folders.values())


DOCUMENTS = "\n".join(one.read_text("utf-8") for one in Path(__file__).parents[1].joinpath("docs").glob("*.md"))
IN_EXAMPLES = re.findall(
    r"""(?:FLIPSNACK_API_(?:KEY|SECRET)"?[:=]|^(?:key|secret) =) ?"([^"$]+)\"""", DOCUMENTS, re.MULTILINE
)


@pytest.mark.parametrize("name", ["FLIPSNACK_API_KEY", "FLIPSNACK_API_SECRET"])
@pytest.mark.parametrize("value", [*sorted({*IN_EXAMPLES}), "<your-api-key>", "YOUR_API_SECRET_HERE", "---"])
def test_what_stands_in_an_example_is_no_credential(name: str, value: str) -> None:
    assert {"your key", "your secret", "..."} <= {*IN_EXAMPLES}
    assert f"{name} looks like what an example has in its place" in read_settings({**ACCESS, name: value}).missing


@pytest.mark.parametrize("value", ["SANDBOX-DEMO-KEY", "KEY-7-SECRET", "key1", "keyhole", KEY, SECRET])
def test_what_has_a_digit_or_a_word_of_its_own_is_a_credential(value: str) -> None:
    assert read_settings({"FLIPSNACK_API_KEY": value, "FLIPSNACK_API_SECRET": "another"}).missing == ""


def test_a_single_word_of_examples_is_only_pointed_out() -> None:
    given = read_settings({"FLIPSNACK_API_KEY": "KEY", "FLIPSNACK_API_SECRET": SECRET})
    assert (given.missing, [one.partition(" looks")[0] for one in given.hints]) == ("", ["FLIPSNACK_API_KEY"])


@pytest.mark.parametrize("way", ["ask", "approve", "block", "allow"])
def test_each_way_of_confirming_is_taken_and_an_option_comes_before_the_environment(way: str) -> None:
    environment = {**ACCESS, "FLIPSNACK_CONFIRM": way, "FLIPSNACK_CALLS_PER_MINUTE": "30"}
    given = read_settings(environment)
    assert (given.confirm, given.hints) == (way, ())
    settings = read_settings(environment, {"FLIPSNACK_CONFIRM": "block"})
    assert (settings.confirm, settings.calls_per_minute) == ("block", 30)
    assert settings.sources["FLIPSNACK_CONFIRM"] == "option"
    assert settings.sources["FLIPSNACK_CALLS_PER_MINUTE"] == "environment"


def test_every_variable_but_the_secrets_has_its_option() -> None:
    options = {one.name: one.option for one in VARIABLES}
    assert options["FLIPSNACK_API_KEY"] == options["FLIPSNACK_API_SECRET"] == ""
    assert options["FLIPSNACK_READ_ONLY"] == "--read-only"
    assert options["FLIPSNACK_API_SECRET_FILE"] == "--api-secret-file"
    assert all(one.option for one in VARIABLES if not one.secret)


values = st.text(st.characters(exclude_characters="\0"), max_size=30) | st.sampled_from(["${A}", "'1'", "http://["])
given_values = st.dictionaries(st.sampled_from(sorted(DOCUMENTED)), values | st.just("1"))


@given(given_values, given_values)
def test_reading_never_fails(environment: dict[str, str], options: dict[str, str]) -> None:
    settings = read_settings(environment, options)
    assert settings.confirm in {"ask", "approve", "block", "allow"}
    assert isinstance(settings.missing, str)


# Good, quoted, in a placeholder, swapped, the same, in place of a file, not ASCII, in the wrong place, in an address.
WITH_SECRETS = [
    ACCESS,
    {"FLIPSNACK_API_KEY": f'"{KEY}"', "FLIPSNACK_API_SECRET": f" {SECRET}"},
    {"FLIPSNACK_API_KEY": f"${{{KEY}}}", "FLIPSNACK_API_SECRET": SECRET},
    {"FLIPSNACK_API_KEY": SECRET, "FLIPSNACK_API_SECRET": KEY},
    {"FLIPSNACK_API_KEY": SECRET, "FLIPSNACK_API_SECRET": SECRET},
    ACCESS | {"FLIPSNACK_API_SECRET_FILE": SECRET},
    {"FLIPSNACK_API_KEY": f"{KEY}é", "FLIPSNACK_API_SECRET": SECRET},
    ACCESS | {"FLIPSNACK_TOOLSETS": SECRET, "FLIPSNACK_CONFIRM": KEY},
    ACCESS | {"FLIPSNACK_API_URL": f"https://{KEY}:{SECRET}@api.flipsnack.com/"},
    ACCESS | {"FLIPSNACK_API_URL": f"https://:{SECRET}@api.flipsnack.com/"},
]


@pytest.mark.parametrize("given", WITH_SECRETS)
def test_no_secret_is_in_any_text(given: dict[str, str]) -> None:
    settings = read_settings(given)
    texts = [repr(settings), settings.missing, *settings.problems, *settings.hints]
    if "FLIPSNACK_TOOLSETS" in given:
        texts = texts[1:]  # what was given as the name of a toolset is no credential to us
    assert not any(secret in text for text in texts for secret in (KEY, SECRET))


# What hosts leave in optional settings, what people misspell, and how they write their folders.


OPTIONAL = sorted(DOCUMENTED - {"FLIPSNACK_API_KEY", "FLIPSNACK_API_SECRET"})
LEFT_OPEN = [
    "${user_config.value}",
    "${input:folder}",
    "${env:HOME}",
    "${X}",
    " ${user_config.value} ",
    '"${user_config.value}"',
    "${}",
]


@pytest.mark.parametrize("name", OPTIONAL)
def test_an_optional_setting_that_a_host_left_open_is_not_set(name: str) -> None:
    assert [value for value in LEFT_OPEN if not counts_as_not_set(name, value)] == []


def counts_as_not_set(name: str, value: str) -> bool:
    """Whether all is as without it, and that is said once."""
    given, plain = read_settings({**ACCESS, name: value}), read_settings(ACCESS)
    said = [name in one and "counts as not set" in one for one in given.notes] == [True]
    same = all(getattr(given, one) == getattr(plain, one) for one in fields_read())
    return said and same and name not in given.sources and (given.missing, given.hints) == ("", ())


def fields_read() -> list[str]:
    return [name.removeprefix("FLIPSNACK_").lower() for name in DOCUMENTED if not name.endswith("_FILE")]


@pytest.mark.parametrize("value", ["a${X}", "${X}/b", "${X}${Y}", "/a/${X}", "${X", "$${X}"])
@pytest.mark.parametrize(
    "name", ["FLIPSNACK_UPLOAD_DIRS", "FLIPSNACK_STATE", "FLIPSNACK_API_URL", "FLIPSNACK_API_KEY_FILE"]
)
def test_a_placeholder_inside_a_value_is_pointed_out(name: str, value: str) -> None:
    settings = read_settings({"FLIPSNACK_API_SECRET": SECRET, name: value})
    assert any(name in one and "placeholder" in one for one in wrong(settings))


@pytest.mark.parametrize("name", ["FLIPSNACK_API_KEY", "FLIPSNACK_API_SECRET"])
@pytest.mark.parametrize("value", LEFT_OPEN[:4])
def test_a_key_or_secret_that_was_left_open_is_pointed_out(name: str, value: str) -> None:
    settings = read_settings({**ACCESS, name: value})
    assert f"{name} still holds a placeholder" in settings.missing


def test_open_folders_among_given_ones_are_left_out() -> None:
    value = os.pathsep.join([str(ROOT / "a"), "${user_config.more}", str(ROOT / "b")])
    settings = read_settings({**ACCESS, "FLIPSNACK_UPLOAD_DIRS": value})
    assert (settings.upload_dirs, settings.missing) == ((ROOT / "a", ROOT / "b"), "")
    assert read_settings({**ACCESS, "FLIPSNACK_TOOLSETS": "default,${user_config.sets}"}).missing == ""


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("FLIPSNACK_UPLOAD_DIR", "FLIPSNACK_UPLOAD_DIRS"), ("FLIPSNACK_UPLOADS_DIRS", "FLIPSNACK_UPLOAD_DIRS"),
        ("FLIPSNACK_DOWNLOAD_DIRS", "FLIPSNACK_DOWNLOAD_DIR"), ("FLIPSNACK_APIKEY", "FLIPSNACK_API_KEY"),
        ("FLIPSNACK_READONLY", "FLIPSNACK_READ_ONLY"), ("FLIPSNACK_API_SECRET_FLIE", "FLIPSNACK_API_SECRET_FILE"),
        ("FLIPSNACK_TOOLSET", "FLIPSNACK_TOOLSETS"), ("FLIPSNACK_CONFRIM", "FLIPSNACK_CONFIRM"), ("FLIPSNACK_LOGLEVEL", "FLIPSNACK_LOG_LEVEL"),
        ("FLIPSNACK_STATES", "FLIPSNACK_STATE"), ("flipsnack_api_key", "FLIPSNACK_API_KEY"), ("Flipsnack_Read_Only", "FLIPSNACK_READ_ONLY"),
        ("FLIPSNACK_MAX_DELETES_PER_HOURS", "FLIPSNACK_MAX_DELETES_PER_HOUR"), ("FLIPSNACK_ENTIRELY_DIFFERENT_THING_X", ""), ("FLIPSNACK_", ""),
        (f"FLIPSNACK_{KEY}", ""), ("FLIPSNACK_\x1b[2J", ""), ("FLIPSNACK_" + "A" * 500, ""),
    ],
)  # fmt: skip
def test_a_name_that_is_no_setting_is_pointed_out_with_the_nearest_one(name: str, meant: str) -> None:
    if os.name == "nt" and name.upper() in DOCUMENTED:
        name = f"{name}_"  # the names of that system have no case
    (hint,) = read_settings({**ACCESS, name: "value-canary"}).hints
    assert (f"did you mean {meant}?" in hint) == bool(meant)
    assert "value-canary" not in hint
    assert KEY not in hint
    assert hint.isprintable()
    assert len(hint) < 200


@pytest.mark.parametrize("name", ["FLIPSNACKS_API_KEY", "MY_FLIPSNACK_API_KEY", "FLIPSNACK", "PATH", "FLIPSNACKED"])
def test_a_name_of_others_is_not_looked_at(name: str) -> None:
    assert read_settings({**ACCESS, name: "x"}).hints == ()


HOMES = {
    "FLIPSNACK_UPLOAD_DIRS": lambda one: one.upload_dirs[0],
    "FLIPSNACK_DOWNLOAD_DIR": lambda one: one.download_dir,
}


@pytest.mark.parametrize("name", sorted(HOMES))
@pytest.mark.parametrize(("value", "read"), [("~/a", "a"), ("~", ""), ("~/a b/c", "a b/c"), ("~/ä", "ä")])
def test_a_home_folder_is_understood_in_every_path(
    name: str, value: str, read: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    settings = read_settings({**ACCESS, name: value})
    assert (HOMES[name](settings), settings.missing) == (tmp_path / read, "")


def test_a_home_folder_is_understood_in_the_name_of_a_file_with_a_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    (tmp_path / "key").write_text(KEY)
    settings = read_settings({"FLIPSNACK_API_KEY_FILE": "~/key", "FLIPSNACK_API_SECRET": SECRET})
    assert (settings.api_key, settings.missing) == (KEY, "")


@pytest.mark.parametrize(
    "name", ["FLIPSNACK_UPLOAD_DIRS", "FLIPSNACK_DOWNLOAD_DIR", "FLIPSNACK_API_SECRET_FILE", "FLIPSNACK_STATE"]
)
def test_a_home_folder_of_nobody_is_pointed_out(name: str) -> None:
    value = "~nobody-of-that-name/x"
    given = f"sqlite:{value}" if name == "FLIPSNACK_STATE" else value
    settings = read_settings({"FLIPSNACK_API_KEY": KEY, name: given})
    assert any(name in one and "home folder that cannot be found" in one for one in wrong(settings))


def test_a_state_file_named_from_a_working_folder_that_is_gone_is_pointed_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    settings = read_settings({"FLIPSNACK_API_KEY": KEY, "FLIPSNACK_STATE": "sqlite:state.sqlite"})
    assert any("FLIPSNACK_STATE" in one and "working folder, which is gone" in one for one in wrong(settings))
    assert settings.state == "memory:"


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (Path.exists, "No such file or directory"), (lambda path: path.mkdir(), "Is a directory"),
        (lambda path: path.symlink_to(path), "Too many levels of symbolic links"), (lambda path: path.write_bytes(b"\xff\xfe\0"), "it is no text"),
        (lambda path: path.symlink_to(path.with_name("gone")), "No such file or directory"), (lambda path: path.write_bytes(b"x" * 100_000), "it is too long"),
        (lambda path: path.symlink_to("/dev/zero"), "it is too long"), (lambda path: path.symlink_to("/dev/null"), "is empty"),
    ],
    ids=["absent", "folder", "loop", "no-text", "dangling", "long", "endless", "null"],
)  # fmt: skip
def test_a_file_that_cannot_be_read_is_named_with_the_reason(make: Any, reason: str, tmp_path: Path) -> None:
    make(tmp_path / "secret")
    settings = read_settings({"FLIPSNACK_API_KEY": KEY, "FLIPSNACK_API_SECRET_FILE": str(tmp_path / "secret")})
    assert "FLIPSNACK_API_SECRET_FILE" in settings.missing
    assert reason in settings.missing
    assert str(tmp_path) not in settings.missing


SUSPICIOUS = [
    "/a,/b",
    "/a;/b",
    "/a, /b",
    "/a ;/b",
    "/a,~/b",
    "/a;/b;/c",
    "/a|/b",
    "/a /b",
    "/a\n/b",
    "/My Docs,/b",
    "/x:/a,/b",
]
HONEST = ["/a", "/a:/b", "/a,b", "/a;b", "/Docs, old/b", "/My Docs/new ones", "/a,b:/c;d"]


@pytest.mark.skipif(os.pathsep != ":", reason="paths of other systems")
@pytest.mark.parametrize("value", [*SUSPICIOUS, *HONEST])
def test_folders_that_look_joined_by_another_separator_are_pointed_out(value: str) -> None:
    hints = read_settings({**ACCESS, "FLIPSNACK_UPLOAD_DIRS": value}).hints
    assert ["FLIPSNACK_UPLOAD_DIRS" in one and 'separated by ":"' in one for one in hints] == [True] * (
        value in SUSPICIOUS
    )


def test_a_folder_that_is_there_is_no_mistake_whatever_it_is_called(tmp_path: Path) -> None:
    (tmp_path / "a," / "b").mkdir(parents=True)
    assert read_settings({**ACCESS, "FLIPSNACK_UPLOAD_DIRS": f"{tmp_path}/a,/b"}).hints == ()


# --- the state on Redis
PASSWORD = "only-redis-knows-this"
WITH_PASSWORD = f"redis://flipsnack:{PASSWORD}@redis.example.com/0"


@pytest.mark.parametrize(
    "state",
    [
        *("redis://redis", "redis://127.0.0.1:6380/3", "rediss://r.example.com:6379/0?ssl_ca_certs=/etc/ca.pem"),
        *(WITH_PASSWORD, "redis://:p%23w@[::1]:6379/1?prefix=shop.de", "unix:///run/redis.sock?db=2"),
    ],
)
def test_the_state_may_be_on_redis(state: str) -> None:
    settings = read_settings({**ACCESS, "FLIPSNACK_STATE": state})
    assert (settings.state, settings.missing, settings.hints) == (state, "", ())


def test_the_address_of_redis_may_stand_in_a_file(tmp_path: Path) -> None:
    (file := tmp_path / "state").write_text(f"{WITH_PASSWORD}\n")
    settings = read_settings({**ACCESS, "FLIPSNACK_STATE_FILE": str(file)})
    assert (settings.state, settings.missing) == (WITH_PASSWORD, "")


@pytest.mark.parametrize("typed", [WITH_PASSWORD, f"unix:///s?password={PASSWORD}", f"rediss://:{PASSWORD}@h/0"])
def test_a_password_of_redis_is_refused_as_an_option_since_that_shows_in_process_lists(typed: str) -> None:
    settings = read_settings(ACCESS, {"FLIPSNACK_STATE": typed})
    assert "--state holds a password, which would show in process lists" in settings.missing
    assert "FLIPSNACK_STATE_FILE" in settings.missing
    assert read_settings(ACCESS, {"FLIPSNACK_STATE": "redis://h/0"}).missing == ""


def test_no_text_about_the_settings_shows_the_password_of_redis() -> None:
    for state in (WITH_PASSWORD, f"{WITH_PASSWORD}?{PASSWORD}=1", f"redis://h:{PASSWORD}@h:port/0"):
        settings = read_settings({**ACCESS, "FLIPSNACK_STATE": state})
        assert PASSWORD not in f"{settings!r} {settings.warnings} {settings.missing}"


@pytest.mark.parametrize(
    ("state", "shown"),
    [
        ("redis://:p%2fw@h:1/0", "redis://:***@h:1/0"),
        ("rediss://me:p%2Fw@h/0?ssl_password=p%2Fw&prefix=x", "rediss://me:***@h/0?ssl_password=***&prefix=x"),
        ("unix:///s?db=1&pass%77ord=p%2Fw", "unix:///s?db=1&pass%77ord=***"),
        *((one, one) for one in ("redis://h/0?prefix=x", "unix:///s?db=1", "sqlite:/a", "memory:", "")),
        ("redis://:p%2fw@h:port/0", "set"),
    ],
)
def test_an_address_of_redis_is_shown_without_its_passwords(state: str, shown: str) -> None:
    assert without_password(state) == shown


def test_a_key_of_bytes_that_are_no_text_is_a_fault_in_words_and_ends_nothing() -> None:
    settings = read_settings({"FLIPSNACK_API_KEY": "cl\udce9", "FLIPSNACK_API_SECRET": "cl\udce9-1"})
    assert settings.account
    assert any("characters that neither can have" in one for one in settings.problems)
