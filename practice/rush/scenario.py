"""A whole rush, from the sale that is created for it to the audit that proves it."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from random import Random

from rich.console import Console

from domain.audit import Check
from practice.rush.buyers import Buyer, draw_buyers, intentions
from practice.rush.crowd import Crowd
from practice.rush.expectations import judge
from practice.rush.http import Answer, HttpClient
from practice.rush.ledger import Ledger
from practice.rush.look_back import LookBack
from practice.rush.patience import Patience
from practice.rush.plan import NoRush, RushPlan, StackAddress
from practice.rush.progress import Progress
from practice.rush.report import RushReport, report_of
from practice.rush.shop import CHAOS, Cashier, Shop, Wares, read, sale_document
from practice.rush.views import SeenAudit, SeenSale, Token
from practice.rush.winners import Winners

LEAD_SECONDS = 1.5
# Longer than any click can still be on its way, so that nobody is told ENDED by accident.
SALE_TAIL_SECONDS = 3_600
AUDIT_PAUSE_SECONDS = 1.0


async def rush(plan: RushPlan, stack: StackAddress, console: Console) -> RushReport:
    """Run the whole story. Raises NoRush when the stack does not let it begin."""
    ledger = Ledger()
    client = HttpClient(
        stack.api_url, connections=plan.connections, timeout_seconds=plan.timeout_seconds
    )
    till = HttpClient(
        stack.sandbox_url, connections=plan.connections, timeout_seconds=plan.timeout_seconds
    )
    async with client, till, Progress(console, ledger, plan) as progress:
        stage = _Stage(plan, stack, Shop(client), Cashier(till), ledger, progress)
        return await stage.play()


class _Stage:
    def __init__(
        self,
        plan: RushPlan,
        stack: StackAddress,
        shop: Shop,
        cashier: Cashier,
        ledger: Ledger,
        progress: Progress,
    ) -> None:
        self._plan = plan
        self._operator = stack.operator_token
        self._shop = shop
        self._cashier = cashier
        self._ledger = ledger
        self._progress = progress
        self._patience = Patience(ledger, plan.patience_seconds, self._dice("patience"))
        self._tokens: dict[str, str] = {}

    async def play(self) -> RushReport:
        buyers = await self._invite()
        wares, starts_at = await self._open_sale()
        winners = self._winners()
        async with self._disturbed_provider():
            await self._let_loose(buyers, wares, starts_at, winners)
            self._progress.begin("The orders come to rest")
            await winners.finish(self._plan.settle_seconds)
        self._progress.begin("Everybody looks at what he has")
        lists = await self._look_back(winners)
        crowd = (*judge(self._ledger, self._plan, starts_at), lists)
        self._progress.begin("The audit")
        audit = await self._audit()
        return report_of(
            self._plan,
            self._ledger,
            sale_id=wares.sale_id,
            seconds=self._progress.seconds,
            crowd=crowd,
            audit=audit,
        )

    @asynccontextmanager
    async def _disturbed_provider(self) -> AsyncIterator[None]:
        """Calm again afterwards, however the rush ends: others practise there too."""
        if not self._plan.chaos_payments:
            yield
            return
        await self._must("disturb the provider", lambda: self._cashier.misbehave(CHAOS))
        try:
            yield
        finally:
            await self._must("calm the provider", lambda: self._cashier.misbehave({}))

    async def _invite(self) -> list[Buyer]:
        self._progress.begin(f"{self._plan.buyers:,} buyers log in")
        run = f"{time.time_ns() // 1_000_000:x}"
        buyers = draw_buyers(self._plan, run, self._dice("buyers"))
        if not self._operator:
            self._operator = await self._token("rush-operator", ("operator",))
        tokens = await asyncio.gather(*(self._token(buyer.user_id) for buyer in buyers))
        self._tokens = {buyer.user_id: token for buyer, token in zip(buyers, tokens, strict=True)}
        return buyers

    async def _open_sale(self) -> tuple[Wares, float]:
        """A published sale that starts in a moment; its start by the server's clock."""
        self._progress.begin(f"{self._plan.units:,} units go on sale")
        starts_at = datetime.now(UTC) + timedelta(seconds=LEAD_SECONDS)
        document = sale_document(
            starts_at=starts_at,
            ends_at=starts_at + timedelta(seconds=self._plan.seconds + SALE_TAIL_SECONDS),
            pay_window=self._plan.pay_window,
            price=self._plan.price,
            stock=self._plan.units,
            limit=self._plan.limit,
        )
        answer = await self._must(
            "create a sale", lambda: self._shop.create_sale(self._operator, document)
        )
        sale = read(SeenSale, answer)
        if sale is None:
            raise NoRush("the shop answers what no sale looks like")
        self._ledger.clock_ahead = sale.server_time.timestamp() - time.time()
        await self._must("publish it", lambda: self._shop.publish(self._operator, sale.sale_id))
        return Wares(sale.sale_id, "phone"), starts_at.timestamp()

    async def _let_loose(
        self, buyers: list[Buyer], wares: Wares, starts_at: float, winners: Winners
    ) -> None:
        self._progress.begin("The crowd clicks")
        crowd = Crowd(
            self._shop,
            wares,
            self._tokens,
            ledger=self._ledger,
            patience=self._patience,
            random=self._dice("crowd"),
            on_order=winners.welcome,
        )
        await crowd.run(buyers, starts_at, self._plan.seconds)

    def _winners(self) -> Winners:
        return Winners(
            self._shop,
            self._cashier,
            self._tokens,
            intentions(self._plan, self._dice("intentions")),
            wechat=self._plan.wechat,
            ledger=self._ledger,
            patience=self._patience,
            random=self._dice("winners"),
        )

    async def _look_back(self, winners: Winners) -> Check:
        look_back = LookBack(
            self._shop,
            self._tokens,
            winners.look,
            ledger=self._ledger,
            patience=self._patience,
            random=self._dice("losers"),
        )
        return await look_back.look()

    async def _audit(self) -> tuple[Check, ...]:
        """After disturbances the system may still be mending itself, so a tolerant rush asks until
        all is well; any other takes the first answer."""
        give_up_at = time.monotonic() + self._plan.settle_seconds
        while True:
            answer = await self._patience.ask(lambda: self._shop.audit(self._operator))
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
        answer = await self._patience.ask(request)
        if answer is None:
            raise NoRush(f"cannot {what}: the shop does not answer")
        if not answer.ok:
            detail = answer.document().get("detail") or answer.document().get("code")
            raise NoRush(f"cannot {what}: {answer.status} {detail or ''}".rstrip())
        return answer

    def _dice(self, what: str) -> Random:
        """Each part draws from its own dice, so that one more draw here changes nothing there."""
        return Random(f"{self._plan.seed}:{what}")
