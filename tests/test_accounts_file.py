"""The accounts file: whatever a person gets wrong in it is said with its place, and stops no more than it has to."""

import errno
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from flipsnack_mcp.accounts_file import LONGEST_FILE, NAME, Told, key_of
from flipsnack_mcp.settings import OF_AN_ACCOUNT, PROCESS_WIDE, VARIABLES, Settings, read_settings
from tests.server.tables import unfolded

KEY, SECRET = "CANARY-1-IOBW3S89VVJH12Z", "CANARY-AAA1-456-7890"
OTHER_KEY, OTHER_SECRET = "OTHER-2-CANARY89VVJH7832", "OTHER-CANARY-BBB2-11"
ROOT = Path(os.path.abspath(os.sep))  # noqa: PTH100  # the root of this machine's disk
TABLE: dict[str, Any] = unfolded(json.loads(Path(__file__).with_name("accounts_files.json").read_text("utf-8")))
GOOD = f'[accounts.good]\nkey = "{OTHER_KEY}"\nsecret = "{OTHER_SECRET}"\n'
WITH_KEYS = f'key = "{KEY}"\nsecret = "{SECRET}"\n'


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "accounts.toml"


def read(file: Path, content: str | bytes, **environment: str) -> Settings:
    """The settings of a process with this file."""
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_settings({"FLIPSNACK_ACCOUNTS": str(file), **environment})


def texts_of(settings: Settings) -> Iterator[str]:
    """Whatever anybody could read of settings."""
    for one in (settings, *settings.accounts):
        yield from (repr(one), one.missing, *one.problems, *one.hints, *one.notes, *one.warnings)


def check_no_value_is_told(settings: Settings) -> None:
    assert [text for text in texts_of(settings) if "CANARY" in text.upper()] == []


def account(settings: Settings, name: str) -> Settings:
    return next(one for one in settings.accounts if name in (one.name, *one.aliases))


# --- the whole file
def laid_out(file: Path, how: str) -> None:
    """Make of the file what cannot be written down in a table."""
    content = f"[accounts.de]\n{WITH_KEYS}"
    made: dict[str, Callable[[], object]] = {
        "missing": lambda: None,
        "a directory": file.mkdir,
        "a loop of links": lambda: file.symlink_to(file),
        "a link to nothing": lambda: file.symlink_to(file.with_name("gone")),
        "empty": file.touch,
        "latin-1": lambda: file.write_bytes(f"# für Köln\n{content}".encode("latin-1")),
        "utf-16": lambda: file.write_bytes(content.encode("utf-16")),
        "utf-16 without a mark": lambda: file.write_bytes(content.encode("utf-16-le")),
        "endless": lambda: file.symlink_to("/dev/zero"),
        "too long": lambda: file.write_text(content + "#" * LONGEST_FILE),
        "lists in lists": lambda: file.write_text(f"[accounts.de]\nkey = {'[' * 5000}"),
        "a number of 5000 digits": lambda: file.write_text(f"[accounts.de]\nkey = {'7' * 5000}"),
    }
    made[how]()


LAID_OUT = {
    "missing": "cannot be read: No such file or directory",
    "a directory": "cannot be read: Is a directory",
    "a loop of links": "cannot be read: Too many levels of symbolic links",
    "a link to nothing": "cannot be read: No such file or directory",
    "empty": "names no account",
    "latin-1": "is no text in UTF-8: save it in that encoding",
    "utf-16": "is no text in UTF-8: save it in that encoding",
    "utf-16 without a mark": "cannot be understood from line 1 on",
    "endless": "is too long",
    "too long": "is too long",
    "lists in lists": "cannot be understood",
    "a number of 5000 digits": "cannot be understood",
}


def check_nothing_can_be_asked(settings: Settings, said: str) -> None:
    """A problem of the whole file is told by whatever is called, and nothing beside the file counts instead."""
    (only,) = settings.every
    assert said in only.missing
    assert (only.api_key, settings.accounts) == ("", ())
    check_no_value_is_told(settings)


@pytest.mark.parametrize(("how", "said"), LAID_OUT.items(), ids=LAID_OUT)
def test_a_file_that_cannot_be_read_is_named_with_the_reason(file: Path, how: str, said: str) -> None:
    laid_out(file, how)
    access = {"FLIPSNACK_API_KEY": KEY, "FLIPSNACK_API_SECRET": SECRET}
    settings = read_settings({"FLIPSNACK_ACCOUNTS": str(file), **access})
    check_nothing_can_be_asked(settings, f"{file} {said}")


def test_a_file_that_may_not_be_read_is_named_with_the_reason(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    file.write_text(GOOD)
    monkeypatch.setattr(Path, "open", forbidden)
    settings = read_settings({"FLIPSNACK_ACCOUNTS": str(file)})
    check_nothing_can_be_asked(settings, f"{file} cannot be read: Permission denied.")


@pytest.mark.parametrize(("content", "said"), TABLE["whole file"])
def test_a_file_that_cannot_be_understood_says_where_and_what_to_write(file: Path, content: str, said: str) -> None:
    settings = read(file, filled(content))
    check_nothing_can_be_asked(settings, said)
    assert str(file) in settings.missing


def filled(content: str) -> str:
    """A content of the table with keys that look like some."""
    return content.replace("%K", KEY).replace("%S", SECRET)


@pytest.mark.parametrize("path", ["accounts.toml", "./accounts.toml", "~nobody-of-that-name/accounts.toml", KEY])
def test_a_path_that_is_not_whole_is_not_looked_for_and_not_repeated(path: str) -> None:
    settings = read_settings({"FLIPSNACK_ACCOUNTS": path})
    check_nothing_can_be_asked(settings, "FLIPSNACK_ACCOUNTS holds no whole path: write one")
    assert path not in settings.missing


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_file_of_any_editor_is_read(file: Path, encoding: str, newline: str) -> None:
    settings = read(file, f"# Köln\n[accounts.de]\n{WITH_KEYS}".replace("\n", newline).encode(encoding))
    (only,) = settings.every
    assert (only.name, only.api_key, only.api_secret, only.missing) == ("de", KEY, SECRET, "")
    check_no_value_is_told(settings)


def test_the_file_is_found_in_a_home_folder(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(file.parent))
    monkeypatch.setenv("USERPROFILE", str(file.parent))
    file.write_text(GOOD)
    assert [one.missing for one in read_settings({"FLIPSNACK_ACCOUNTS": "~/accounts.toml"}).accounts] == [""]


# --- one account
@pytest.mark.parametrize(("lines", "said"), TABLE["one account"])
def test_what_is_wrong_with_an_account_is_said_with_file_and_name_and_stops_that_one_only(
    file: Path, lines: str, said: str
) -> None:
    settings = read(file, f"[accounts.de]\n{filled(lines)}\n{GOOD}")
    broken = account(settings, "de")
    stops_only_some = " ".join(broken.wrong_folders.values())
    assert f'{file}, account "de": {said}' in f"{broken.missing} {stops_only_some}"
    assert (account(settings, "good").missing, settings.problems) == ("", ())
    check_no_value_is_told(settings)


@pytest.mark.parametrize(("lines", "said"), TABLE["hints"])
def test_what_looks_wrong_is_told_with_file_and_name_and_stops_nothing(file: Path, lines: str, said: str) -> None:
    settings = read(file, f"[accounts.de]\n{filled(lines)}\n{GOOD}")
    (hint,) = account(settings, "de").hints
    assert hint.startswith(f'{file}, account "de": {said}')
    assert settings.warnings == (hint,)
    check_no_value_is_told(settings)


KEY_FILES: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (lambda _: None, "The file that key_file names cannot be read: No such file or directory."),
    "a folder": (Path.mkdir, "The file that key_file names cannot be read: Is a directory."),
    "empty": (Path.touch, "The file that key_file names is empty."),
    "not text": (lambda path: path.write_bytes(b"\xff\xfe\0"), "The file that key_file names cannot be read: it is no text."),
    "two lines": (lambda path: path.write_text("a\nb"), "The API key or secret holds characters that neither can have"),
}  # fmt: skip


@pytest.mark.parametrize(("make", "said"), KEY_FILES.values(), ids=KEY_FILES)
def test_a_key_file_that_holds_no_key_is_pointed_out(file: Path, make: Callable[[Path], object], said: str) -> None:
    make(file.with_name("de.key"))
    settings = read(file, f'[accounts.de]\nkey_file = "de.key"\nsecret = "{SECRET}"\n{GOOD}')
    assert f'{file}, account "de": {said}' in account(settings, "de").missing
    assert account(settings, "good").missing == ""


@pytest.mark.parametrize("named", ["de.key", "./de.key", "keys/../de.key", "{folder}/de.key", "~/de.key"])
def test_a_key_file_lies_beside_the_accounts_file_wherever_the_server_is_started(
    file: Path, named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(file.parent))
    monkeypatch.setenv("USERPROFILE", str(file.parent))
    monkeypatch.chdir(ROOT)
    (file.parent / "keys").mkdir()
    file.with_name("de.key").write_text(f"{KEY}\n")
    path = named.format(folder=file.parent.as_posix())
    settings = read(file, f'[accounts.de]\nkey_file = "{path}"\nsecret = "{SECRET}"\n')
    (only,) = settings.accounts
    assert (only.api_key, only.missing) == (KEY, "")
    assert [one.resolve() for one in settings.key_files] == [file.with_name("de.key").resolve(), file.resolve()]


def test_everything_that_can_be_different_for_an_account_is_read_and_the_rest_is_that_of_the_process(
    file: Path, tmp_path: Path
) -> None:
    folders = {"upload_dirs": [str(tmp_path / "a"), str(tmp_path / "b")], "download_dir": str(tmp_path / "c")}
    told: dict[str, Any] = {
        **folders,
        "file_hosts": ["cdn.example.com", "files.flipsnack.net"],
        "api_url": "https://proxy.example.com/v1/",
        "upload_url": "https://proxy.example.com/up/v1/",
        "read_only": True,
        "toolsets": ["default", "legacy"],
        "confirm": "approve",
        "max_deletes_per_hour": 3,
        "max_deletes_per_day": 4,
        "calls_per_second": 1,
        "calls_per_minute": 20,
    }
    lines = "\n".join(f"{name} = {json.dumps(value)}" for name, value in told.items())
    environment = {"FLIPSNACK_UPLOAD_DIRS": str(tmp_path), "FLIPSNACK_CALLS_PER_MINUTE": "30"}
    settings = read(file, f"[accounts.de]\n{WITH_KEYS}{lines}\n{GOOD}", **environment)
    de, good = settings.accounts
    assert {name: as_told_in_toml(getattr(de, name)) for name in told} == told
    assert (good.upload_dirs, good.calls_per_minute, good.read_only) == ((tmp_path,), 30, False)
    assert settings.warnings == ()
    assert {*told, "key", "secret", "key_file", "secret_file", "sandbox"} == {key_of(one) for one in OF_AN_ACCOUNT}


def as_told_in_toml(value: object) -> object:
    if isinstance(value, tuple | frozenset):
        return sorted(str(one) for one in value)
    return str(value) if isinstance(value, Path) else value


def test_an_empty_text_says_nothing_and_an_empty_list_says_none(file: Path, tmp_path: Path) -> None:
    lines = 'read_only = ""\nconfirm = ""\nupload_dirs = []\n'
    environment = {"FLIPSNACK_READ_ONLY": "1", "FLIPSNACK_CONFIRM": "approve", "FLIPSNACK_UPLOAD_DIRS": str(tmp_path)}
    (only,) = read(file, f"[accounts.de]\n{WITH_KEYS}{lines}", **environment).accounts
    assert (only.read_only, only.confirm, only.upload_dirs, only.missing) == (True, "approve", (), "")


def test_what_is_wrong_with_the_process_stops_every_account_and_is_warned_of_once(file: Path) -> None:
    settings = read(file, f"[accounts.de]\n{WITH_KEYS}{GOOD}", FLIPSNACK_CALLS_PER_MINUTE="many")
    assert [one.missing.count("FLIPSNACK_CALLS_PER_MINUTE") for one in settings.accounts] == [1, 1]
    assert [one for one in settings.warnings if "FLIPSNACK_CALLS_PER_MINUTE" in one] == list(settings.problems)


@pytest.mark.parametrize("name", sorted(PROCESS_WIDE))
def test_what_counts_for_the_process_is_no_setting_of_an_account(file: Path, name: str) -> None:
    settings = read(file, f'[accounts.de]\n{WITH_KEYS}{key_of(name)} = "x"\n')
    assert "is no setting of an account" in settings.accounts[0].missing


def test_every_setting_can_be_told_of_an_account_or_of_the_process() -> None:
    assert {one.name for one in VARIABLES} == {*OF_AN_ACCOUNT, *PROCESS_WIDE}


# --- keys
def test_two_names_of_one_key_are_one_account_and_pointed_out(file: Path) -> None:
    settings = read(file, f"[accounts.de]\n{WITH_KEYS}[accounts.koeln]\n{WITH_KEYS}{GOOD}")
    first, second = settings.accounts
    assert (first.name, first.aliases, second.name) == ("de", ("koeln",), "good")
    assert first.hints == (
        f'{file}: "de", "koeln" have one key and so are one account. One of the names is enough: take the others out.',
    )
    assert [one.missing for one in settings.accounts] == ["", ""]


def test_a_folder_that_is_wrong_under_both_names_of_a_key_is_no_difference(file: Path) -> None:
    wrong = f'{WITH_KEYS}download_dir = "relative"\n'
    (only,) = read(file, f"[accounts.de]\n{wrong}[accounts.koeln]\n{wrong}").accounts
    assert (only.problems, len(only.wrong_folders)) == ((), 1)
    assert "one account" in only.hints[0]


@pytest.mark.parametrize("told", ["read_only = true", 'secret_file = "x"', 'confirm = "allow"', 'upload_dirs = ["/a"]'])
def test_two_names_of_one_key_that_are_told_different_things_stop_that_account(file: Path, told: str) -> None:
    file.with_name("x").write_text(f"{SECRET}9")
    first = WITH_KEYS if "secret" not in told else f'key = "{KEY}"\n'
    settings = read(file, f"[accounts.de]\n{first}{told}\n[accounts.koeln]\n{WITH_KEYS}{GOOD}")
    assert '"de", "koeln" have one key' in account(settings, "koeln").missing
    assert "keep one of them" in account(settings, "koeln").missing
    assert account(settings, "good").missing == ""
    check_no_value_is_told(settings)


def test_of_two_names_of_one_key_the_problems_and_hints_of_both_are_told(file: Path) -> None:
    second = f'[accounts.koeln]\n{WITH_KEYS}calls_per_minute = true\nconfirm = "maybe"\n'
    first = account(read(file, f"[accounts.de]\n{WITH_KEYS}{second}"), "koeln")
    assert 'account "koeln": calls_per_minute has to be a whole number.' in first.missing
    assert ['account "koeln": confirm is none of' in one for one in first.hints] == [True]


def test_accounts_without_a_key_are_not_taken_for_one(file: Path) -> None:
    settings = read(file, f'[accounts.de]\n[accounts.fr]\nkey_file = "gone"\n{GOOD}')
    assert [(one.name, one.aliases) for one in settings.accounts] == [("de", ()), ("fr", ()), ("good", ())]
    assert len({one.account for one in settings.accounts}) == 3
    assert (
        f'{file}, account "de": key and secret are not set. Write both into the file.' == settings.accounts[0].missing
    )


def test_an_account_is_the_one_of_its_key_whatever_it_is_called(file: Path) -> None:
    by_variables = read_settings({"FLIPSNACK_API_KEY": KEY, "FLIPSNACK_API_SECRET": SECRET})
    for name in ("de", "Koeln", "49"):
        (only,) = read(file, f"[accounts.{name}]\n{WITH_KEYS}").accounts
        assert (only.account, only.label) == (by_variables.account, name)
    assert by_variables.label == f"key ending {KEY[-4:]}"


@pytest.mark.parametrize(
    ("key", "label"), [("ABCDEFGH-7832", "key ending 7832"), ("ABCDEF-7832", ""), ("7832", ""), ("", "")]
)
def test_of_a_short_key_no_end_is_told(key: str, label: str) -> None:
    assert Settings(api_key=key, api_secret=SECRET).label == label


@pytest.mark.parametrize(
    ("key", "hinted"), [(KEY, True), ("${user_config.key}", False), (f"a${{X}}{KEY}", True)], ids=["set", "open", "odd"]
)
def test_a_key_beside_the_file_is_not_used_and_pointed_out_where_somebody_filled_it_in(
    file: Path, key: str, *, hinted: bool
) -> None:
    settings = read(file, GOOD, FLIPSNACK_API_KEY=key)
    (only,) = settings.every
    assert (only.api_key, only.missing) == (OTHER_KEY, "")
    assert ["and not used: that file says which keys count" in one for one in settings.hints] == [True] * hinted
    check_no_value_is_told(settings)


# --- imitations
@pytest.mark.parametrize(
    ("told", "size"),
    [("true", "small"), ("1", "small"), ('"true"', "small"), *((f'"{one}"', one.lower()) for one in ("small", "LARGE", "empty"))],
)  # fmt: skip
def test_an_imitation_needs_no_key_and_is_an_account_of_its_own(file: Path, told: str, size: str) -> None:
    lines = "".join(f"[accounts.{name}]\nsandbox = {told}\n" for name in ("a", "b"))
    settings = read(file, f"{lines}{GOOD}")
    a, b, good = settings.accounts
    assert [(one.sandbox, one.size, one.missing) for one in (a, b)] == [(True, size, "")] * 2
    assert len({a.account, b.account, good.account}) == 3
    assert (a.label, a.key_end, good.sandbox) == ("a", "", False)


def test_the_sandbox_beside_the_file_makes_every_account_an_imitation_that_the_file_does_not_call_real(
    file: Path,
) -> None:
    broken = '[accounts.de]\nkey_file = "gone"\n'
    settings = read(file, f"{broken}{GOOD}[accounts.real]\nsandbox = false\n{WITH_KEYS}", FLIPSNACK_SANDBOX="1")
    assert [(one.name, one.sandbox, one.missing) for one in settings.accounts] == [
        ("de", True, ""), ("good", True, ""), ("real", False, ""),
    ]  # fmt: skip
    assert account(settings, "real").api_key == KEY
    assert settings.warnings == ()


# --- texts
def test_what_was_read_is_in_no_repr() -> None:
    told = Told("de", {"FLIPSNACK_API_KEY": KEY})
    assert KEY not in repr(told)


@pytest.mark.parametrize("value", ["3.5", "1979-05-27", "{ a = 1 }", "[1]", "[[]]", "inf", '[{ CANARY = "CANARY" }]'])
def test_a_value_of_a_wrong_kind_is_no_value_and_stops_the_account(file: Path, value: str) -> None:
    keys = [key_of(one.name) for one in VARIABLES if one.name in OF_AN_ACCOUNT]
    assert [key for key in keys if not stops_the_account(file, key, value)] == []


def stops_the_account(file: Path, key: str, value: str) -> bool:
    """Whether this value stops its account, and no other one."""
    settings = read(file, f"[accounts.de]\n{key} = {value}\n{GOOD}")
    check_no_value_is_told(settings)
    said = f'{file}, account "de": {key} has to be' in account(settings, "de").missing
    return said and account(settings, "good").missing == ""


@pytest.mark.parametrize("name", ["de", "DE", "a_b-c", "49", "a" * 40])
def test_a_name_that_can_be_typed_is_taken(file: Path, name: str) -> None:
    assert NAME.fullmatch(name)
    assert [one.name for one in read(file, f"[accounts.{name}]\n{WITH_KEYS}").accounts] == [name]


def test_the_example_can_be_tried_without_a_key() -> None:
    example = Path(__file__).parents[1] / "examples" / "accounts.toml"
    settings = read_settings({"FLIPSNACK_ACCOUNTS": str(example)})
    assert [(one.name, one.sandbox, one.missing) for one in settings.accounts] == [
        (name, True, "") for name in ("germany", "france", "uk")
    ]
    assert (settings.warnings, settings.key_files) == ((), ())


def test_a_server_that_is_started_read_only_is_so_for_every_account_whatever_the_file_says(file: Path) -> None:
    settings = read(file, f"[accounts.de]\n{WITH_KEYS}read_only = false\n{GOOD}", FLIPSNACK_READ_ONLY="1")
    assert [one.read_only for one in settings.accounts] == [True, True]


# --- whom an authorization server may vouch for
@pytest.mark.parametrize(
    "written",
    [
        [],
        ["https://login.example.com anna"],
        ["http://127.0.0.1:1 a b"],
        ["claim:groups=x=y", "claim:https://x.org/roles=r"],
    ],
    ids=str,
)
def test_who_may_use_an_account_is_read_as_it_stands(file: Path, written: list[str]) -> None:
    settings = read(file, f"{GOOD}callers = {json.dumps(written)}\n[accounts.de]\n{WITH_KEYS}")
    assert account(settings, "good").callers == tuple(written)
    assert account(settings, "de").callers == ()
    assert settings.warnings == ()


@pytest.mark.parametrize(
    "written",
    ['"https://login.example.com anna"', "true", "[1]", '[""]', '["anna"]', '["https://login.example.com"]', '["claim:groups"]',
     '["claim:=x"]', '["claim:a b=x"]', '["https://login.example.com  "]', '["https://login.example.com anna", "CANARY"]'],
)  # fmt: skip
def test_callers_that_cannot_be_understood_are_pointed_out_and_are_nobody(file: Path, written: str) -> None:
    settings = read(file, f"{GOOD}callers = {written}\n[accounts.de]\n{WITH_KEYS}")
    assert account(settings, "good").callers == ()
    assert "callers has to be a list of texts in quotes" in account(settings, "good").missing
    assert account(settings, "de").missing == ""
    check_no_value_is_told(settings)


def test_an_account_with_two_names_is_for_the_same_people_under_both(file: Path) -> None:
    other = GOOD.replace("accounts.good", "accounts.other")
    settings = read(file, f'{GOOD}callers = ["claim:a=b"]\n{other}')
    assert "They are told different things" in settings.accounts[0].missing
