"""The request budget's rules: may a caller go now, or how long must it wait, if all processes share one allowance?

Every process looks at one small document (recent calls, and who waits) and decides by the same pure functions; a
`BudgetStore` (see `counting`) makes each look atomic. Nothing in the future is booked, so a killed process locks nothing and a
person's call overtakes a batch just by sorting first. ARCHITECTURE.md says why not a library.
"""

from dataclasses import dataclass
from enum import IntEnum
from functools import cache

from flipsnack_mcp.api.counting.ledger import Call, SharedBudget, Want, add_answered, forget_answered

BEHIND = 0.02  # seconds by which others let the first in turn go first


class Lane(IntEnum):
    """Who is waiting: a person, or a poll or batch that may take its time."""

    INTERACTIVE = 0
    BACKGROUND = 1


@dataclass(frozen=True)
class BudgetRules:
    """What Flipsnack allows per key, and how carefully to keep it. Times in seconds."""

    limits: tuple[tuple[int, float], ...] = ((5, 1.0), (60, 60.0))  # at most so many calls in any so many seconds
    margin: float = 0.05  # clocks that run differently: 500 ppm over a minute are 30 ms
    reserve: float = 1 / 60  # of each limit, kept free of background calls (one call at least)
    hold: float = 2.0  # a call counts as "now" until answered, but no longer than this
    lease: float = 10.0  # what has a longer hold must say so often that it goes on: it may have been killed
    slack: float = 0.25  # lateness that is made up for: a few ms for each call would be 1 % of the minute
    grace: float = 0.25  # whoever looks again later than announced is taken for dead
    nap: float = 1.0  # the longest sleep between two looks


@dataclass(frozen=True)
class SlotRequest:
    """One caller's question: may `who` go, for whom `callers` wait, `ahead` of them before this one?"""

    who: str
    callers: int
    ahead: int
    hold: float
    grant: bool  # False: only ask for the forecast
    places: int = 1  # for each caller, at one moment or not yet
    together: int = 1  # callers who go now, as far as there is room


@dataclass(frozen=True)
class Wait:
    """Not yet: look again after `sleep`; the call will go out in about `forecast`."""

    sleep: float
    forecast: float
    others: int = 0  # processes that share the budget: they wait too, or had a call in the last minute


@cache
def quota(rules: BudgetRules, lane: Lane) -> tuple[tuple[int, float], ...]:
    """Give the limits as this lane must keep them; the background leaves some of each free for a person's call."""
    spare = [max(1, int(n * rules.reserve)) if lane else 0 for n, _ in rules.limits]
    return tuple((max(1, n - free), w + rules.margin) for (n, w), free in zip(rules.limits, spare, strict=True))


def stamp(call: Call, now: float) -> float:
    """Date a call that may still arrive. One that has is dated by its answer: the server's windows hold whatever the delays.

    Proof: of the calls whose arrivals fit in one window of length w, take the one granted last, at g. All others arrived
    after g - w, so their answers came after g - w or are still due, and each was counted at g. It needs the call to
    arrive within its `hold`.
    """
    return min(now, call["granted"] + call["hold"])


@dataclass
class Timeline:
    """The calls that count, dated and ascending, to which a forecast adds the ones it imagines."""

    rules: BudgetRules
    stamps: list[float]
    opens: float = 0  # the end of a pause
    even: float = 0  # when the next call would go, were those of all lanes spread over the minute

    def __post_init__(self) -> None:
        self.pace = max(w / n for n, w in quota(self.rules, Lane.BACKGROUND))

    def earliest(self, at: float, lane: Lane, places: int = 1) -> float:
        """Find the first moment from `at` on at which so many calls of this lane break no limit."""
        at = max(at, self.opens, self.even if lane is Lane.BACKGROUND else at)
        full = ((n - min(places, n) + 1, w) for n, w in quota(self.rules, lane))
        return max([at, *(self.stamps[-n] + w for n, w in full if len(self.stamps) >= n)])

    def fitting(self, now: float, lane: Lane, callers: int, places: int) -> int:
        """Count how many of these callers may go now."""
        for count in range(callers):
            if self.earliest(now, lane, places) > now:
                return count
            for _ in range(places):
                self.stamps.append(now)
                self.push(now)
        return callers

    def push(self, granted: float) -> None:
        """Spread by the grants of *every* lane: by answers 7 % are lost, by background alone people wait 20 s."""
        self.even = max(self.even, granted - self.rules.slack) + self.pace

    def forecast(self, now: float, lane: Lane, queue: int) -> float:
        """Walk through the queue and say how long the caller behind it will wait."""
        at = now
        for _ in range(queue + 1):
            at = self.earliest(at, lane)
            self.stamps.append(at)
            self.push(at)
        return at - now


def timeline(doc: SharedBudget, now: float, rules: BudgetRules, lane: Lane) -> Timeline:
    line = Timeline(rules, stamps(doc, now), sum(doc["pause"]))
    if lane is Lane.BACKGROUND:  # a person's call goes whenever there is a place
        for granted in sorted([*doc["answered"]["granted"], *(call["granted"] for call in doc["log"])]):
            line.push(granted)
    return line


def stamps(doc: SharedBudget, now: float) -> list[float]:
    """The dates of all calls that count, ascending."""
    return sorted([*doc["answered"]["settled"], *(stamp(call, now) for call in doc["log"])])


def tidy(doc: SharedBudget, now: float, rules: BudgetRules) -> None:
    """Forget what is over, and what is still to come: then the clock went back, or an earlier boot wrote it.

    The second costs a minute at most, once.
    """
    oldest = now - max(w + rules.margin for _, w in rules.limits)
    for call in doc["log"]:
        call["granted"] = min(call["granted"], now)
    doc["log"] = [call for call in doc["log"] if stamp(call, now) > oldest]
    forget_answered(doc["answered"], now, oldest)
    doc["last"] = {who: [min(at, now), number] for who, (at, number) in doc["last"].items() if at > oldest}
    doc["pause"][0] = min(doc["pause"][0], now)


def drop_dead(doc: SharedBudget, now: float, rules: BudgetRules) -> None:
    """Drop who missed its own appointment: a killed process cannot say that it stopped waiting."""
    soonest, latest = now - rules.grace, now + 2 * rules.nap
    doc["want"] = {who: want for who, want in doc["want"].items() if soonest <= want["due"] <= latest}


def turns(doc: SharedBudget) -> list[str]:
    """Order those who wait: people first, then whoever was served longest ago.

    By the grant's number, not its time: with equal times three processes got 60, 20 and 20 %.
    """
    if len(doc["want"]) == 1:
        return [*doc["want"]]
    never = [0.0, 0.0]
    return sorted(
        doc["want"], key=lambda who: (lane_of(who), doc["last"].get(who, never)[1], doc["want"][who]["since"])
    )


def calls_left(doc: SharedBudget, now: float, rules: BudgetRules) -> int:
    """Count the calls that a person's questions still have in the longest window; none while everybody pauses."""
    tidy(doc, now, rules)
    most, _ = max(quota(rules, Lane.INTERACTIVE), key=lambda limit: limit[1])
    return max(0, most - len(stamps(doc, now))) if now >= sum(doc["pause"]) else 0


def queue(doc: SharedBudget, request: SlotRequest, turn: list[str]) -> int:
    """Count the calls that will go before this one, if nobody else comes."""
    me, lane = turn.index(request.who), lane_of(request.who)
    count = request.ahead
    for place, who in enumerate(turn):
        if lane_of(who) < lane:
            count += doc["want"][who]["n"]
        elif lane_of(who) == lane and who != request.who:  # by turns: one of theirs for each of ours
            count += min(doc["want"][who]["n"], request.ahead + (place < me))
    return count


def others(doc: SharedBudget, who: str) -> int:
    """Count the other processes that share the budget at the moment."""
    return len({one[1:] for one in (*doc["want"], *doc["last"], *(call["who"] for call in doc["log"]))} - {who[1:]})


def lane_of(who: str) -> Lane:
    return Lane(int(who[0]))


def most_at_once(rules: BudgetRules, lane: Lane) -> int:
    """Say how many calls of a lane can ever be granted at one moment."""
    return min(n for n, _ in quota(rules, lane))


def ask(doc: SharedBudget, now: float, rules: BudgetRules, request: SlotRequest) -> range | Wait:
    """Look at the document once: the answer is the numbers of the granted calls, or how long to wait."""
    before = doc["want"].get(request.who)  # alive, since it asks, however late
    tidy(doc, now, rules)
    drop_dead(doc, now, rules)
    mine: Want = {"n": request.callers, "since": min(now, before["since"]) if before else now, "due": now}
    doc["want"][request.who] = mine
    lane = lane_of(request.who)
    turn, line = turns(doc), timeline(doc, now, rules, lane)
    at = line.earliest(now, lane, request.places)
    first = turn[0] == request.who
    if request.grant and first and at <= now:
        # Where others wait as well, one goes at a time: they are served by turns.
        together = request.together if len(turn) == 1 else 1
        return grant(doc, now, request, line.fitting(now, lane, together, request.places))
    sleep = min(until(at, now, first=first), rules.nap)
    mine["due"] = now + sleep
    ahead = queue(doc, request, turn) + request.places - 1
    return Wait(sleep, line.forecast(now, lane, ahead), others(doc, request.who))


def until(at: float, now: float, *, first: bool) -> float:
    """Seconds to sleep until a place is free: at least a millisecond, a clock need not move in less.

    Whoever is not first looks a little later. All at once would find the store busy, and the first might lose the moment.
    """
    return max(at - now, 0.001) if first and at > now else max(at - now, 0) + BEHIND


def grant(doc: SharedBudget, now: float, request: SlotRequest, callers: int) -> range:
    before = doc["seq"]
    for _ in range(request.places * callers):
        doc["seq"] += 1
        doc["log"].append({"granted": now, "who": request.who, "id": doc["seq"], "hold": request.hold})
    doc["last"][request.who] = [now, doc["seq"]]
    leave(doc, request.who, request.callers - callers)
    return range(before + 1, doc["seq"] + 1)


def leave(doc: SharedBudget, who: str, callers: int) -> None:
    """Note that one caller waits no longer and `callers` still do."""
    if who in doc["want"] and callers:
        doc["want"][who]["n"] = callers
    else:
        doc["want"].pop(who, None)


def settle(doc: SharedBudget, now: float, number: int) -> None:
    for place, call in enumerate(doc["log"]):
        if call["id"] == number:  # no two have the same
            del doc["log"][place]
            add_answered(doc["answered"], max(call["granted"], stamp(call, now)), call)
            return


def give_back(doc: SharedBudget, number: int) -> None:
    """Forget a granted call that was never made."""
    doc["log"] = [call for call in doc["log"] if call["id"] != number]


def renew(doc: SharedBudget, now: float, number: int, hold: float, rules: BudgetRules) -> None:
    """Note that a call with a long hold is still on its way."""
    for call in doc["log"]:
        if call["id"] == number:
            call["hold"] = min(hold, max(0, now - call["granted"]) + rules.lease)


def abandon(doc: SharedBudget, now: float, number: int, rules: BudgetRules) -> None:
    """Give up on an answer. What was sent may still arrive, so the call counts on; but a long upload ends here."""
    for call in doc["log"]:
        if call["id"] == number:
            call["hold"] = min(call["hold"], max(0, now - call["granted"]) + rules.hold)


def pause(doc: SharedBudget, now: float, rules: BudgetRules, seconds: float) -> None:
    tidy(doc, now, rules)
    if now + seconds > sum(doc["pause"]):
        doc["pause"] = [now, seconds]
