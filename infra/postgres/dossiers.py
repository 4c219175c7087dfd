"""Orders with everything that hangs on them, many by one query: for whoever follows many."""

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import asyncpg

from domain.delivery import Delivery
from domain.order import Order, OrderDossier, OrderEvent
from domain.payment import Payment
from domain.refund import Refund
from infra.postgres.engine import Driver
from infra.postgres.flights.queries import planned_anew
from infra.readable import all_readable

# Of one user so many orders are followed: who has more finds the older ones where they are listed.
NEWEST_OF_A_USER = 50
MOST = 500
NOT_KNOWN = -1
_DOSSIERS = (Path(__file__).parent / "sql" / "dossiers.sql").read_text(encoding="utf-8")

Part = TypeVar("Part")


class VersionedDossier(NamedTuple):
    version: int
    dossier: OrderDossier


class Dossiers:
    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    async def changed(
        self, known: Mapping[str, int], users: Collection[str] = (), *, at_most: int = MOST
    ) -> list[VersionedDossier]:
        """Of these orders, each with the version that is known of it (or NOT_KNOWN), and of the
        newest orders of these users: those that have come to another version. Each is as one
        moment saw it. One that cannot be read is told in the log and left out."""
        async with planned_anew(self._driver):
            rows = await self._driver.fetch(
                _DOSSIERS,
                list(known),
                list(known.values()),
                list(users),
                NEWEST_OF_A_USER,
                at_most,
            )
        return all_readable(rows, _dossier)


def _dossier(row: asyncpg.Record) -> VersionedDossier:
    dossier = OrderDossier(
        order=Order.model_validate(dict(row)),
        payments=_parts(row["payments"], Payment.model_validate),
        refunds=_parts(row["refunds"], Refund.model_validate),
        deliveries=_parts(row["deliveries"], Delivery.model_validate),
        # An event of a later release must not hide the order.
        events=tuple(all_readable(row["events"] or (), OrderEvent.model_validate)),
    )
    return VersionedDossier(row["version"], dossier)


def _parts(rows: list[Any] | None, read: Callable[[Any], Part]) -> tuple[Part, ...]:
    """The aggregate of no rows is NULL, and no empty list."""
    return tuple(map(read, rows or ()))
