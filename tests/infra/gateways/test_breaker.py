import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from datetime import UTC, date, datetime

import pytest

from domain.bill import Bill
from domain.gateway_errors import (
    AlreadyClosed,
    AlreadyPaid,
    BillNotReady,
    BuyerIsPaying,
    Declined,
    GatewayError,
    TradeNotFound,
    TryLater,
    UnreadableAnswer,
)
from domain.notice import NoticeKind, Verdict, VerifiedNotice
from domain.payment import (
    Charge,
    ClosedTrade,
    PaymentMethod,
    PaymentScene,
    RedirectAction,
    Trade,
    TradeState,
)
from domain.refund import RefundAnswer, RefundInstruction, RefundState
from infra.gateways.breaker import BreakerGateway
from infra.gateways.protocol import RawNotice

INSTRUCTION = RefundInstruction(
    refund_id="R", payment_id="P", trade_no="T", amount=1, paid_amount=1, currency="CNY", reason=""
)
BUSINESS_ANSWERS = [
    Declined,
    TradeNotFound,
    AlreadyPaid,
    AlreadyClosed,
    BillNotReady,
    BuyerIsPaying,
    UnreadableAnswer,
]


class ScriptedGateway:
    """Raises what `troubles` holds next, counts every call that reaches it."""

    def __init__(self, method: PaymentMethod) -> None:
        self.method = method
        self.troubles: deque[type[BaseException]] = deque()
        self.calls = 0

    async def create(self, charge: Charge) -> RedirectAction:
        self._answer()
        return RedirectAction(url="https://x")

    async def query(self, payment_id: str) -> Trade:
        self._answer()
        return Trade(state=TradeState.WAITING)

    async def close(self, payment_id: str) -> ClosedTrade:
        self._answer()
        return ClosedTrade()

    async def refund(self, order: RefundInstruction) -> RefundAnswer:
        self._answer()
        return RefundAnswer(state=RefundState.DONE)

    async def query_refund(self, order: RefundInstruction) -> RefundAnswer:
        self._answer()
        return RefundAnswer(state=RefundState.DONE)

    async def verify_notice(self, raw: RawNotice) -> VerifiedNotice:
        return VerifiedNotice(
            provider_notice_id="1", kind=NoticeKind.OTHER, verdict=Verdict.NOT_PAID
        )

    async def download_bill(self, day: date) -> Bill:
        self._answer()
        return Bill()

    async def aclose(self) -> None: ...

    def _answer(self) -> None:
        self.calls += 1
        if self.troubles:
            raise self.troubles.popleft()("trouble")


def charge(scene: PaymentScene) -> Charge:
    return Charge(
        payment_id="P",
        amount=1,
        currency="CNY",
        subject="S",
        expires_at=datetime(2026, 11, 21, tzinfo=UTC),
        scene=scene,
    )


@pytest.fixture
def provider() -> ScriptedGateway:
    return ScriptedGateway(PaymentMethod.ALIPAY)


@pytest.fixture
def gateway(provider: ScriptedGateway) -> BreakerGateway:
    return BreakerGateway(provider, failures=3, retry_after_seconds=60)


async def fail(
    gateway: BreakerGateway, provider: ScriptedGateway, *errors: type[Exception]
) -> None:
    provider.troubles.extend(errors)
    for error in errors:
        with pytest.raises(error):
            await gateway.query("P")


async def test_after_some_failures_in_a_row_every_call_is_refused_at_once(
    gateway: BreakerGateway, provider: ScriptedGateway
) -> None:
    await fail(gateway, provider, TryLater, TryLater, TryLater)
    calls: list[Callable[[], object]] = [
        lambda: gateway.query("P"),
        lambda: gateway.close("P"),
        lambda: gateway.refund(INSTRUCTION),
        lambda: gateway.query_refund(INSTRUCTION),
        lambda: gateway.create(charge(PaymentScene.QR)),
        lambda: gateway.download_bill(date(2026, 11, 20)),
    ]
    for call in calls:
        with pytest.raises(TryLater, match="alipay is not answering"):
            await call()  # type: ignore[misc]
    assert provider.calls == 3


async def test_notices_are_verified_while_calls_are_refused(
    gateway: BreakerGateway, provider: ScriptedGateway
) -> None:
    await fail(gateway, provider, TryLater, TryLater, TryLater)
    notice = await gateway.verify_notice(RawNotice(b"", {}))
    assert notice.verdict is Verdict.NOT_PAID


async def test_an_alipay_page_needs_no_call_and_proves_no_health(
    gateway: BreakerGateway, provider: ScriptedGateway
) -> None:
    await fail(gateway, provider, TryLater, TryLater)
    await gateway.create(charge(PaymentScene.PAGE))
    await fail(gateway, provider, TryLater)
    assert await gateway.create(charge(PaymentScene.PAGE)) == RedirectAction(url="https://x")
    with pytest.raises(TryLater, match="not answering"):
        await gateway.query("P")


@pytest.mark.parametrize("answer", BUSINESS_ANSWERS)
async def test_a_refusal_is_an_answer_and_no_failure(
    gateway: BreakerGateway, provider: ScriptedGateway, answer: type[GatewayError]
) -> None:
    await fail(gateway, provider, *[answer] * 10)
    await fail(gateway, provider, TryLater, TryLater, answer, TryLater, TryLater)
    assert (await gateway.query("P")).state is TradeState.WAITING


async def test_one_success_forgets_the_failures_before_it(
    gateway: BreakerGateway, provider: ScriptedGateway
) -> None:
    for _ in range(3):
        await fail(gateway, provider, TryLater, TryLater)
        await gateway.query("P")
    assert provider.calls == 9


async def test_calls_given_up_while_waiting_count_as_failures(
    gateway: BreakerGateway, provider: ScriptedGateway
) -> None:
    provider.troubles.extend([asyncio.CancelledError] * 3)
    for _ in range(3):
        with pytest.raises(asyncio.CancelledError):
            await gateway.query("P")
    with pytest.raises(TryLater, match="not answering"):
        await gateway.query("P")


async def test_later_a_call_goes_through_and_decides(provider: ScriptedGateway) -> None:
    gateway = BreakerGateway(provider, failures=1, retry_after_seconds=0.02)
    await fail(gateway, provider, TryLater)
    await _until_let_through(gateway, provider)
    await gateway.query("P")
    assert provider.calls >= 3


async def test_a_failure_of_that_call_refuses_all_again(provider: ScriptedGateway) -> None:
    gateway = BreakerGateway(provider, failures=2, retry_after_seconds=1.0)
    await fail(gateway, provider, TryLater, TryLater)
    provider.troubles.append(TryLater)
    await _until_let_through(gateway, provider)
    with pytest.raises(TryLater, match="not answering"):
        await gateway.query("P")


async def test_each_provider_has_its_own_breaker(provider: ScriptedGateway) -> None:
    other = ScriptedGateway(PaymentMethod.WECHATPAY)
    broken, sound = BreakerGateway(provider, failures=1), BreakerGateway(other, failures=1)
    await fail(broken, provider, TryLater)
    assert (await sound.query("P")).state is TradeState.WAITING


async def _until_let_through(gateway: BreakerGateway, provider: ScriptedGateway) -> None:
    before = provider.calls
    async with asyncio.timeout(60):
        while provider.calls == before:
            await asyncio.sleep(0.005)
            with contextlib.suppress(TryLater):
                await gateway.query("P")
