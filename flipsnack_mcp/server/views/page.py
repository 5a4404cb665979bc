"""A view as one file with its data inside: it opens from a disk, asks nobody anything, and runs only its own script."""

import json
import re
from base64 import b64encode
from hashlib import sha256

from flipsnack_mcp.api import JsonObject
from flipsnack_mcp.server.views.declaring import view_page
from flipsnack_mcp.server.views.showing import IN_META

ONLY_STYLE, ONLY_SCRIPT = (re.compile(rf"<{one}>(.*?)</{one}>", re.DOTALL) for one in ("style", "script"))
CHARSET = re.compile(r"<meta charset=[^>]*>", re.IGNORECASE)
WITHOUT_SCRIPT = (
    "<noscript>Open this file in a browser: a preview that runs no script shows nothing of it.</noscript>\n"
)
"""As a mail program's is: the page stayed empty there."""
ENDS_A_SCRIPT = re.compile("[<>&\u2028\u2029\ud800-\udfff]")
"""What may end a block of data or open a comment in it, breaks a line in a script, or is no character by itself."""


def as_page(data: JsonObject, for_view: JsonObject) -> bytes:
    """The view as it shows this answer."""
    view, saved = view_page(), {"structuredContent": data, "_meta": {IN_META: for_view}}
    block = f'{WITHOUT_SCRIPT}<script type="application/json" id="saved">{as_inert_json(saved)}</script>\n<script>'
    head = f'<meta http-equiv="Content-Security-Policy" content="{policy_of(view)}">'
    with_policy = CHARSET.sub(lambda found: f"{found[0]}\n{head}", view, count=1)
    return with_policy.replace("<script>", block, 1).encode()


def policy_of(view: str) -> str:
    """What the file may do: nothing, but for its one style and script as they are, and pictures that stand in it."""
    allowed = {"script-src": ONLY_SCRIPT, "style-src": ONLY_STYLE}
    own = "; ".join(f"{name} '{hash_of(one.findall(view))}'" for name, one in allowed.items())
    return f"default-src 'none'; {own}; img-src data:; base-uri 'none'; form-action 'none'"


def hash_of(found: list[str]) -> str:
    """The one text that is found, as a policy names it."""
    (only,) = found
    return f"sha256-{b64encode(sha256(only.encode()).digest()).decode()}"


def as_inert_json(value: JsonObject) -> str:
    """JSON that stays within its block, whatever stands in it."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return ENDS_A_SCRIPT.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
