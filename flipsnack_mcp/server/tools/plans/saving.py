"""All of a plan as a file, where it is longer than an answer: what is planned of each collection, or what came of it."""

from flipsnack_mcp.api import FlipsnackError
from flipsnack_mcp.files.refusal import RefusedFile
from flipsnack_mcp.files.tables import Row, as_csv, save_table
from flipsnack_mcp.server.tools.addresses import give_file_address
from flipsnack_mcp.server.tools.tool import ToolCall
from flipsnack_mcp.workflows.plans.item import Item
from flipsnack_mcp.workflows.plans.rules import PlanSnapshot
from flipsnack_mcp.workflows.reports.pages import as_safe

COLUMNS: Row = [
    "collection_hash", "title", "new_title", "status", "new_status", "new_description", "new_width", "new_height", "date",
    "state", "reason",
]  # fmt: skip
NOT_AS_A_FILE = "All of them could not be saved as a file"


async def saved_list(call: ToolCall, seen: PlanSnapshot, told: int) -> tuple[dict[str, str], str]:
    """Where all of a plan stands that has more items than are told, and why it could not be saved."""
    if len(seen.items) <= told:
        return {}, ""
    rows = [as_safe(cells_of_item(one), call.app.redactor.text) for one in seen.items]
    try:
        return await save_items(call, file_name_of(seen), as_csv(COLUMNS, rows)), ""
    except (RefusedFile, FlipsnackError) as error:  # a plan needs no file: what was changed is told all the same
        return {}, f"{NOT_AS_A_FILE}: {error.happened} {error.next_step}"
    except OSError:
        return {}, f"{NOT_AS_A_FILE}: the download folder cannot be looked into."


async def save_items(call: ToolCall, name: str, content: bytes) -> dict[str, str]:
    """Save the table, or keep it for whoever fetches it."""
    if call.app.handing:
        return (await give_file_address(call, content, f"{name}.csv"))._asdict()
    folder = call.app.download_dir
    known = folder / f"{name}.csv"
    if not known.exists():  # the same answer once more
        known = await save_table(content, folder, name, ".csv")
    return {"path": str(known)}


def file_name_of(seen: PlanSnapshot) -> str:
    """What the file is called; another one where more of the plan is done."""
    done = sum(one.state not in {"planned", "sending"} for one in seen.items)
    return f"Flipsnack plan {seen.plan.plan_id}" + (f", {done} of {seen.plan.count}" if done else "")


def cells_of_item(item: Item) -> Row:
    """One collection."""
    known = item.new_hash or item.collection_hash
    new = [item.title, item.new_title, item.status, item.new_status, item.new_description]
    return [known, *new, item.new_width, item.new_height, item.day, item.state, item.said]
