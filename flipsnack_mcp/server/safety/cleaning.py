"""Text that came from Flipsnack is somebody's content: made harmless here, in whatever result and however deep."""

from typing import Any, cast

from pydantic import BaseModel

from flipsnack_mcp.api import ENTRIES, JsonObject, cleaned

# Written by this program, so neither cleaned nor quoted.
OURS = frozenset({
    "path", "next_step", "warnings", "states", "sha256", "state", "conversion", "expires_at", "progress", "sent", "upload_id",
    "plan_id", "work_id", "download_id", "started", "report_id", "period", "totals", "counts", "change", "advice",
    "allowed", "left", "note", "nearest", "removed", "by_day",
})  # fmt: skip
# Longer than a title may be.
LIMITS = dict.fromkeys(("changes", "description", "resource_url", "after", "before"), 2000) | {
    "embed_code": 4000, "in_container": 4400, "direct_link": 500, "cover_image": 500, "reason": 800, "fields": 2000,
}  # fmt: skip


def data_of(result: BaseModel) -> JsonObject:
    """A result as cleaned JSON, without what is absent."""
    return cast("JsonObject", clean(result.model_dump(mode="json", exclude_none=True)))


def clean(value: Any, name: str = "") -> Any:
    """Every text that came from Flipsnack made harmless, whatever it is nested in."""
    if name in OURS:
        return value
    if isinstance(value, str):
        return cleaned(value, LIMITS.get(name, 300))
    if isinstance(value, dict):
        members = cast("dict[str, Any]", value).items()
        # Below `extra` and `fields` the names are Flipsnack's too: one that is called as ours must not pass uncleaned.
        ours = name not in {"extra", "fields"}
        return {cleaned(key, 80): clean(one, key if ours else name) for key, one in list(members)[:ENTRIES]}
    if isinstance(value, list):
        return [clean(one, name) for one in value[:ENTRIES]]
    return value
