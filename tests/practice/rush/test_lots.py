"""The draw of a rush is worked out again by another process."""

import pytest

from domain.sale import ItemRef
from practice.rush.lots import verify_draw
from practice.stack.ports import free_port


@pytest.mark.servers
async def test_a_draw_that_could_not_be_checked_is_not_proved() -> None:
    item = ItemRef(sale_id="S1", sku_id="phone")

    check = await verify_draw(item, f"http://127.0.0.1:{free_port()}")

    assert (check.code, check.ok) == ("R13", False)
    assert "seckill verify-draw S1 phone: not checked" in check.detail
