"""What buyers do, and what their payment provider does for them: over HTTP, but for clicks that
come by the thousand.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import AsyncExitStack
from typing import Any, NamedTuple, Self
from urllib.parse import quote

from bench import empty_post, notices
from bench.notices import NoticeMaker
from bench.stack import PRICE_FEN, BenchStack
from domain.ids import new_order_id
from domain.payment import PaymentMethod
from domain.reservation import GateVerdict, ReserveRequest
from domain.sale import ItemRef
from infra.redis.client import connect_redis
from infra.redis.stock_gate import StockGate
from infra.settings import Settings
from practice.rush.http import Answer, HttpClient
from practice.rush.shop import ShopClient
from practice.stack.stack_file import issue_token

AT_ONCE = 64
HTTP_SECONDS = 30.0
# Who is told to come back does so, and it counts as waiting.
ASK_AGAIN_SECONDS = 0.1
ASKING_SECONDS_AT_MOST = 180.0


class Order(NamedTuple):
    """`token`: its buyer's."""

    order_id: str
    token: str


class UnexpectedAnswer(Exception):
    """A server said what it should not have said."""


class Buyers:
    def __init__(
        self, stack: BenchStack, gate: StockGate, shop: HttpClient, provider: HttpClient,
        empty: HttpClient, maker: NoticeMaker,
    ) -> None:  # fmt: skip
        self._stack = stack
        self._gate = gate
        self._http = shop
        self._shop = ShopClient(shop)
        self._provider = provider
        self._empty = empty
        self._maker = maker

    @classmethod
    async def open_(cls, stack: BenchStack, closing: AsyncExitStack) -> Self:
        addresses = stack.stack_file
        if addresses.sandbox_url is None or addresses.sandbox_keys_dir is None:
            raise LookupError("a bench needs the practice provider")
        redis = connect_redis(Settings(redis_url=addresses.redis_url))
        closing.push_async_callback(redis.aclose)
        shop, provider, empty = [
            await closing.enter_async_context(
                HttpClient(url, connections=AT_ONCE, timeout_seconds=HTTP_SECONDS)
            )
            for url in (addresses.api_url, addresses.sandbox_url, stack.empty.address)
        ]
        maker = NoticeMaker(addresses.sandbox_keys_dir)
        return cls(stack, StockGate(redis), shop, provider, empty, maker)

    async def come(self, item: ItemRef, count: int) -> list[Order]:
        """Buyers with their tokens and the ids their orders will have; nobody has clicked yet."""
        terms = await self._gate.terms(item)
        if terms is None:
            raise LookupError(f"the gate does not know {item}")
        ids = [new_order_id(terms.item_number, time.time_ns() // 1_000_000) for _ in range(count)]
        return [Order(order_id, self.token(_buyer(order_id))) for order_id in ids]

    async def click(self, item: ItemRef, orders: Iterable[Order]) -> None:
        """All at once, at the gate as the api does it; returns when all are accepted. A client for
        so many POSTs would take the processors from what it waits for."""
        clicks = (
            ReserveRequest(
                item=item, order_id=order_id, user_id=_buyer(order_id), quantity=1, announce=True
            )
            for order_id, _ in orders
        )
        for answer in await asyncio.gather(*map(self._gate.reserve, clicks)):
            if answer.verdict is not GateVerdict.RESERVED:
                raise UnexpectedAnswer(f"the gate said {answer.verdict} to a click")

    async def post_click(self, item: ItemRef, user_id: str, token: str) -> Order:
        answer = await patiently(lambda: self._shop.place_order(item, token, user_id))
        return Order(answer.document()["order_id"], token)

    async def begin(self, order: Order, method: PaymentMethod = PaymentMethod.ALIPAY) -> str:
        """Returns the payment's id when the buyer has been answered where to pay."""
        answer = await patiently(
            lambda: self._shop.begin_payment(order.order_id, order.token, method)
        )
        return str(answer.document()["payment_id"])

    async def begin_all(
        self, orders: Sequence[Order], method: PaymentMethod = PaymentMethod.ALIPAY
    ) -> list[str]:
        return await at_once(lambda order: self.begin(order, method), orders)

    def notice(self, payment_id: str) -> bytes:
        """Alipay's word that the whole price of one was paid."""
        return self._maker.paid(payment_id, PRICE_FEN)

    async def tell(self, notice: bytes) -> None:
        """Post a notice until it is acknowledged."""
        answer = await patiently(
            lambda: self._http.request("POST", notices.PATH, body=notice, headers=notices.HEADERS)
        )
        if answer.body != notices.ACKNOWLEDGED:
            raise UnexpectedAnswer(f"to a notice: {answer.status} {answer.body[:200]!r}")

    async def tell_all(self, of_all: Sequence[bytes]) -> None:
        await at_once(self.tell, of_all)

    async def pay_at_provider(self, payment_ids: Sequence[str]) -> None:
        """Where the provider knows the payment, and will tell of it by itself."""

        async def pay(payment_id: str) -> Answer:
            path = f"/trades/{quote(payment_id)}/pay"
            return await self._provider.request("POST", path, body={"url": None})

        await at_once(lambda payment_id: patiently(lambda: pay(payment_id)), payment_ids)

    async def ask_nothing(self, count: int) -> None:
        """POSTs to the application that does nothing, by the client that does the others."""

        async def one(_: int) -> None:
            await self._empty.request("POST", empty_post.PATH, body={"quantity": 1})

        await at_once(one, range(count))

    def token(self, user_id: str) -> str:
        secret, issuer = self._stack.jwt_secret, self._stack.jwt_issuer
        return issue_token(secret, user_id, [], issuer=issuer, seconds=3 * 3600)


async def at_once(work: Callable[[Any], Awaitable[Any]], jobs: Iterable[Any]) -> list[Any]:
    """Each job's result, AT_ONCE of them under way at a time."""
    free = asyncio.Semaphore(AT_ONCE)

    async def one(job: Any) -> Any:
        async with free:
            return await work(job)

    return await asyncio.gather(*(one(job) for job in jobs))


async def patiently(ask: Callable[[], Awaitable[Answer]]) -> Answer:
    """Raises UnexpectedAnswer when there is no good one for three minutes."""
    until = time.monotonic() + ASKING_SECONDS_AT_MOST
    while not (answer := await ask()).ok:
        if time.monotonic() > until:
            raise UnexpectedAnswer(f"{answer.status} {answer.body[:200]!r}")
        await asyncio.sleep(ASK_AGAIN_SECONDS)
    return answer


def _buyer(order_id: str) -> str:
    return f"bench-{order_id}"
