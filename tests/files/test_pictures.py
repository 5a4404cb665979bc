"""Pictures from elsewhere are made anew in a process of their own, or it is said why not."""

import io
import json
import os
import re
import subprocess
import sys
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest
from PIL import Image

from flipsnack_mcp.files import pictures
from flipsnack_mcp.files.apart.picture_maker import MOST_PICTURE_BYTES, SIDES, make_anew
from flipsnack_mcp.files.pictures import MAKING_SECONDS, UNMADE, UNMADE_FOR_ANOTHER_REASON, Unshowable, made_anew
from tests.files.ground import Put, Started
from tests.files.paintings import (
    CANARY,
    animated,
    bomb,
    grains,
    many_frames,
    noise,
    packed_text,
    painted,
    png,
    saved,
    with_everything,
)

LARGE, NONE = "large", "none"
Made = Callable[[], bytes]


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the picture matters and not the time: a test machine may be busy."""
    monkeypatch.setattr(pictures, "MAKING_SECONDS", 60.0)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def opened(content: bytes) -> Any:
    image = Image.open(io.BytesIO(content), formats=("JPEG", "PNG"))
    image.load()
    return image


async def end_of(content: bytes) -> str:
    """Why there is no picture; nothing where there is one."""
    try:
        await made_anew(content)
    except Unshowable as error:
        return str(error)
    return ""


GOOD: dict[str, Made] = {
    **{f"png-{mode}": partial(painted, "PNG", mode) for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")},
    **{f"jpeg-{mode}": partial(painted, "JPEG", mode) for mode in ("L", "RGB", "CMYK")},
    **{f"webp-{mode}": partial(painted, "WEBP", mode) for mode in ("RGB", "RGBA")},
    "gif": partial(painted, "GIF", "P"),
    "gif-of-10000-frames": partial(animated, 10_000),
    "webp-of-many-frames": partial(many_frames, "WEBP"),
    "png-of-many-frames": partial(many_frames, "PNG"),
    "exif-that-is-none": lambda: painted("JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff" + CANARY),
    "profile-that-is-none": lambda: painted("JPEG", icc_profile=CANARY * 100_000),
    "one-pixel": partial(painted, "PNG", size=(1, 1)),
    "very-wide": partial(painted, "PNG", size=(20_000, 1)),
    "25-megapixels": partial(bomb, 5000, 5000),
    "noise-in-jpeg": lambda: saved(noise(1000), "JPEG", quality=90),
    "noise-in-png": lambda: saved(noise(820), "PNG", compress_level=1),
    "noise-in-few-colours": lambda: saved(Image.frombytes("P", (820, 820), grains(820 * 820)), "PNG"),
    **{f"everything-in-{kind}": partial(with_everything, kind) for kind in ("PNG", "JPEG", "WEBP")},
    "html-behind-it": lambda: painted("JPEG") + b"<script>alert(1)</script>" + CANARY,
    "zip-behind-it": lambda: painted("PNG") + b"PK\x03\x04" + CANARY,
    "html-in-its-comment": lambda: painted("JPEG", comment=b"<html><script>" + CANARY),
}


as_there = pytest.mark.filterwarnings("ignore")  # in a process of its own they are no errors


@as_there
@pytest.mark.parametrize("name", GOOD)
def test_a_picture_is_made_anew_with_its_pixels_alone(name: str) -> None:
    mime_type, made = make_anew(io.BytesIO(GOOD[name]()))
    image = opened(made)
    assert mime_type == Image.MIME[image.format]
    assert len(made) <= MOST_PICTURE_BYTES
    assert max(image.size) <= SIDES[0]
    assert not any(
        word in made for word in (CANARY, b"<script", b"PK\x03\x04", b"ICC_", b"ICCP", b"iCCP", b"Exif", b"http:")
    )
    assert not {"icc_profile", "exif", "xmp", "comment", "Comment"} & image.info.keys()
    assert len(image.getexif()) == 0


BAD: dict[str, tuple[Made, str]] = {
    "26-megapixels": (partial(bomb, 5000, 5001), LARGE),
    "900-megapixels": (lambda: png(30_000, 30_000, zlib.compress(bytes(30_001 * 10))), LARGE),
    "as-large-as-can-be-said": (partial(png, 2**31 - 1, 2**31 - 1, b""), LARGE),
    "large-jpeg": (lambda: painted("JPEG").replace(b"\x01\x90\x01\x2c", b"\xff\xff\xff\xff"), LARGE),
    "gif-of-a-large-screen": (lambda: animated(1).replace(b"\x40\0\x40\0", b"\xff\xff\xff\xff", 1), LARGE),
    "nothing": (lambda: b"\0", NONE),
    "of-no-size": (partial(png, 0, 0, b""), NONE),
    "half-a-png": (lambda: saved(noise(200), "PNG")[:50_000], NONE),
    "half-a-jpeg": (lambda: saved(noise(200), "JPEG")[:9000], NONE),
    "half-a-webp": (lambda: saved(noise(200), "WEBP")[:5000], NONE),
    "half-a-gif": (lambda: saved(noise(200).convert("P"), "GIF")[:9000], NONE),
    "head-alone": (lambda: painted("PNG")[:40], NONE),
    "fewer-pixels-than-said": (partial(png, 3000, 3000, b"x\x9c\x03\0\0\0\0\x01"), NONE),
    "wrong-sum": (lambda: painted("PNG").replace(b"IDAT", b"IDAX"), NONE),
    "text-that-unpacks": (partial(packed_text, 20), NONE),
    "svg": (lambda: b'<svg xmlns="http://www.w3.org/2000/svg"><image href="http://127.0.0.1/"/></svg>', NONE),
    "html": (lambda: b"<!doctype html><title>Sign in</title>", NONE),
    "postscript": (lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n", NONE),
    "pdf": (lambda: saved(Image.new("RGB", (9, 9)), "PDF"), NONE),
    **{
        kind: (partial(painted, kind, size=(9, 9)), NONE) for kind in ("BMP", "TIFF", "PPM", "TGA", "ICO", "PCX", "DDS")
    },
}


@as_there
@pytest.mark.parametrize("name", BAD)
def test_what_is_no_picture_or_too_large_is_told_apart(name: str) -> None:
    make, expected = BAD[name]
    assert make_anew(io.BytesIO(make())) == (expected, b"")


async def test_what_a_process_of_its_own_made_is_shown_and_why_it_made_none_is_said() -> None:
    given = with_everything("PNG")
    made = await made_anew(given)
    assert (made.mime_type, made.content) == make_anew(io.BytesIO(given))
    for name, said in (("900-megapixels", UNMADE["large"]), ("half-a-webp", UNMADE["none"])):
        assert await end_of(BAD[name][0]()) == said


def test_a_turned_picture_is_turned_and_what_is_transparent_is_white() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera lay on its side
    turned, white = (make_anew(io.BytesIO(one))[1] for one in (painted("JPEG", exif=exif), painted("PNG", "RGBA")))
    assert opened(turned).size == (400, 300)
    assert opened(white).getpixel((0, 0)) == (255, 255, 255)


def test_what_is_not_transparent_is_seen_as_it_was() -> None:
    image = Image.new("RGBA", (400, 300))
    image.paste("black", (200, 0, 400, 300))
    seen = opened(make_anew(io.BytesIO(saved(image, "PNG")))[1]).convert("RGB")
    assert [seen.getpixel((x, 150)) for x in (50, 350)] == [(255, 255, 255), (0, 0, 0)]


def test_a_picture_of_few_colours_stays_sharp() -> None:
    assert make_anew(io.BytesIO(painted("PNG", "P")))[0] == "image/png"


def test_a_picture_of_many_colours_is_a_jpeg_however_small() -> None:
    assert make_anew(io.BytesIO(saved(noise(99), "PNG")))[0] == "image/jpeg"


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Put:
    """Puts another program where the one is that makes pictures."""
    monkeypatch.setattr(pictures, "MAKER", path := tmp_path / "program.py")
    return path.write_text


async def test_a_decoder_that_hangs_is_killed_after_its_seconds(
    program: Put, started: Started, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert MAKING_SECONDS == 3.0
    monkeypatch.setattr(pictures, "MAKING_SECONDS", 0.2)
    program("while True:\n    pass")
    with anyio.fail_after(60):
        assert await end_of(painted()) == UNMADE_FOR_ANOTHER_REASON
    assert [one.returncode for one in started] != [None]
    with pytest.raises(ProcessLookupError):
        os.kill(started[0].pid, 0)


MAD = {
    "gives-too-much": "print('give 99999999', flush=True); print('x' * 99999999)",
    "gives-less-than-it-says": "print('give 999', flush=True); print('x')",
    "gives-nothing": "print('image/png')",
    "says-nothing": "",
    "asks-for-what-is-not-there": "print('read 7', flush=True)",
    "crashes": "import os; os.abort()",
}


@pytest.mark.parametrize("name", MAD)
async def test_a_decoder_gone_mad_gives_no_picture(program: Put, name: str) -> None:
    program(MAD[name])
    assert await end_of(painted()) == UNMADE_FOR_ANOTHER_REASON


async def test_credentials_do_not_reach_the_decoder(program: Put, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLIPSNACK_API_SECRET", "secret")
    program("import os; print('large' if 'secret' in os.environ.values() else 'none')")
    assert await end_of(painted()) == UNMADE["none"]


def test_want_of_memory_says_nothing_about_the_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_memory(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr(Image, "open", no_memory)
    assert make_anew(io.BytesIO(painted())) == ("unknown", b"")


SERVER = """
import anyio, json, sys
from pathlib import Path
from flipsnack_mcp.files import pictures

async def main(content):
    pictures.MAKING_SECONDS = 60.0
    made = await pictures.made_anew(content)
    print(json.dumps({"PIL": "PIL" in sys.modules, "made": len(made.content)}))

anyio.run(main, Path(sys.argv[1]).read_bytes())
"""


def test_the_server_itself_never_imports_a_decoder(tmp_path: Path) -> None:
    (tmp_path / "one.png").write_bytes(painted())
    command = [sys.executable, "-c", SERVER, str(tmp_path / "one.png")]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    finished = subprocess.run(command, capture_output=True, env=environment, timeout=60, check=True)  # noqa: S603
    assert json.loads(finished.stdout)["PIL"] is False
    assert re.search(rb'"made": [1-9]', finished.stdout)
