"""Items whose sale is over, and the round that retires them."""

from datetime import UTC, datetime, timedelta

from redis.asyncio import Redis
from sqlalchemy import text
from temporalio.testing import ActivityEnvironment

from activities.retirement import Retired, RetireItems, RetirementActivities
from domain.states import SaleStatus
from tests.support.shop import Shop


async def over(shop: Shop, *, status: SaleStatus = SaleStatus.SETTLED) -> None:
    """Its window was over an hour ago, for Postgres and for the gate."""
    async with shop.database.transaction() as connection:
        version = await connection.scalar(
            text(
                "UPDATE sales SET starts_at = '2020-01-01', ends_at = now() - interval '1 h',"
                " status = :status RETURNING version"
            ),
            {"status": status},
        )
    an_hour_ago = datetime.now(UTC) - timedelta(hours=1)
    changes = {"ends_at": an_hour_ago, "status": status, "version": version}
    shop.sale = shop.sale.model_copy(update=changes)
    await shop.gate.preheat(shop.sale.terms_of(shop.item), 0)


async def retire(shop: Shop, *, ended_before: timedelta = timedelta()) -> Retired:
    command = RetireItems(ended_before=datetime.now(UTC) - ended_before)
    activities = RetirementActivities(shop.database, shop.gate)
    return await ActivityEnvironment().run(activities.retire_items, command)


async def keys_of_items(redis: Redis) -> list[str]:
    return sorted([str(key) async for key in redis.scan_iter("seckill:*{*")])
