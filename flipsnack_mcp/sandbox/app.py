"""The ASGI application: the API at its two hosts, the packages behind links, the covers, and the control endpoints."""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from flipsnack_mcp.sandbox.control import Control
from flipsnack_mcp.sandbox.covers import cover_picture
from flipsnack_mcp.sandbox.links import COVER_PATH
from flipsnack_mcp.sandbox.requests.api import Api
from flipsnack_mcp.sandbox.webhook.control import LeadsControl
from flipsnack_mcp.sandbox.webhook.webhook import Webhook

_VERBS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
_XML = '<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>\n'


def build(api: Api, webhook: Webhook | None) -> Starlette:
    """Put everything under its path. Only /v1/, /upload/v1/ and covers are Flipsnack's; the rest is the sandbox's own."""

    async def package(request: Request) -> Response:
        return _package(api, request.path_params["token"])

    async def cover(request: Request) -> Response:
        return _cover(api, request.path_params["item"])

    control, leads = Control(api.faults, api.transcript), LeadsControl(webhook)
    return Starlette(
        routes=[
            Route("/v1/", api.answer, methods=_VERBS),
            Route("/upload/v1/", api.answer, methods=_VERBS),
            Route("/_packages/{token}/{name}.zip", package),
            Route(COVER_PATH, cover),
            Route("/_sandbox/faults", control.set_faults, methods=["POST"]),
            Route("/_sandbox/requests", control.show_requests),
            Route("/_sandbox/leads", leads.send, methods=["POST"]),
            Route("/_sandbox/leads", leads.show),
        ],
        exception_handlers={404: _nothing_here},
    )


def _package(api: Api, token: str) -> Response:
    """Answer as an object store does for a signed link."""
    found = api.packages.links.get(token)
    if found is None:
        return _no_such("package")
    if api.clock() > found.expires_at:
        # Sandbox's own choice: 403 and XML. The documentation only says that the link expires.
        denied = _XML.format(code="AccessDenied", message="Request has expired")
        return Response(denied, 403, media_type="application/xml")
    return Response(found.zipped(), media_type="application/zip")


def _cover(api: Api, item: str) -> Response:
    found = api.account.with_item(item)
    if found is None:
        return _no_such("cover")
    return Response(cover_picture(found.visits_key, found.title), media_type="image/png")


def _no_such(thing: str) -> Response:
    # Sandbox's own choice, for covers as for packages.
    return Response(_XML.format(code="NoSuchKey", message=f"No such {thing}"), 404, media_type="application/xml")


async def _nothing_here(_request: Request, _error: Exception) -> Response:
    return JSONResponse({"error": "the sandbox answers at /v1/ and /upload/v1/"}, 404)
