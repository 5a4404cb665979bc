"""Resources as they are listed: a collection and the account's totals as JSON, for clients that attach them."""

from mcp.types import Resource, ResourceTemplate

COLLECTION_ADDRESS, ACCOUNT_ADDRESS = "flipsnack://collections/", "flipsnack://stats/account"
JSON = "application/json"
RESOURCE = Resource(
    uri=ACCOUNT_ADDRESS,
    name="account_stats",
    title="Account statistics",
    description="Totals of the whole account and the uploads by API that are left.",
    mime_type=JSON,
)
"""What can be read without knowing anything."""
TEMPLATE = ResourceTemplate(
    uri_template=f"{COLLECTION_ADDRESS}{{hash}}",
    name="collection",
    title="Collection",
    description="One collection: title, status, size and the conversion of its flipbooks.",
    mime_type=JSON,
)
"""What can be read once its hash is known."""
