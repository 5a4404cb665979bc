"""The actions of the API, by the name that stands in the parameter `action`."""

from collections.abc import Mapping
from typing import Final

from flipsnack_mcp.sandbox.actions import collection, flipbook, images, listing, packaging, statistic, uploading, zapier
from flipsnack_mcp.sandbox.actions.call import Handler

UPLOADS: Final[Mapping[str, Handler]] = {
    "collection.create": uploading.create,
    "flipbook.add": uploading.add,
    "collection.setLogo": images.set_logo,
    "collection.setBackgroundImage": images.set_background_image,
}
"""Actions that are a POST to the upload host; all others are a GET to the api host."""

HANDLERS: Final[Mapping[str, Handler]] = {
    **UPLOADS,
    "collection.getCollection": collection.get_collection,
    "collection.update": collection.update,
    "collection.deleteCollection": collection.delete_collection,
    "collection.getEmbed": collection.get_embed,
    "collection.getStats": statistic.collection_stats,
    "collection.getList": listing.get_list,
    "collection.downloadHTML": packaging.download_html,
    "user.getStats": statistic.user_stats,
    "zapier.getZapierLeadFormSample": zapier.lead_form_sample,
    "flipbook.delete": flipbook.delete,
    "collection.deleteLogo": images.delete_logo,
    "collection.deleteBackgroundImage": images.delete_background_image,
}
