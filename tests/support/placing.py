"""Orders that are placed together, as tests of that begin."""

import asyncio

from domain.order import RejectReason
from domain.reservation import Intent
from domain.sale import Item
from infra.postgres.engine import Database
from infra.postgres.flights.placing import PlacingFlights, StandingOrder
from infra.postgres.hot_path import PlacingRefused
from tests.support.values import NOON, an_order


def intents_of(item: Item, *buyers: str, quantity: int = 1) -> list[Intent]:
    return [an_order(item, buyer, quantity=quantity).intent for buyer in buyers]


def flights_at_noon(database: Database) -> PlacingFlights:
    return PlacingFlights(database, clock=lambda: NOON)


async def place_all(
    database: Database, intents: list[Intent]
) -> list[StandingOrder | BaseException]:
    flights = flights_at_noon(database)
    return await asyncio.gather(*map(flights.place, intents), return_exceptions=True)


def reason_of(answer: StandingOrder | BaseException) -> RejectReason:
    assert isinstance(answer, PlacingRefused)
    return answer.reason
