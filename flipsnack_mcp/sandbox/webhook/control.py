"""The control endpoint /_sandbox/leads: leads are sent on request, and what became of them is shown."""

from dataclasses import asdict, dataclass, fields
from typing import Any, Final

from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from flipsnack_mcp.sandbox.control import posted
from flipsnack_mcp.sandbox.webhook.forms import KINDS
from flipsnack_mcp.sandbox.webhook.webhook import RETRIES, Webhook

_BOUNDS: Final = {"number": (0, 100_000), "senders": (1, 1000), "copies": (1, 1 + RETRIES)}
_NO_HOOK: Final = "there is no webhook: name one with --hook URL when the sandbox is started"


@dataclass(frozen=True)
class Wish:
    """What is to be sent: so many leads of these kinds in turn, by so many senders at once, each up to `copies` times.

    `on` switches a webhook on again that was switched off.
    """

    number: int = 1
    senders: int = 1
    copies: int = 1
    kinds: tuple[str, ...] = ("contact", "order")
    on: bool = False

    def __post_init__(self) -> None:
        for name, (least, most) in _BOUNDS.items():
            value = getattr(self, name)
            if type(value) is not int or not least <= value <= most:
                raise ValueError(f"{name} must be a whole number from {least} to {most}")
        if not self.kinds or not set(self.kinds) <= KINDS.keys():
            raise ValueError(f"kinds must be a list of {', '.join(KINDS)}")
        if type(self.on) is not bool:
            raise ValueError("on must be true or false")


def wish_from_json(given: Any) -> Wish:
    """Make a wish of a JSON object; raise ValueError with a clear text when it does not describe one."""
    known = {one.name for one in fields(Wish)}
    if not isinstance(given, dict) or not given.keys() <= known:
        raise ValueError(f"leads are asked for by a JSON object of {', '.join(sorted(known))}")
    kinds = given.get("kinds", list(Wish.kinds))
    if not isinstance(kinds, list) or not all(isinstance(one, str) for one in kinds):
        raise ValueError(f"kinds must be a list of {', '.join(KINDS)}")
    return Wish(**{**given, "kinds": tuple(kinds)})


@dataclass(frozen=True)
class LeadsControl:
    """What a test in another process or language uses in place of the Python interface."""

    webhook: Webhook | None

    async def send(self, request: Request) -> Response:
        """Answer at once; the leads go out afterwards."""
        if self.webhook is None:
            return JSONResponse({"error": _NO_HOOK}, 409)
        try:
            wish = wish_from_json(await posted(request))
        except ValueError as error:
            return JSONResponse({"error": str(error)}, 400)
        if wish.on:
            self.webhook.switch_on()
        made = self.webhook.submit(wish.number, wish.kinds, wish.copies)
        going = BackgroundTask(self.webhook.send, made, wish.senders)
        return JSONResponse({"deliveries": len(made), "on": self.webhook.on}, 202, background=going)

    async def show(self, _request: Request) -> Response:
        if self.webhook is None:
            return JSONResponse({"error": _NO_HOOK}, 409)
        return JSONResponse({"on": self.webhook.on, "deliveries": [asdict(one) for one in self.webhook.deliveries]})
