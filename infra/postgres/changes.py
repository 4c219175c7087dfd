"""Which orders a transaction has changed, to be told once it is committed.

Who changes what an order's view shows lets `orders.version` grow in the same statement or
transaction, and notes it here. `Database` hands on what was noted, after the commit.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from domain.order import OrderChange

_noted: ContextVar[dict[str, OrderChange] | None] = ContextVar("changed_orders", default=None)


@contextmanager
def noting() -> Iterator[Mapping[str, OrderChange]]:
    """What is noted in the block, by order id: of each order the last version."""
    before, changes = _noted.get(), dict[str, OrderChange]()
    _noted.set(changes)
    try:
        yield changes
    finally:
        _noted.set(before)


def note(change: OrderChange) -> None:
    changes = _noted.get()
    if changes is not None:
        changes[change.order_id] = change


def note_row(row: Any) -> None:
    """Of a query, by whatever driver, that answers with `user_id`, `order_id` and `version`."""
    note(OrderChange(row["user_id"], row["order_id"], row["version"]))


def is_noted(order_id: str) -> bool:
    """Whether this transaction has let the order's version grow already; once is enough."""
    changes = _noted.get()
    return changes is not None and order_id in changes
