"""Leads that are older than is wanted now go, as long as a server receives any, whether another one comes or not."""

import logging
from dataclasses import asdict, replace
from functools import partial

import anyio

from flipsnack_mcp.store.records import Records, Store
from flipsnack_mcp.workflows.leads.keeping import (
    DAY_OF_LEADS,
    LEAD_DAY,
    LEAD_PAGE,
    LEADS_OF,
    MOST_DAYS,
    LeadDay,
    days_there,
)

FORGET_EVERY = 3600.0

log = logging.getLogger(__name__)


async def forget_as_time_goes(store: Store, days: int) -> None:
    """Let them go now, for the setting may be another one than before, and then again and again."""
    while True:
        try:
            await store.transact(partial(forget_older, days=days))
        except Exception as error:  # noqa: BLE001  # it may be away for a while, and its text could hold anything
            log.warning("leads that are over could not be deleted: %s", type(error).__name__)
        await anyio.sleep(FORGET_EVERY)


def forget_older(records: Records, days: int) -> None:
    """Delete the leads of each day of which the last is older."""
    records.delete(LEAD_PAGE, "")  # a change of any kind lets a store sweep out what has ended by itself
    for account, known in records.all(LEADS_OF):
        for name, there in days_there(records, account, known["days"]):
            if there.pages and records.now - there.at >= days * DAY_OF_LEADS:
                delete_pages(records, name, there)


def delete_pages(records: Records, day: str, there: LeadDay) -> None:
    """Delete the leads of a day, and go on knowing how many they were."""
    for number in range(1, there.pages + 1):
        records.delete(LEAD_PAGE, f"{day} {number}")
    left = there.at + MOST_DAYS * DAY_OF_LEADS - records.now
    records.put(LEAD_DAY, day, asdict(replace(there, pages=0, filled=0)), keep=left)
