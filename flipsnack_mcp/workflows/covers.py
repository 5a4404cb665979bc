"""The picture of a collection's cover: fetched from where covers may lie, and made anew."""

from collections.abc import Collection

import anyio

from flipsnack_mcp.api import FlipsnackError, NotPublicError, picture_address
from flipsnack_mcp.files.fetching import TransferBroken, fetch_picture
from flipsnack_mcp.files.pictures import MOST_FETCHED_BYTES, Picture, Unshowable, can_make_pictures, made_anew
from flipsnack_mcp.workflows.context import CallContext

COVER_SECONDS = 5.0
NO_LIBRARY = (
    "this server lacks the library for pictures; the person gets it by installing its package with the extra `covers`"
)
NO_COVER = "there is none yet"


async def fetch_cover(context: CallContext, address: str | None, hosts: Collection[str]) -> Picture:
    """The picture of a cover. Asked at no cost of the budget, and without anything that tells whose it is.

    Raises:
        Unshowable: It is not to be had.
    """
    if not address:
        raise Unshowable(NO_COVER)
    if not can_make_pictures():
        raise Unshowable(NO_LIBRARY)
    try:
        there = picture_address(address, hosts, context.flipsnack.own_address)
        with anyio.fail_after(context.patience(COVER_SECONDS)):
            content = await fetch_picture(context.flipsnack.elsewhere, there, MOST_FETCHED_BYTES)
            return await made_anew(content)
    except TimeoutError:
        raise Unshowable("it did not come in time") from None
    except NotPublicError:
        raise Unshowable("its host is not in the internet, but in this network") from None
    except FlipsnackError:
        raise Unshowable("its host could not be reached") from None
    except (ValueError, TransferBroken) as error:
        raise Unshowable(str(error)) from None
