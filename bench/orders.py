"""Orders per second from a click to goods handed over, beside what the same servers do at best.

Each stage is seen from outside: an order is payable when its row says so, paid when its row says
so, and the whole order is over when its workflow has ended. Payments are begun and notices told
over HTTP; only clicks go straight to the gate, as the api takes them there.
"""

import asyncio
from collections.abc import Sequence

from bench.buyers import AT_ONCE, Order
from bench.figures import BenchPlan, Figure, Round, figure
from bench.instruments import Instruments
from bench.plain_ledger import BATCH
from bench.rows import Stage
from domain.payment import PaymentMethod
from domain.sale import ItemRef

ROUND_SECONDS_AT_MOST = 900.0
PLAIN_BATCHES = 20
# A code is asked of the provider, which is the practice one: it need not be asked for ever.
CODES_AT_MOST = 100

NOOP = "no-op workflow"
EMPTY = "empty FastAPI POST, same client"
PLAIN = f"Postgres: rows, {BATCH} a commit, one counter"
PLACING = "click → payable"
PAGE = "asks to pay → cashier (Alipay, page)"
CODE = "asks to pay → cashier (WeChat Pay, code)"
PAYING = "notice → paid"
# As a throw-away saga is measured: nobody has to be shown a cashier.
SAGA = "whole order, without the cashier"
WHOLE = "whole order: click → cashier → paid → ended"

# Each ceiling is its own, so that it has its row as well.
CEILINGS = {
    NOOP: NOOP,
    EMPTY: EMPTY,
    PLAIN: PLAIN,
    PLACING: PLAIN,
    PAGE: EMPTY,
    CODE: EMPTY,
    PAYING: PLAIN,
    SAGA: NOOP,
    WHOLE: NOOP,
}


class OrderBench:
    def __init__(self, instruments: Instruments, plan: BenchPlan) -> None:
        self._at = instruments
        self._plan = plan
        self._latest = ""

    async def measure(self) -> tuple[Figure, ...]:
        """Orders and their ceilings take turns, round by round."""
        await self._at.warm_up(min(AT_ONCE, self._plan.orders))
        rounds: dict[str, list[Round]] = {}
        for _ in range(self._plan.rounds):
            async with asyncio.timeout(ROUND_SECONDS_AT_MOST):
                for name, round_ in (await self._round()).items():
                    rounds.setdefault(name, []).append(round_)
        return tuple(
            figure(name, rounds[name], rounds[ceiling], against=ceiling)
            for name, ceiling in CEILINGS.items()
        )

    async def history(self) -> dict[str, int]:
        """The event types in the history of one paid order."""
        return await self._at.workflows.history(self._latest)

    async def _round(self) -> dict[str, Round]:
        count, codes = self._plan.orders, min(self._plan.orders, CODES_AT_MOST)
        at = self._at
        ceilings = {
            NOOP: await at.timed(count, lambda: at.workflows.do_nothing(count)),
            EMPTY: await at.timed(count, lambda: at.buyers.ask_nothing(count)),
            PLAIN: await at.timed(PLAIN_BATCHES * BATCH, lambda: at.plain.write(PLAIN_BATCHES)),
        }
        item = await at.open_sale(count + codes)
        whole = await self._orders(item, count)
        return ceilings | whole | {CODE: await self._codes(item, codes)}

    async def _orders(self, item: ItemRef, count: int) -> dict[str, Round]:
        at = self._at
        orders = await at.buyers.come(item, count)
        placed = await at.timed(count, lambda: at.place_these(item, orders))
        payments: list[str] = []

        async def begin() -> None:
            payments.extend(await at.buyers.begin_all(orders))

        begun = await at.timed(count, begin)
        notices = [at.buyers.notice(payment) for payment in payments]
        # Behind these is the one with which the sale was opened.
        paid = await at.timed(count, lambda: self._pay(item, notices, 1 + count))
        ended = await at.timed(count, lambda: at.ended(item, 1 + count))
        self._latest = orders[-1].order_id
        return {
            PLACING: placed,
            PAGE: begun,
            PAYING: paid,
            SAGA: one_after_another(placed, paid, ended),
            WHOLE: one_after_another(placed, begun, paid, ended),
        }

    async def _pay(self, item: ItemRef, notices: Sequence[bytes], paid: int) -> None:
        """Returns when so many orders of the item are paid."""
        await self._at.buyers.tell_all(notices)
        await self._at.rows.until(item.sale_id, Stage.PAID, paid)

    async def _codes(self, item: ItemRef, count: int) -> Round:
        orders: list[Order] = await self._at.place(item, count)
        payments: list[str] = []

        async def begin() -> None:
            payments.extend(await self._at.buyers.begin_all(orders, PaymentMethod.WECHATPAY))

        begun = await self._at.timed(count, begin)
        fulfilled = await self._at.rows.count(item.sale_id, Stage.FULFILLED)
        await self._at.buyers.pay_at_provider(payments)
        await self._at.ended(item, fulfilled + count)
        return begun


def one_after_another(*rounds: Round) -> Round:
    """All of them as one: every order went through the first before any began the second."""
    seconds = [1 / one.per_second for one in rounds]
    shares = [one / sum(seconds) for one in seconds]
    cpu = {
        name: sum(share * one.cpu[name] for share, one in zip(shares, rounds, strict=True))
        for name in rounds[0].cpu
    }
    return Round(per_second=1 / sum(seconds), cpu=cpu)
