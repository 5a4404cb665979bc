"""The sample that Zapier shows when someone sets up a lead form."""

from typing import Any

from flipsnack_mcp.sandbox.actions.call import Call
from flipsnack_mcp.sandbox.webhook.forms import envelope


def lead_form_sample(call: Call) -> dict[str, Any]:
    """Make up a lead for the newest published collection.

    Sandbox's own choice: all of it, since the method's page was not found. It is written as the contact-form webhook
    writes one.
    """
    published = [one for one in call.account.collections.values() if one.status != "editable"]
    newest = max(published, key=lambda one: one.created_at, default=None)
    data = {"Name": "Ada Example", "Email": "ada@example.com", "Phone": "+44 20 7946 0123"}
    return envelope("contact", newest, call.now, data)
