"""File names made from titles."""

import json
import re
import unicodedata
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from flipsnack_mcp.files.folders import download_folder
from flipsnack_mcp.files.names import safe_name, telling_names
from tests.server.tables import unfolded

FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f]')
DEVICE = re.compile(r"(?i)(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9\u00b9\u00b2\u00b3]) *(\.|$)")

NAMES: dict[str, str] = unfolded(json.loads(Path(__file__).with_name("names.json").read_text("utf-8")))


def test_title_becomes_a_file_name() -> None:
    assert {title: safe_name(title, "hash") for title in NAMES} == NAMES
    assert (safe_name("?", "../x"), safe_name("?", "//")) == ("x", "flipsnack")  # the fallback is cleaned as well


@given(st.text(max_size=300) | st.from_regex(DEVICE), st.text(max_size=20))
@example("CON." + "x" * 200, "")
@example("e\u200d\u0301", "")
@example("-\u0301\u0301a", "")
def test_name_is_valid_on_three_systems_and_stays_as_it_is(title: str, fallback: str) -> None:
    name = safe_name(title, fallback)
    assert 1 <= len(name) <= 80
    assert len(name.encode()) <= 150
    assert not FORBIDDEN.search(name)
    assert not DEVICE.match(name)
    assert name == name.strip(" .")
    assert name == unicodedata.normalize("NFC", name)
    assert not any(unicodedata.category(char) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"} for char in name)
    assert Path(name).name == name
    assert safe_name(name, "other") == name


SERIES = [
    f"Garden furniture, cushions, parasols and everything else for the balcony, Textiles, edition {n}" for n in (1, 2)
]


@pytest.mark.parametrize(
    ("title", "names"),
    [
        ("Kitchen brochure", ("Kitchen brochure", "Kitchen brochure (bwltuz7)")), ("", ("bwltuz7", "bwltuz7")),
        ("x" * 80, ("x" * 80, f"{'x' * 70} (bwltuz7)")), ("x" * 81, (f"{'x' * 70} (bwltuz7)",) * 2),
        ("目" * 60, (f"{'目' * 46} (bwltuz7)",) * 2),
        *((title, ("Garden furniture, cushions, parasols and everything else for the balco (bwltuz7)",) * 2) for title in SERIES),
    ],
)  # fmt: skip
def test_a_name_that_would_not_tell_which_one_it_is_has_the_hash(title: str, names: tuple[str, str]) -> None:
    assert telling_names(title, "bwltuz7") == names


@given(st.text(max_size=300) | st.from_regex(DEVICE), st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True))
def test_a_name_with_a_hash_is_as_valid_as_one_without(title: str, known_as: str) -> None:
    for name in telling_names(title, known_as):
        assert 1 <= len(name) <= 80
        assert len(name.encode()) <= 150
        assert not FORBIDDEN.search(name)
        assert not DEVICE.match(name)


@given(st.text(max_size=100))
def test_name_can_be_written(tmp_path_factory: pytest.TempPathFactory, title: str) -> None:
    path = tmp_path_factory.getbasetemp() / f"{safe_name(title, 'hash')}.zip"
    path.write_bytes(b"")
    assert path.exists()
    path.unlink()


def test_default_download_folder_is_named_and_not_made(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_DOWNLOAD_DIR", str(tmp_path / "Downloads"))
    folder = download_folder(None)
    assert folder.name == "flipsnack"
    assert folder.is_absolute()
    assert not folder.exists()
