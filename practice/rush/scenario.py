"""A whole rush, from the sale that is created for it to the audit that proves it."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from rich.console import Console

from domain.audit import Check
from domain.sale import Admission, ItemRef
from practice.rush.buyers import Buyer, draw_buyers, intentions
from practice.rush.context import RushContext
from practice.rush.crowd import Crowd
from practice.rush.expectations import judge
from practice.rush.http import Answer, HttpClient
from practice.rush.lots import verify_draw
from practice.rush.notes import Notes
from practice.rush.order_lists import OrderLists
from practice.rush.plan import NoRush, RushPlan, StackAddress
from practice.rush.progress import Progress
from practice.rush.provider import CHAOS, ProviderClient
from practice.rush.report import RushReport, report_of
from practice.rush.retries import Retries
from practice.rush.room_crowd import GATHER_SECONDS, RoomCrowd
from practice.rush.room_expectations import judge_room
from practice.rush.shop import SKU_ID, ShopClient, read, sale_document
from practice.rush.sse import EventSource
from practice.rush.streams import Streams
from practice.rush.views import SeenAudit, SeenSale, Token
from practice.rush.winners import Winners

LEAD_SECONDS = 1.5
# Longer than any click can still be on its way, so that nobody is told ENDED by accident.
SALE_TAIL_SECONDS = 3_600
AUDIT_PAUSE_SECONDS = 1.0


async def rush(plan: RushPlan, stack: StackAddress, console: Console) -> RushReport:
    """Run the whole scenario. Raises NoRush when the stack does not let it begin."""
    notes = Notes()
    shop = HttpClient(
        stack.api_url, connections=plan.connections, timeout_seconds=plan.timeout_seconds
    )
    provider = HttpClient(
        stack.sandbox_url, connections=plan.connections, timeout_seconds=plan.timeout_seconds
    )
    tokens: dict[str, str] = {}
    source, dice = EventSource(stack.api_url), plan.dice("streams")
    streams = Streams(source, notes, tokens, plan.streams, dice)
    async with shop, provider, streams, Progress(console, notes, plan) as progress:
        context = RushContext(
            ShopClient(shop),
            ProviderClient(provider),
            notes,
            Retries(notes, plan.retry_seconds, plan.dice("patience")),
            streams,
            tokens,
        )
        return await Scenario(plan, context, progress, stack).run()


class Scenario:
    def __init__(
        self, plan: RushPlan, context: RushContext, progress: Progress, stack: StackAddress
    ) -> None:
        self._plan = plan
        self._context = context
        self._progress = progress
        self._operator = stack.operator_token
        self._api_url = stack.api_url
        self._shop = context.shop
        self._provider = context.provider
        self._notes = context.notes

    async def run(self) -> RushReport:
        plan, context = self._plan, self._context
        buyers = await self._log_in()
        item, starts_at = await self._open_sale()
        winners = Winners(
            context,
            intentions(plan, plan.dice("intentions")),
            wechat=plan.wechat,
            random=plan.dice("winners"),
        )
        crowd = self._crowd(item, winners)
        async with self._disturbed_provider():
            self._progress.begin("The crowd clicks" if self._is_open else "The crowd gathers")
            await crowd.run(buyers, starts_at, plan.seconds)
            self._progress.begin("The orders come to rest")
            await winners.finish(plan.settle_seconds)
        self._progress.begin("Everybody looks at what he has")
        lists, lots = await asyncio.gather(
            OrderLists(context, winners.look, random=plan.dice("losers")).compare(),
            self._lots(item),
        )
        # What is struck may be long in telling.
        heard = await context.streams.verdict(plan.settle_seconds if plan.tolerant else 0.0)
        seen_by_crowd = (
            *judge(self._notes, plan, starts_at), lists, *self._of_room(), heard, *lots
        )  # fmt: skip
        self._progress.begin("The audit")
        audit = await self._audit()
        return report_of(
            plan,
            self._notes,
            sale_id=item.sale_id,
            seconds=self._progress.seconds,
            crowd=seen_by_crowd,
            audit=audit,
        )

    @property
    def _is_open(self) -> bool:
        return self._plan.admission is Admission.OPEN

    def _crowd(self, item: ItemRef, winners: Winners) -> Crowd | RoomCrowd:
        random, plan, context = self._plan.dice("crowd"), self._plan, self._context
        if self._is_open:
            return Crowd(context, item, random=random, on_order=winners.follow)
        return RoomCrowd(context, item, plan, random=random, on_order=winners.follow)

    def _of_room(self) -> tuple[Check, ...]:
        return () if self._is_open else judge_room(self._notes, self._plan)

    async def _lots(self, item: ItemRef) -> tuple[Check, ...]:
        is_drawn = self._plan.admission is Admission.DRAW
        return (await verify_draw(item, self._api_url),) if is_drawn else ()

    @asynccontextmanager
    async def _disturbed_provider(self) -> AsyncIterator[None]:
        """Calm again afterwards, however the rush ends: others practise there too."""
        if not self._plan.chaos_payments:
            yield
            return
        await self._must("disturb the provider", lambda: self._provider.misbehave(CHAOS))
        try:
            yield
        finally:
            await self._must("calm the provider", lambda: self._provider.misbehave({}))

    async def _log_in(self) -> list[Buyer]:
        self._progress.begin(f"{self._plan.buyers:,} buyers log in")
        run = f"{time.time_ns() // 1_000_000:x}"
        buyers = draw_buyers(self._plan, run, self._plan.dice("buyers"))
        if not self._operator:
            self._operator = await self._token("rush-operator", ("operator",))
        tokens = await asyncio.gather(*(self._token(buyer.user_id) for buyer in buyers))
        named = zip(buyers, tokens, strict=True)
        self._context.tokens.update({buyer.user_id: token for buyer, token in named})
        return buyers

    async def _open_sale(self) -> tuple[ItemRef, float]:
        """A published sale that starts in a moment; its start by the server's clock."""
        self._progress.begin(f"{self._plan.units:,} units go on sale")
        opens_at = datetime.now(UTC) + timedelta(seconds=LEAD_SECONDS)
        starts_at = opens_at if self._is_open else opens_at + timedelta(seconds=GATHER_SECONDS)
        room = {
            "admission": self._plan.admission,
            "room_opens_at": opens_at.isoformat(),
            "pass_window_seconds": self._plan.pass_window,
        }
        document = sale_document(
            starts_at=starts_at,
            ends_at=starts_at + timedelta(seconds=self._plan.seconds + SALE_TAIL_SECONDS),
            pay_window=self._plan.pay_window,
            price=self._plan.price,
            stock=self._plan.units,
            limit=self._plan.limit,
            room={} if self._is_open else room,
        )
        answer = await self._must(
            "create a sale", lambda: self._shop.create_sale(self._operator, document)
        )
        sale = read(SeenSale, answer)
        if sale is None:
            raise NoRush("the shop answers what no sale looks like")
        self._notes.clock_ahead = sale.server_time.timestamp() - time.time()
        await self._must("publish it", lambda: self._shop.publish(self._operator, sale.sale_id))
        return ItemRef(sale_id=sale.sale_id, sku_id=SKU_ID), starts_at.timestamp()

    async def _audit(self) -> tuple[Check, ...]:
        """After disturbances the system may still be mending itself, so a tolerant rush asks until
        all is well; any other takes the first answer."""
        give_up_at = time.monotonic() + self._plan.settle_seconds
        while True:
            answer = await self._context.retries.ask(lambda: self._shop.audit(self._operator))
            found = read(SeenAudit, answer)
            well = found is not None and all(check.ok for check in found.checks)
            if well or not self._plan.tolerant or time.monotonic() > give_up_at:
                return found.checks if found else ()
            await asyncio.sleep(AUDIT_PAUSE_SECONDS)

    async def _token(self, user_id: str, roles: tuple[str, ...] = ()) -> str:
        answer = await self._must("log in", lambda: self._shop.token(user_id, roles))
        token = read(Token, answer)
        if token is None:
            raise NoRush("the shop gives out no tokens: it needs SECKILL_DEV_LOGIN=true")
        return token.token

    async def _must(self, what: str, request: Callable[[], Awaitable[Answer]]) -> Answer:
        answer = await self._context.retries.ask(request)
        if answer is None:
            raise NoRush(f"cannot {what}: the shop does not answer")
        if not answer.ok:
            detail = answer.document().get("detail") or answer.document().get("code")
            raise NoRush(f"cannot {what}: {answer.status} {detail or ''}".rstrip())
        return answer
