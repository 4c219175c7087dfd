import re

from domain.actors import SYSTEM
from domain.notice import NoticeKind, Verdict
from domain.order import EventKind, RejectReason
from domain.payment import FlowKind, PaymentMethod
from domain.states import DeliveryStatus, OrderStatus, PaymentStatus, SaleStatus
from domain.stock import MovementKind
from infra.postgres.engine import Database
from infra.postgres.flights.queries import planned_anew, query

NAMES = ("place", "stand", "settle", "settled", "lock", "end")


def test_the_queries_say_nothing_but_words_of_the_domain() -> None:
    kinds = (OrderStatus, PaymentStatus, DeliveryStatus, SaleStatus, EventKind, MovementKind)
    words = {str(word) for kind in kinds for word in kind}
    words |= {str(word) for kind in (FlowKind, NoticeKind, Verdict) for word in kind}
    words |= {RejectReason.SOLD_OUT, RejectReason.LIMIT_REACHED, SYSTEM, PaymentMethod.POINTS}
    said = {word for name in NAMES for word in re.findall(r"'([a-z_]+)'", query(name))}

    assert said <= words


async def test_no_plan_is_kept_for_tables_that_have_grown(database: Database) -> None:
    asked = "SELECT count(*) FROM unnest($1::text[]) AS one(order_id) JOIN orders USING (order_id)"
    async with database.driver() as driver:
        for size in range(12):
            async with planned_anew(driver):
                await driver.fetch(asked, ["nobody's"] * size)
        plans = await driver.fetchrow(
            "SELECT generic_plans, custom_plans FROM pg_prepared_statements WHERE statement = $1",
            asked,
        )
        assert plans is not None
        assert tuple(plans) == (0, 12)
        assert await driver.fetchval("SHOW plan_cache_mode") == "auto"
