"""A circuit breaker around a gateway: a provider that does not answer is left alone a while."""

from collections.abc import Awaitable, Callable
from datetime import date
from typing import TypeVar

from purgatory import AsyncCircuitBreakerFactory
from purgatory.domain.model import OpenedState

from domain.bill import Bill
from domain.gateway_errors import (
    AlreadyClosed,
    AlreadyPaid,
    BillNotReady,
    BuyerIsPaying,
    Declined,
    TradeNotFound,
    TryLater,
    UnreadableAnswer,
)
from domain.notice import VerifiedNotice
from domain.payment import (
    Charge,
    ClosedTrade,
    QrAction,
    RedirectAction,
    Trade,
    is_signed_link,
)
from domain.refund import RefundAnswer, RefundInstruction
from infra.gateways.protocol import Gateway, RawNotice

FAILURES_IN_A_ROW = 5
RETRY_AFTER_SECONDS = 15.0
# A provider that says them is there. One trade nobody can read must not cost others their turn.
_GOOD_ANSWERS = (
    Declined,
    TradeNotFound,
    AlreadyPaid,
    AlreadyClosed,
    BillNotReady,
    BuyerIsPaying,
    UnreadableAnswer,
)

Answer = TypeVar("Answer")


class BreakerGateway:
    """The same gateway; after some TryLaters in a row every call raises TryLater at once. After
    `retry_after_seconds` calls go through again, and the first answer decides."""

    def __init__(
        self,
        gateway: Gateway,
        *,
        failures: int = FAILURES_IN_A_ROW,
        retry_after_seconds: float = RETRY_AFTER_SECONDS,
    ) -> None:
        self._gateway = gateway
        self.method = gateway.method
        self._breakers = AsyncCircuitBreakerFactory(
            default_threshold=failures,
            default_ttl=retry_after_seconds,
            exclude=[*_GOOD_ANSWERS],
        )

    async def create(self, charge: Charge) -> RedirectAction | QrAction | None:
        # Signing a link says nothing of whether the provider answers.
        if is_signed_link(self.method, charge.scene):
            return await self._gateway.create(charge)
        return await self._guarded(lambda: self._gateway.create(charge))

    async def query(self, payment_id: str) -> Trade:
        return await self._guarded(lambda: self._gateway.query(payment_id))

    async def close(self, payment_id: str) -> ClosedTrade:
        return await self._guarded(lambda: self._gateway.close(payment_id))

    async def refund(self, instruction: RefundInstruction) -> RefundAnswer:
        return await self._guarded(lambda: self._gateway.refund(instruction))

    async def query_refund(self, instruction: RefundInstruction) -> RefundAnswer:
        return await self._guarded(lambda: self._gateway.query_refund(instruction))

    async def verify_notice(self, raw: RawNotice) -> VerifiedNotice:
        return await self._gateway.verify_notice(raw)

    async def download_bill(self, day: date) -> Bill:
        return await self._guarded(lambda: self._gateway.download_bill(day))

    async def aclose(self) -> None:
        await self._gateway.aclose()

    async def _guarded(self, call: Callable[[], Awaitable[Answer]]) -> Answer:
        breaker = await self._breakers.get_breaker(self.method.value)
        try:
            async with breaker:
                return await call()
        except OpenedState as opened:
            # The library raises one object again and again, which would collect tracebacks.
            opened.__traceback__ = None
            raise TryLater(f"{self.method.value} is not answering") from None
