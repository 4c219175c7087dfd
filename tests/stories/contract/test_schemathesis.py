"""Whatever anybody sends, in the shape of the OpenAPI document or in another, no answer is a
failure of ours and none is one that the document does not promise."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.schemathesis_run import FEW, for_seconds, run_schemathesis
from tests.support.whole_system import OPERATOR, WholeSystem, bearer
from tests.support.whole_system_start import fresh_system

# For buyer, operator and nobody together; without it, the same few calls each time.
SECONDS = int(os.environ.get("SCHEMATHESIS_SECONDS", "0"))
# On a busy machine a worker takes long, and then a 503 is the truth and no failure of ours.
PATIENCE = 60.0
LONG = 86_400
ITEM = {
    "sku_id": "teapot",
    "title": "A teapot",
    "list_price": 12_800,
    "price": 8_800,
    "points_price": 88,
    "stock": 500,
    "per_user_limit": 500,
}
CALLERS = {"nobody": {}, "buyer": bearer("ada"), "operator": OPERATOR}


@pytest.fixture
async def system(
    redis_url: str, postgres_dsn: str, keys_dir: Path, tmp_path: Path
) -> AsyncIterator[WholeSystem]:
    # A stream must have an end before its answer can be looked at.
    short = {"SECKILL_STREAM_SECONDS": "0.2"}
    async with fresh_system(redis_url, postgres_dsn, keys_dir, tmp_path, **short) as started:
        yield started


@pytest.mark.long
@pytest.mark.timeout(SECONDS + 150)
async def test_no_failure_and_nothing_that_is_not_promised(
    system: WholeSystem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.order_updates.ACCEPT_SECONDS", PATIENCE)
    monkeypatch.setattr("api.order_updates.STARTED_SECONDS", PATIENCE)
    known = await a_shop_at_work(system)
    for name, headers in CALLERS.items():
        code, printed = await run_schemathesis(
            str(system.api.base_url).rstrip("/"),
            tmp_path,
            much=for_seconds(SECONDS // len(CALLERS)) if SECONDS else FEW,
            headers=headers,
            known=known,
        )
        assert code == 0, f"{name}:\n{printed}"
        assert "generated" in printed, f"{name} sent nothing:\n{printed}"
        print(printed)


async def a_shop_at_work(system: WholeSystem) -> dict[str, list[str | int]]:
    """Ids of what there is: a sale, orders of Ada in each state, a refund that went back."""
    sale_id = await system.sale(stock=500, pay_window=LONG, items=[ITEM])
    orders = [await system.ordered(sale_id, "ada") for _ in range(6)]
    paid, refunded, cancelled, *_waiting = orders
    for order_id in (paid, refunded):
        payment = (await system.begin(order_id, "ada", "wechatpay")).json()
        await system.press_pay(payment)
        await system.until_status(order_id, "fulfilled")
    refund = (await system.operate(refunded, "refund")).json()
    await system.until_status(refunded, "refunded")
    await system.cancel(cancelled, "ada")
    notices = await system.api.get("/v1/operator/notices", headers=OPERATOR)
    return {
        "sale_id": [sale_id],
        "sku_id": ["teapot"],
        "order_id": orders,
        "refund_id": [refund["refund_id"]],
        "notice_id": [notice["notice_id"] for notice in notices.json()["notices"]],
        "attention_id": [1, 2],
        "kind": ["entitlement", "points", "message"],
    }
