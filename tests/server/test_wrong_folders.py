"""A wrong folder is a finding that names its variable, in the one call that needs it; it stops nothing else."""

from itertools import cycle, product
from typing import Any

import pytest

from flipsnack_mcp.settings import read_settings
from tests.server.bench import KEY, SECRET, Bench
from tests.server.destructions import MODES

UPLOADS, DOWNLOADS = "FLIPSNACK_UPLOAD_DIRS", "FLIPSNACK_DOWNLOAD_DIR"
NEEDS = {UPLOADS: "create_collection", DOWNLOADS: "download_collection_html"}
WRONG = ("flipbooks", "./flipbooks", "~nobody-of-this-name/x", '"/quoted"', "a${X}")


def settings_of(bench: Bench, **environment: str) -> dict[str, Any]:
    folders = {UPLOADS: str(bench.folder / "uploads"), DOWNLOADS: str(bench.folder / "downloads")}
    read = read_settings({"FLIPSNACK_API_KEY": KEY, "FLIPSNACK_API_SECRET": SECRET, **folders, **environment})
    return {name: getattr(read, name) for name in ("upload_dirs", "download_dir", "wrong_folders", "problems")}


@pytest.mark.parametrize(
    ("variable", "value", "mode"),
    [(*cell, mode) for cell, mode in zip(product(NEEDS, WRONG), cycle(MODES), strict=False)],
)
async def test_only_the_call_that_needs_it_is_refused(bench: Bench, variable: str, value: str) -> None:
    calls = {
        "create_collection": {"file_path": bench.document(), "title": "A", "status": "public"},
        "download_collection_html": {"collection_hash": bench.collection().hash, "wait_seconds": 45},
        "list_collections": {}, "get_user_stats": {},
    }  # fmt: skip
    async with bench.assistant(**settings_of(bench, **{variable: value})) as assistant:
        said = {tool: await assistant.call(tool, given) for tool, given in calls.items()}
    assert [tool for tool, one in said.items() if one.is_error] == [NEEDS[variable]]
    assert said[NEEDS[variable]].text.startswith(f"{variable} ")
    assert "Nothing was changed." in said[NEEDS[variable]].text


async def test_whatever_looks_into_upload_folders_names_what_is_wrong_with_the_only_one(bench: Bench) -> None:
    calls = {
        "list_documents": {},
        "create_collections": {"folder": "flyers"},
        "create_collection": {"file_path": "a.pdf"},
    }
    async with bench.assistant(**settings_of(bench, **{UPLOADS: "flipbooks"})) as assistant:
        said = [await assistant.call(tool, given) for tool, given in calls.items()]
    assert [one.text.partition(":")[0] for one in said] == [f"{UPLOADS} holds a relative folder"] * len(calls)


async def test_a_report_that_could_be_saved_nowhere_is_refused_before_it_asks_about_each_collection(
    bench: Bench,
) -> None:
    async with bench.assistant(**settings_of(bench, **{DOWNLOADS: "packages"})) as assistant:
        refused = await assistant.call("report_stats", everything=True, save_as="csv")
        asked = [*bench.requests]
        said = await assistant.call("report_stats", query="Press kit")
    assert refused.text.startswith("FLIPSNACK_DOWNLOAD_DIR holds a relative folder")
    assert asked == []
    assert not said.is_error, said.text


async def test_a_document_in_a_good_folder_goes_up_beside_a_wrong_one(bench: Bench) -> None:
    given = settings_of(bench, **{UPLOADS: f"relative:{bench.folder / 'uploads'}"})
    said = await bench.send("create_collection", {"file_path": bench.document(), "title": "A"}, **given)
    assert not said.is_error, said.text


async def test_nothing_is_saved_elsewhere_than_asked(bench: Bench) -> None:
    given = settings_of(bench, **{DOWNLOADS: "packages"})
    await bench.send("download_collection_html", {"collection_hash": bench.collection().hash}, **given)
    assert bench.downloaded == []
    assert "collection.downloadHTML" not in bench.requests
