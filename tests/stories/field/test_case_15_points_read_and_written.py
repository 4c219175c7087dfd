"""A points balance written as what was read, plus or minus something, loses updates."""

import asyncio

from tests.support.idle import audit_when_idle
from tests.support.whole_system import POINTS_PRICE, WholeSystem
from tests.support.whole_system_steps import LONG, grant_points, points_of

AFFORDABLE, WANTED = 3, 8


async def test_points_are_spent_once_however_many_hands_reach_for_them(system: WholeSystem) -> None:
    sales = [await system.sale(stock=1, pay_window=LONG) for _ in range(WANTED)]
    order_ids = await asyncio.gather(*(system.ordered(sale_id, "midas") for sale_id in sales))
    await asyncio.gather(
        *(grant_points(system, "midas", POINTS_PRICE) for _ in range(AFFORDABLE)),
    )
    assert await points_of(system, "midas") == POINTS_PRICE * AFFORDABLE

    answers = await asyncio.gather(
        *(system.begin(order_id, "midas", "points") for order_id in order_ids)
    )

    codes = sorted(answer.status_code for answer in answers)
    assert codes == [200] * AFFORDABLE + [409] * (WANTED - AFFORDABLE)
    assert await points_of(system, "midas") == 0
    await asyncio.gather(
        *(
            system.cancel(order_id, "midas")
            for order_id, answer in zip(order_ids, answers, strict=True)
            if answer.status_code == 409
        )
    )
    await audit_when_idle(system)
    assert await points_of(system, "midas") == 0
