"""What a person calls an account, beside what the store knows it by. A label changes; the account and all it has stay."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import cast

from flipsnack_mcp.store.records import Body, Records, Store, T
from flipsnack_mcp.text import cleaned

LABEL = "account label"
LONGEST_LABEL = 60
UNNAMED = "unnamed"
"""An account that was last used before there were labels."""


class LabelledStore:
    """A store that keeps the label of an account: told once, or servers that call it differently would take turns."""

    def __init__(self, inner: Store, account: str, label: str) -> None:
        self.shared, self.close = inner.shared, inner.close
        self._inner, self._account, self._label = inner, account, label
        self._told = False

    async def transact(self, work: Callable[[Records], T]) -> T:
        """Run a transaction."""

        def labelled(records: Records) -> T:
            known = label_in(records.get(LABEL, self._account))
            # It may be missing later too: somebody moves the file away, and a new one is made.
            if self._label and not (known and (self._told or known == self._label)):
                records.put(LABEL, self._account, {"label": self._label})
            return work(records)

        result = await self._inner.transact(labelled)
        self._told = True
        return result


def labels_in(records: Records) -> dict[str, str]:
    """What the accounts are called that have a label."""
    return {account: label for account, body in records.all(LABEL) if (label := label_in(body))}


def label_in(body: object) -> str:
    """What a record says, on one line; nothing where somebody made something else of it."""
    label = cast("Body", body).get("label") if isinstance(body, dict) else None
    return cleaned(label, LONGEST_LABEL) if isinstance(label, str) else ""


def told_apart(accounts: Iterable[str], labels: Mapping[str, str]) -> dict[str, str]:
    """What each account is called; by what the store knows it as well, where others are called so too."""
    called = {one: labels.get(one, UNNAMED) for one in accounts}
    counted = Counter(called.values())
    return {one: name if counted[name] == 1 else f"{name} ({one})" for one, name in called.items()}
