"""The sample that Zapier shows when someone sets up a lead form."""

from typing import Any

from flipsnack_mcp.sandbox.actions.call import Call
from flipsnack_mcp.sandbox.dates import moment


def lead_form_sample(call: Call) -> dict[str, Any]:
    """Make up a lead for the newest published collection.

    Sandbox's own choice: all of it, since the method's page was not found. The names are those of the contact-form
    webhook, the timestamp is in seconds.
    """
    published = [one for one in call.account.collections.values() if one.status != "editable"]
    newest = max(published, key=lambda one: one.created_at, default=None)
    return {
        "type": "contact",
        "timestamp": int(call.now),
        "datetime": moment(call.now).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "flipbook_hash": newest.hash if newest else "d3m0h45h",
        "flipbook_title": newest.title if newest else "Sample flipbook",
        "data": {"Name": "Ada Example", "Email": "ada@example.com", "Phone": "+44 20 7946 0123"},
    }
