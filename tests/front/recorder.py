"""What a server itself answers, by the program that records it."""

import runpy
from pathlib import Path
from typing import Any

RECORDER: dict[str, Any] = runpy.run_path(str(Path(__file__).parents[2] / "packaging" / "record_answers.py"))
