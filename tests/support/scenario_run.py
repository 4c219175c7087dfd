"""One random scenario, played on one order of the whole system, and what its people saw."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import httpx

from domain.payment import PaymentMethod, payment_id_for
from tests.support.order_statuses import OrderStatuses
from tests.support.random_scenarios import Action, Scenario, Step
from tests.support.whole_system import OPERATOR, POINTS_PRICE, PRICE, WholeSystem, bearer

PART = PRICE // 4
PATIENCE_SECONDS = 25.0
OVER = ("cancelled", "timed_out", "rejected", "refunded")
OWNED = ("paid", "fulfilled", "refunding", "refunded")
_WAYS = {
    Action.ALIPAY_PAGE: ("alipay", "page"),
    Action.ALIPAY_QR: ("alipay", "qr"),
    Action.WECHATPAY: ("wechatpay", None),
    Action.ABANDON: ("wechatpay", None),
    Action.PAY_AFTER_THE_END: ("alipay", "page"),
}


@dataclass
class Seen:
    """What people were told. Times are those at which they asked, or were answered."""

    cancel_asked_at: float | None = None
    was_cancelled: bool = False
    paid_with_points: bool = False
    whole_refund: bool = False
    part_refund: bool = False
    paid_at: dict[str, float] = field(default_factory=dict)


@dataclass
class ScenarioRun:
    system: WholeSystem
    statuses: OrderStatuses
    sale_id: str
    user_id: str
    scenario: Scenario
    order_id: str = ""
    seen: Seen = field(default_factory=Seen)
    diary: list[str] = field(default_factory=list)
    _began: float = 0.0

    async def play(self) -> None:
        self._began = time.time()
        if not await self._order():
            return
        await self._prepare()
        await self.statuses.until(self.order_id, "pending_payment", *OVER)
        start = asyncio.get_running_loop().time()
        await asyncio.gather(*(self._do(step, start) for step in self.scenario.steps))

    async def _order(self) -> bool:
        """Clicks until there is stock; False when nobody gives any back."""
        patience = time.monotonic() + PATIENCE_SECONDS / 3
        while time.monotonic() < patience:
            answer = await self.system.click(self.sale_id, self.user_id, key=self.user_id)
            self._note("clicks", answer)
            if answer.status_code == 202:
                self.order_id = answer.json()["order_id"]
                return True
            await asyncio.sleep(0.5)
        return False

    async def _prepare(self) -> None:
        """The provider will treat this order's trades as the scenario says."""
        ways = (PaymentMethod.ALIPAY, 1), (PaymentMethod.ALIPAY, 2), (PaymentMethod.WECHATPAY, 1)
        if self.scenario.switches:
            for method, attempt in ways:
                number = payment_id_for(self.order_id, method, attempt)
                await self.system.misbehave(number, **self.scenario.switches)
        if any(step.action is Action.POINTS for step in self.scenario.steps):
            amount = POINTS_PRICE - self.scenario.poor
            grant = {"user_id": self.user_id, "amount": amount, "reason": "a gift"}
            await self.system.api.post("/v1/operator/points", json=grant, headers=OPERATOR)

    async def _do(self, step: Step, start: float) -> None:
        await asyncio.sleep(max(start + step.at - asyncio.get_running_loop().time(), 0))
        actions: dict[Action, Callable[[Step], Awaitable[None]]] = {
            Action.POINTS: self._pay_with_points,
            Action.CANCEL: self._cancel,
            Action.REFUND: self._refund,
            Action.OPERATOR_REFUND: self._operator_refund,
            Action.PARTIAL_REFUND: self._partial_refund,
            Action.EXTEND: self._extend,
            Action.RECHECK: self._recheck,
        }
        await actions.get(step.action, self._pay)(step)

    async def _pay(self, step: Step) -> None:
        payment = await self._begin(*_WAYS[step.action])
        if payment is None or step.action is Action.ABANDON:
            return
        if step.action is Action.PAY_AFTER_THE_END:
            await self.statuses.until(self.order_id, *OVER, *OWNED)
        await asyncio.sleep(step.dawdle)
        answer = await self.system.press_pay(payment)
        self._note(f"presses Pay for {payment['out_trade_no']}", answer)
        if answer.status_code == 200 and answer.json()["paid"]:
            self.seen.paid_at.setdefault(payment["out_trade_no"], time.time())

    async def _pay_with_points(self, step: Step) -> None:
        if await self._begin("points"):
            self.seen.paid_with_points = True

    async def _begin(self, method: str, scene: str | None = None) -> dict[str, Any] | None:
        answer = await self._patiently(
            f"begins to pay by {method} {scene or ''}",
            lambda: self.system.begin(self.order_id, self.user_id, method, scene),
        )
        payment: dict[str, Any] | None = answer.json() if answer.status_code == 200 else None
        return payment

    async def _patiently(
        self, what: str, ask: Callable[[], Awaitable[httpx.Response]]
    ) -> httpx.Response:
        """Asks again while the answer is to ask again."""
        patience = time.monotonic() + PATIENCE_SECONDS
        while True:
            answer = await ask()
            self._note(what, answer)
            if answer.status_code != 503 or time.monotonic() > patience:
                return answer
            await asyncio.sleep(0.2)

    async def _cancel(self, step: Step) -> None:
        self.seen.cancel_asked_at = self.seen.cancel_asked_at or time.time()
        answer = await self.system.cancel(self.order_id, self.user_id)
        self._note("cancels", answer)
        if answer.status_code == 200 and answer.json()["status"] == "cancelled":
            self.seen.was_cancelled = True

    async def _refund(self, step: Step) -> None:
        path = f"/v1/orders/{self.order_id}/refunds"
        body, headers = {"reason": "do not want it"}, bearer(self.user_id)
        self.seen.whole_refund |= await self._is_given_back(
            step, lambda: self.system.api.post(path, json=body, headers=headers)
        )

    async def _operator_refund(self, step: Step) -> None:
        self.seen.whole_refund |= await self._is_given_back(
            step, lambda: self.system.operate(self.order_id, "refund")
        )

    async def _partial_refund(self, step: Step) -> None:
        self.seen.part_refund |= await self._is_given_back(
            step, lambda: self.system.operate(self.order_id, "refund", key="a part", amount=PART)
        )

    async def _is_given_back(
        self, step: Step, ask: Callable[[], Awaitable[httpx.Response]]
    ) -> bool:
        """Asks until a refund is on record, or refused: one that was taken on may find that
        another has taken the money meanwhile."""
        if await self.statuses.until(self.order_id, *OVER, *OWNED) in OVER:
            return False
        await asyncio.sleep(step.dawdle)
        while (answer := await self._patiently(step.action, ask)).status_code == 202:
            refund_id, patience = answer.json()["refund_id"], time.monotonic() + 5
            while time.monotonic() < patience:
                refunds = (await self.system.order(self.order_id))["refunds"]
                if refund_id in [refund["refund_id"] for refund in refunds]:
                    return True
                await asyncio.sleep(0.5)
        return False

    async def _extend(self, step: Step) -> None:
        answer = await self.system.operate(self.order_id, "extend", seconds=2)
        self._note(step.action, answer)

    async def _recheck(self, step: Step) -> None:
        self._note(step.action, await self.system.operate(self.order_id, "recheck"))

    def _note(self, what: str, answer: httpx.Response) -> None:
        said = answer.json() if answer.content else {}
        brief = {k: said[k] for k in ("code", "status", "order_status", "amount") if k in said}
        at = time.time() - self._began
        self.diary.append(f"{at:6.2f} {what}: {answer.status_code} {brief}")
