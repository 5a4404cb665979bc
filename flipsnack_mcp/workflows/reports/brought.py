"""What readers' forms and orders brought, by flipbook: how many came, and nothing of what stands in them."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, time
from typing import Self

from flipsnack_mcp.store.records import Store
from flipsnack_mcp.workflows.leads.keeping import Counted, counted
from flipsnack_mcp.workflows.leads.lead import CONTACT, UNKNOWN

LENGTH_OF_A_DAY = 24 * 3600.0


@dataclass(frozen=True)
class Brought:
    """How many leads and orders came of a flipbook, or of many."""

    leads: int = 0
    orders: int = 0

    def __add__(self, other: Self) -> Self:
        return type(self)(self.leads + other.leads, self.orders + other.orders)


def what_came(brought: Brought | None) -> dict[str, int]:
    """Both numbers by their names; none where they are not to be told."""
    return asdict(brought) if brought else {}


async def brought_in(store: Store, account: str, first: date, last: date) -> Mapping[str, Brought]:
    """What came of each flipbook from the first day to the last, both counted, by its hash."""
    since, until = moments_of(first, last)
    return by_flipbook(await counted(store, account, since=since, until=until), first, last)


def by_flipbook(counts: Counted, first: date, last: date) -> Mapping[str, Brought]:
    """Sums of days; what is neither a lead nor an order counts for nobody."""
    found = defaultdict[str, Brought](Brought)
    for (day, flipbook, kind), many in counts.items():
        if first.isoformat() <= day <= last.isoformat() and kind != UNKNOWN:
            found[flipbook] += Brought(leads=many) if kind == CONTACT else Brought(orders=many)
    return found


def moments_of(first: date, last: date) -> tuple[float, float]:
    """From the beginning of the first day to the end of the last, in UTC."""
    begun, last_begun = (datetime.combine(one, time(), UTC).timestamp() for one in (first, last))
    return begun, last_begun + LENGTH_OF_A_DAY  # not by the day after: the calendar's last has none
