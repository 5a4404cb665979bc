"""The menu as a team has it: the usual one without files of this computer, and with addresses instead."""

import re
from collections.abc import Mapping
from typing import Any

from mcp.types import Tool

LOCAL_TOOLS = frozenset({"list_documents"})
"""Tools that are only about files of this computer."""
OF_THIS_DISK = frozenset({"file_path", "folder"})
"""Arguments that name a file or folder of this computer."""
NOBODYS_DISK = "Several people use this server, and it reads files of nobody's computer."
ONE_BY_ONE = "call create_collection without a file: it gives an address that the document is sent to."
INSTEAD_OF_A_FILE = f"Give file_url, or {ONE_BY_ONE}"
BY_ITS_ADDRESS = "Give file_url, or leave the file out: the answer then has an address that the document is sent to."
INSTEAD_OF = {
    "create_collection": BY_ITS_ADDRESS,
    "add_flipbook": BY_ITS_ADDRESS,
    "create_collections": f"Give documents as public https addresses; for one that lies with the person {ONE_BY_ONE}",
}
"""What to do where a tool was given a file; of any other only an address is taken."""
TOLD_OF_ARGUMENTS = {
    ("create_collection", "file_url"): "Public https address; without it the answer has an upload address",
    ("add_flipbook", "file_url"): "Public https address; without it the answer has an upload address",
    ("create_collections", "documents"): "Public https addresses",
}
"""What is said of an argument, where that is something else."""
DESCRIBED = {
    "create_collections": "Upload several PDF documents by their https addresses, at once (batch): make and publish many "
    "flipbooks. First it only plans, with what it costs; plan_id alone carries it out.",
}
WHICH_FILE = re.compile(r" Give file_path or file_url[^.]*\.")
"""The sentence of a description that is not true then; what is, its argument says."""
Schema = Mapping[str, Any]
UNTIL: Schema = {"expires_at": {"description": "UTC", "type": "string"}}
FETCHED: Schema = {"file_address": {"description": "To fetch it, for 15 minutes", "type": "string"}, **UNTIL}
"""What an answer has instead of the path of a file."""
SENT: Schema = {"upload_address": {"description": "To send the PDF to, once", "type": "string"}, **UNTIL}
ANSWERED_BESIDE: Mapping[str, Schema] = {
    "create_collection": SENT,
    "add_flipbook": {
        "state": {"description": "Of the upload", "type": "string"},
        "upload_id": {"description": "For get_upload", "type": "string"},
        **SENT,
        "next_step": {"description": "Next call", "type": "string"},
    },
}
"""What else the answer of a tool has."""


def by_addresses(tool: Tool) -> Tool:
    """A tool as it is listed for people whose files the server does not see."""
    described = DESCRIBED.get(tool.name) or WHICH_FILE.sub("", tool.description or "")
    given = {
        name: {**schema, "description": TOLD_OF_ARGUMENTS[tool.name, name]}
        if (tool.name, name) in TOLD_OF_ARGUMENTS
        else schema
        for name, schema in tool.input_schema["properties"].items()
        if name not in OF_THIS_DISK
    }
    changes: dict[str, Any] = {
        "description": described,
        "input_schema": {**tool.input_schema, "properties": given},
        "output_schema": answered_by_addresses(tool.output_schema or {}, tool.name),
    }
    return tool.model_copy(update=changes)


def answered_by_addresses(schema: Schema, tool: str = "") -> dict[str, Any]:
    """The schema of an answer in which files are addresses."""
    usual, fields = schema["properties"], dict[str, Any]()
    for name, field in usual.items():
        if name == "path":
            fields |= FETCHED
        else:
            fields[name] = with_waiting(field) if name == "state" and "upload_id" in usual else field
    return {**schema, "properties": {**fields, **ANSWERED_BESIDE.get(tool, {})}}


def with_waiting(state: Schema) -> dict[str, Any]:
    """An upload's state, which may be that nothing has arrived yet."""
    return {**state, "enum": ["waiting", *state["enum"]]}
