"""Whatever strangers, other merchants or a broken wire send to the webhooks moves nothing."""

import hashlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import pytest
from sqlalchemy import text

from domain.notice import Verdict
from infra.postgres.notices import Notices
from tests.support.forged_notices import (
    ALIPAY_NAMES,
    WECHATPAY_NAMES,
    AlipaySide,
    Forgery,
    WechatPaySide,
    alipay_forgery,
    wechatpay_forgery,
)
from tests.support.idle import audit_when_idle
from tests.support.whole_system import PRICE, WholeSystem

FEWEST = 40
# These are understood and harmless: sending them again would tell us nothing new.
TAKEN = (Verdict.ACCEPTED, Verdict.NOT_PAID)
# Refused at the door, before anybody reads who it is from.
TOO_BIG = "a huge body"
# Authentic, and of a payment that only the inbox can know to be none of ours.
OF_NO_PAYMENT_OF_OURS = "a refund still in work"
# Empty like another that came before it: the inbox has these bytes already, as that one.
SEEN_BEFORE = "an empty body, signed"


@dataclass(frozen=True)
class Waiting:
    """An order whose payment at `method` was begun and not paid, as number `payment_id`."""

    system: WholeSystem
    sale_id: str
    order_id: str
    method: str
    payment_id: str

    async def send(self, forgery: Forgery) -> tuple[int, str]:
        answer = await self.system.api.post(
            f"/v1/webhooks/{self.method}", content=forgery.body, headers=forgery.headers
        )
        return answer.status_code, answer.text

    async def kept_as(self, forgery: Forgery) -> Verdict | None:
        name = hashlib.sha256(self.method.encode() + b"\0" + forgery.body).hexdigest()
        async with self.system.database.transaction() as connection:
            kept = await Notices(connection).get(name)
        return kept.verdict if kept else None

    async def moved(self) -> dict[str, object]:
        """Everything that a notice could have moved."""
        counts = {}
        async with self.system.database.transaction() as connection:
            for table in ("payment_flows", "refunds", "deliveries", "entitlements"):
                query = text(f"SELECT count(*) FROM {table} WHERE order_id = :it")  # noqa: S608
                found = await connection.execute(query, {"it": self.order_id})
                counts[table] = found.scalar_one()
        view = await self.system.order(self.order_id)
        payments = [(payment["status"], payment["trade_no"]) for payment in view["payments"]]
        stock = await self.system.stock(self.sale_id)
        return counts | stock | {"status": view["status"], "payments": payments}


UNMOVED = {
    "payment_flows": 0, "refunds": 0, "deliveries": 0, "entitlements": 0,
    "available": 1, "held": 1, "sold": 0,
    "status": "pending_payment", "payments": [("created", None)],
}  # fmt: skip


@pytest.fixture(params=["alipay", "wechatpay"])
async def waiting(request: pytest.FixtureRequest, system: WholeSystem) -> AsyncIterator[Waiting]:
    method: str = request.param
    sale_id = await system.sale(stock=2, pay_window=300)
    order_id = await system.ordered(sale_id, "ada")
    payment = (await system.begin(order_id, "ada", method, "qr")).json()
    yield Waiting(system, sale_id, order_id, method, payment["out_trade_no"])
    await system.cancel(order_id, "ada")


@dataclass(frozen=True)
class Outcome:
    """What became of a forgery: how it was answered, and as what it was kept."""

    status_code: int
    answer: str
    verdict: Verdict | None


@pytest.mark.timeout(120)
async def test_no_forged_notice_moves_anything_and_each_is_kept(
    waiting: Waiting, monkeypatch: pytest.MonkeyPatch
) -> None:
    # More come here in a minute than are kept of a flood.
    monkeypatch.setattr("infra.postgres.refused_notices.KEPT_PER_MINUTE", 1000)
    outcomes: dict[str, Outcome] = {}
    expected: dict[str, Outcome] = {}
    for forgery in _forgeries(waiting):
        status_code, answer = await waiting.send(forgery)
        outcomes[forgery.name] = Outcome(status_code, answer, await waiting.kept_as(forgery))
        expected[forgery.name] = _expected(waiting.method, forgery, answer)

    assert len(outcomes) >= FEWEST
    assert outcomes == expected
    assert await waiting.moved() == UNMOVED
    await waiting.system.cancel(waiting.order_id, "ada")
    await audit_when_idle(waiting.system)
    async with waiting.system.database.transaction() as connection:
        assert (await connection.execute(text("SELECT count(*) FROM refunds"))).scalar_one() == 0


def _forgeries(waiting: Waiting) -> Iterator[Forgery]:
    """Each made when it is asked for: one that is five minutes and a moment ahead of its time
    would be fresh a moment later."""
    alipay = AlipaySide.of_folder(waiting.system.keys)
    wechatpay = WechatPaySide.of_folder(waiting.system.keys)
    for name in ALIPAY_NAMES if waiting.method == "alipay" else WECHATPAY_NAMES:
        if waiting.method == "alipay":
            forgery = alipay_forgery(name, alipay, alipay.paid(waiting.payment_id, "88.00"))
        else:
            forgery = wechatpay_forgery(name, wechatpay, wechatpay.paid(waiting.payment_id, PRICE))
        if forgery.sendable:
            yield forgery


def _expected(method: str, forgery: Forgery, answer: str) -> Outcome:
    if forgery.name == TOO_BIG:
        return Outcome(413, answer, None)
    verdict = Verdict.UNKNOWN_PAYMENT if forgery.name == OF_NO_PAYMENT_OF_OURS else forgery.expected
    kept = Verdict.BAD_SIGNATURE if forgery.name == SEEN_BEFORE else verdict
    taken = verdict in TAKEN
    if method == "alipay":
        return Outcome(200, "success", kept) if taken else Outcome(400, "fail", kept)
    refusal = f'{{"code":"FAIL","message":"{verdict}"}}'
    return Outcome(204, "", kept) if taken else Outcome(400, refusal, kept)


async def test_after_all_forgeries_the_honest_notice_still_pays(waiting: Waiting) -> None:
    system = waiting.system
    for forgery, _ in zip(_forgeries(waiting), range(5), strict=False):
        await waiting.send(forgery)

    (await system.provider.post(f"/trades/{waiting.payment_id}/pay")).raise_for_status()

    view = await system.until_status(waiting.order_id, "fulfilled")
    assert view["payment"]["amount"] == PRICE
