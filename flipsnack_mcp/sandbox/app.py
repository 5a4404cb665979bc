"""The ASGI application: the API at its two hosts, the packages behind links, and the control endpoints."""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from flipsnack_mcp.sandbox.api import Api
from flipsnack_mcp.sandbox.control import Control

_VERBS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
_XML = '<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>\n'


def build(api: Api) -> Starlette:
    """Put everything under its path. Only /v1/ and /upload/v1/ are Flipsnack's; the rest is the sandbox's own."""

    async def package(request: Request) -> Response:
        return _package(api, request.path_params["token"])

    control = Control(api.faults, api.transcript)
    return Starlette(
        routes=[
            Route("/v1/", api.answer, methods=_VERBS),
            Route("/upload/v1/", api.answer, methods=_VERBS),
            Route("/_packages/{token}/{name}.zip", package),
            Route("/_sandbox/faults", control.set_faults, methods=["POST"]),
            Route("/_sandbox/requests", control.show_requests),
        ],
        exception_handlers={404: _nothing_here},
    )


def _package(api: Api, token: str) -> Response:
    """Answer as an object store does for a signed link."""
    found = api.packages.links.get(token)
    if found is None:
        return Response(_XML.format(code="NoSuchKey", message="No such package"), 404, media_type="application/xml")
    if api.clock() > found.expires_at:
        # Sandbox's own choice: 403 and XML. The documentation only says that the link expires.
        denied = _XML.format(code="AccessDenied", message="Request has expired")
        return Response(denied, 403, media_type="application/xml")
    return Response(found.zipped(), media_type="application/zip")


async def _nothing_here(_request: Request, _error: Exception) -> Response:
    return JSONResponse({"error": "the sandbox answers at /v1/ and /upload/v1/"}, 404)
