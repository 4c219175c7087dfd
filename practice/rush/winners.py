"""What winners do with their orders: pay, change their mind, or let the time run out."""

import asyncio
import math
import time
from collections.abc import Callable, Iterator
from functools import partial
from random import Random

from domain.payment import PaymentMethod
from domain.states import OrderStatus
from practice.rush.buyers import Intention
from practice.rush.context import RushContext
from practice.rush.notes import Conduct, Wait, WonOrder
from practice.rush.shop import read
from practice.rush.streams import Stream
from practice.rush.views import Checkout, SeenOrder

THINK_SECONDS = (0.2, 1.5)
FIRST_LOOK, LONGEST_LOOK = 0.3, 1.2
NAP_SECONDS = 0.5


class Winners:
    """`wechat`: the share of payers who take WeChat Pay instead of Alipay."""

    def __init__(
        self,
        context: RushContext,
        intentions: Iterator[Intention],
        *,
        wechat: float,
        random: Random,
    ) -> None:
        self._shop = context.shop
        self._provider = context.provider
        self._notes = context.notes
        self._retries = context.retries
        self._tokens = context.tokens
        self._streams = context.streams
        self._intentions = intentions
        self._wechat = wechat
        self._random = random
        self._following: set[asyncio.Task[None]] = set()
        self._give_up_at = math.inf

    def follow(self, order: WonOrder) -> None:
        """Begin to follow an order, with the next intention."""
        self._following.add(asyncio.create_task(self._carry_out(order, next(self._intentions))))

    async def finish(self, seconds: float) -> None:
        """Return when all orders have come to rest, after `seconds` at the latest."""
        self._give_up_at = time.monotonic() + seconds
        try:
            await asyncio.gather(*self._following)
        finally:
            for task in self._following:
                task.cancel()

    async def _carry_out(self, order: WonOrder, intention: Intention) -> None:
        accepted = time.perf_counter()
        await self._watch(order, lambda status: status is not OrderStatus.QUEUED)
        self._notes.waits[Wait.PLACING].append(time.perf_counter() - accepted)
        if order.status is OrderStatus.PENDING_PAYMENT:
            await asyncio.sleep(self._random.uniform(*THINK_SECONDS))
            if intention in (Intention.PAY, Intention.PAY_UNHEARD):
                await self._pay(order, unheard=intention is Intention.PAY_UNHEARD)
            else:
                await self._look_at_cashier(order)
            if intention is Intention.CANCEL:
                await self._cancel(order)
        if order.conduct is not Conduct.NOTHING or await self._deadline_passes(order):
            await self._watch(order, lambda _: order.at_rest)

    async def _pay(self, order: WonOrder, *, unheard: bool) -> None:
        checkout = await self._check_out(order)
        if checkout is None or checkout.action is None:
            return
        number, url = checkout.out_trade_no, checkout.action.url
        if unheard:
            lost = await self._retries.ask(lambda: self._provider.lose_notices(number))
            order.notice_lost = bool(lost and lost.ok)
        answer = await self._retries.ask(lambda: self._provider.pay(number, url))
        if answer is None:
            order.conduct = Conduct.PERHAPS_PAID
        elif answer.ok:
            order.conduct = Conduct.PAID
            paid = time.perf_counter()
            await self._watch(order, lambda status: status is not OrderStatus.PENDING_PAYMENT)
            # A lost notice is made good at the deadline: that wait says nothing about speed.
            if not unheard and order.status is not OrderStatus.PENDING_PAYMENT:
                self._notes.waits[Wait.SETTLING].append(time.perf_counter() - paid)

    async def _look_at_cashier(self, order: WonOrder) -> None:
        """Every second one goes to the cashier and turns back there, so that there are begun
        payments which the system must close before the stock may go back."""
        if self._random.random() < 0.5:
            return
        checkout = await self._check_out(order)
        if checkout and checkout.action and checkout.action.url:
            url = checkout.action.url
            await self._retries.ask(lambda: self._provider.open(url))

    async def _check_out(self, order: WonOrder) -> Checkout | None:
        token, by_wechat = self._tokens[order.user_id], self._random.random() < self._wechat
        method = PaymentMethod.WECHATPAY if by_wechat else PaymentMethod.ALIPAY
        answer = await self._retries.ask(
            lambda: self._shop.begin_payment(order.order_id, token, method)
        )
        if answer and answer.ok:
            self._notes.waits[Wait.CHECKOUT].append(answer.seconds)
        return read(Checkout, answer)

    async def _cancel(self, order: WonOrder) -> None:
        token, began = self._tokens[order.user_id], time.perf_counter()
        order.cancel_sent_at = self._notes.now()
        answer = await self._retries.ask(lambda: self._shop.cancel(order.order_id, token))
        document = answer.document() if answer else {}
        # The order's view says so; or the refusal does, if an earlier cancel whose answer was
        # lost has done its work.
        if OrderStatus.CANCELLED in (document.get("status"), document.get("order_status")):
            order.conduct = Conduct.CANCELLED
            self._notes.waits[Wait.GIVING_UP].append(time.perf_counter() - began)
        elif answer is None or answer.ok:
            # Taken in, but not done when the answer was given: time may yet run out first.
            order.conduct = Conduct.PERHAPS_CANCELLED

    async def _deadline_passes(self, order: WonOrder) -> bool:
        """Sleep until the time to pay is over: before that there is nothing to see. False when
        that is later than anybody here waits."""
        while (left := (order.pay_deadline or 0.0) - self._notes.now()) > 0:
            if time.monotonic() + left > self._give_up_at:
                return False
            await asyncio.sleep(min(left, NAP_SECONDS))
        return True

    async def _watch(self, order: WonOrder, done: Callable[[OrderStatus], bool]) -> None:
        """Look at the order until its status is as wished, or it is time to give up; or be told,
        where its buyer follows by a stream."""
        if stream := self._streams.of(order.user_id):
            hears = partial(self._hears, stream, order, done)
            while time.monotonic() < self._give_up_at:
                if await stream.until(hears, LONGEST_LOOK):
                    break
            return
        look = FIRST_LOOK
        while not (order.seen and done(order.status)) and time.monotonic() < self._give_up_at:
            await self.look(order)
            if order.seen and done(order.status):
                return
            await asyncio.sleep(look * self._random.uniform(0.8, 1.2))
            look = min(1.5 * look, LONGEST_LOOK)

    @staticmethod
    def _hears(stream: Stream, order: WonOrder, done: Callable[[OrderStatus], bool]) -> bool:
        order.seen = stream.orders.get(order.order_id) or order.seen
        return order.seen is not None and done(order.status)

    async def look(self, order: WonOrder) -> None:
        """See the order as it is now; without an answer the last look stays."""
        token = self._tokens[order.user_id]
        answer = await self._retries.ask(lambda: self._shop.order(order.order_id, token))
        order.seen = read(SeenOrder, answer) or order.seen
