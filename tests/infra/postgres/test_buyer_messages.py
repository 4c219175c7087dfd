import asyncio

from domain.buyer_message import BuyerMessage, MessageTopic
from infra.postgres.buyer_messages import BuyerMessages
from infra.postgres.engine import Database
from tests.support.values import PRICE, an_item, an_order

ITEM = an_item()
ORDER = an_order(ITEM)
PAID = BuyerMessage(
    order_id=ORDER.order_id,
    topic=MessageTopic.ORDER_PAID,
    user_id=ORDER.user_id,
    sale_id=ITEM.sale_id,
    sku_id=ITEM.sku_id,
    title=ITEM.title,
    quantity=1,
    amount=PRICE,
    currency=ITEM.currency,
)


async def _keep(database: Database, message: BuyerMessage) -> bool:
    async with database.driver() as driver:
        return await BuyerMessages(driver).keep(message)


async def test_a_message_is_kept_once_and_stays_as_it_is(database: Database) -> None:
    assert await _keep(database, PAID) is True
    assert await _keep(database, PAID.model_copy(update={"title": "another"})) is False
    async with database.driver() as driver:
        [kept] = await driver.fetch("SELECT topic, user_id, body FROM messages")
    assert (kept["topic"], kept["user_id"]) == ("order_paid", "ada")
    assert BuyerMessage.model_validate(kept["body"]) == PAID


async def test_kept_by_many_at_once_it_stands_once(database: Database) -> None:
    kept = await asyncio.gather(*(_keep(database, PAID) for _ in range(6)))

    assert kept.count(True) == 1


async def test_what_may_happen_again_has_a_message_each_time(database: Database) -> None:
    back = [
        PAID.model_copy(update={"topic": MessageTopic.MONEY_BACK, "number": number})
        for number in (1, 2)
    ]

    assert [await _keep(database, message) for message in [PAID, *back]] == [True] * 3
