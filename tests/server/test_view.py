"""The view as a file: small, in one piece, and with no way from a text to markup. What it shows, `.ci/views` looks at in a browser."""

import re
from importlib.resources import files

import pytest

from flipsnack_mcp.server.toolsets import entries

BIGGEST = 30_000
NAMESPACE = "http://www.w3.org/"
VIEW = (files("flipsnack_mcp.server.views") / "view.html").read_text(encoding="utf-8")
SCRIPT = VIEW.partition("<script>")[2].partition("</script>")[0]
MARKUP = VIEW.replace(SCRIPT, "")

FROM_TEXT_TO_MARKUP_OR_CODE = (
    "innerHTML", "outerHTML", "insertAdjacentHTML", "setHTML", "document.write", "createContextualFragment", "DOMParser",
    "eval(", "new Function", "import(", "srcdoc", "createElementNS", "console.",
)  # fmt: skip
OTHER_WAYS_OUT = ("fetch(", "XMLHttpRequest", "WebSocket", "EventSource", "sendBeacon", "RTCPeer", "window.open", "localStorage", "sessionStorage", "cookie", "location")  # fmt: skip
READING = {"list_collections", "get_upload", "report_stats", "audit_account"}


def test_the_view_is_small_enough_to_be_sent_with_every_answer() -> None:
    assert len(VIEW.encode()) <= BIGGEST


@pytest.mark.parametrize("tag", ["style", "script"])
def test_the_view_has_one_style_and_one_script_so_that_a_hash_can_name_them(tag: str) -> None:
    assert len(re.findall(f"<{tag}[ >]", VIEW)) == 1
    assert VIEW.count(f"<{tag}>") == VIEW.count(f"</{tag}>") == 1


@pytest.mark.parametrize("word", FROM_TEXT_TO_MARKUP_OR_CODE)
def test_no_text_becomes_markup_or_code_in_the_view(word: str) -> None:
    assert word not in VIEW


@pytest.mark.parametrize("word", OTHER_WAYS_OUT)
def test_the_view_reaches_nothing_but_its_host(word: str) -> None:
    assert word not in SCRIPT


def test_no_element_of_the_view_has_a_listener_or_a_style_of_its_own() -> None:
    assert not re.findall(r"<[a-z][^>]*\s(?:on\w+|style)\s*=", MARKUP)
    assert not re.findall(r"\.on[a-z]+\s*=", SCRIPT)


def test_no_address_stands_in_the_view() -> None:
    assert [one for one in re.findall(r"https?://[\w.]+[^\s\"'`]*", VIEW) if not one.startswith(NAMESPACE)] == []


def test_what_leads_out_of_the_view_is_looked_at_in_one_place() -> None:
    given = re.findall(r"\b(?:href|src|url): ?([\w(]+)|\"ui/open-link\", \{ ?(url) ?\}", SCRIPT)
    assert [one or other for one, other in given] == ["url", "url", "url"]
    shown = SCRIPT.replace("function opening(url", "")
    assert re.findall(r"opening\((\w+)", shown) == ["linkOf", "linkOf", "url"]
    assert set(re.findall(r"\burl = (\w+)", SCRIPT)) == {"URL", "address", "picture", "linkOf"}


def test_the_view_calls_no_tool_but_those_that_read() -> None:
    assert {one.tool.name for one in entries() if f'"{one.tool.name}"' in SCRIPT} == READING


def test_the_file_of_a_report_is_made_of_places_that_stand_once_in_the_view() -> None:
    assert VIEW.count('<meta charset="utf-8">') == VIEW.count("<script>") == 1
    assert VIEW.index("<meta charset") < VIEW.index("<style>") < VIEW.index("<script>")
