"""When all is quiet, everybody looks at what the shop has written down about him."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from random import Random

from domain.audit import Check
from practice.rush.http import Answer
from practice.rush.ledger import UNANSWERED, Ledger, OrderStory
from practice.rush.patience import Patience
from practice.rush.shop import Shop, read
from practice.rush.views import SeenOrders

# Losers have nothing to look at; so many of them make sure.
MOST_LOSERS = 1_000


class LookBack:
    def __init__(
        self,
        shop: Shop,
        tokens: Mapping[str, str],
        see: Callable[[OrderStory], Awaitable[None]],
        *,
        ledger: Ledger,
        patience: Patience,
        random: Random,
    ) -> None:
        self._shop = shop
        self._tokens = tokens
        self._see = see
        self._ledger = ledger
        self._patience = patience
        self._random = random

    async def look(self) -> Check:
        """Compare each buyer's list with what the buyer was told, then see every order once more.

        An order whose accepting answer was lost on the way is nobody's fault: its buyer finds it
        here and it counts from now on."""
        users = self._who_looks()
        lists = dict(zip(users, await asyncio.gather(*map(self._listed, users)), strict=True))
        untold, missing = [], []
        for user, listed in lists.items():
            if listed is not None:
                told = self._ledger.told[user]
                missing += sorted(told - listed)
                untold += [one for one in sorted(listed - told) if not self._found(user, one)]
        await asyncio.gather(*map(self._see, list(self._ledger.orders.values())))
        return _judged(
            len(users), sum(listed is None for listed in lists.values()), untold, missing
        )

    def _who_looks(self) -> list[str]:
        winners = set(self._ledger.told) | self._ledger.refused_buyers[UNANSWERED]
        losers = [user for user in self._tokens if user not in winners]
        return sorted(winners) + self._random.sample(losers, min(MOST_LOSERS, len(losers)))

    def _found(self, user_id: str, order_id: str) -> bool:
        if user_id not in self._ledger.refused_buyers[UNANSWERED]:
            return False
        self._ledger.accepted(user_id, order_id)
        return True

    async def _listed(self, user_id: str) -> set[str] | None:
        token, listed, cursor = self._tokens[user_id], set[str](), None
        while True:
            page = read(SeenOrders, await self._page(token, cursor))
            if page is None:
                return None
            listed |= {order.order_id for order in page.orders}
            cursor = page.next_cursor
            if not cursor:
                return listed

    async def _page(self, token: str, cursor: str | None) -> Answer | None:
        return await self._patience.ask(lambda: self._shop.orders(token, cursor))


def _judged(users: int, unseen: int, untold: list[str], missing: list[str]) -> Check:
    detail = f"{users - unseen} buyers' lists name the orders they were given"
    if untold or missing:
        detail = f"{len(untold)} orders nobody was told of, {len(missing)} are in no list"
    if unseen:
        detail += f", {unseen} could not be had"
    ok = not (untold or missing or unseen)
    return Check(code="R8", ok=ok, detail=detail, orders=(*untold, *missing))
