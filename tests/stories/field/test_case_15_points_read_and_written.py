"""A points balance written as what was read, plus or minus something, loses updates."""

import asyncio

from tests.support.field_cases import LONG, grant_points, points_of
from tests.support.quiet import rest_and_audit
from tests.support.town import POINTS_PRICE, Town

AFFORDABLE, WANTED = 3, 8


async def test_points_are_spent_once_however_many_hands_reach_for_them(town: Town) -> None:
    sales = [await town.sale(stock=1, pay_window=LONG) for _ in range(WANTED)]
    order_ids = await asyncio.gather(*(town.ordered(sale_id, "midas") for sale_id in sales))
    await asyncio.gather(
        *(grant_points(town, "midas", POINTS_PRICE) for _ in range(AFFORDABLE)),
    )
    assert await points_of(town, "midas") == POINTS_PRICE * AFFORDABLE

    answers = await asyncio.gather(
        *(town.begin(order_id, "midas", "points") for order_id in order_ids)
    )

    codes = sorted(answer.status_code for answer in answers)
    assert codes == [200] * AFFORDABLE + [409] * (WANTED - AFFORDABLE)
    assert await points_of(town, "midas") == 0
    await asyncio.gather(
        *(
            town.cancel(order_id, "midas")
            for order_id, answer in zip(order_ids, answers, strict=True)
            if answer.status_code == 409
        )
    )
    await rest_and_audit(town)
    assert await points_of(town, "midas") == 0
