"""When all is quiet: does each buyer's list of orders at the shop agree with what he was told?"""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from random import Random

from domain.audit import Check
from practice.rush.context import RushContext
from practice.rush.notes import UNANSWERED, WonOrder
from practice.rush.shop import read
from practice.rush.views import SeenOrders

# Losers have nothing to look at; so many of them make sure.
MOST_LOSERS = 1_000


class OrderLists:
    def __init__(
        self,
        context: RushContext,
        look: Callable[[WonOrder], Awaitable[None]],
        *,
        random: Random,
    ) -> None:
        self._shop = context.shop
        self._notes = context.notes
        self._retries = context.retries
        self._tokens = context.tokens
        self._look = look
        self._random = random

    async def compare(self) -> Check:
        """Compare each buyer's list with what the buyer was told, then see every order once more.

        An order whose accepting answer was lost on the way is nobody's fault: its buyer finds it
        here and it counts from now on."""
        doubtful = self._notes.refused_buyers[UNANSWERED] | self._notes.unsure
        winners = set(self._notes.told) | doubtful
        losers = [user for user in self._tokens if user not in winners]
        users = sorted(winners) + self._random.sample(losers, min(MOST_LOSERS, len(losers)))
        lists = dict(zip(users, await asyncio.gather(*map(self._listed, users)), strict=True))
        untold, missing = list[str](), list[str]()
        for user, listed in lists.items():
            if listed is not None:
                told = self._notes.told[user]
                missing += sorted(told - listed)
                for order_id in sorted(listed - told):
                    if user in doubtful:
                        self._notes.accepted(user, order_id)
                    else:
                        untold.append(order_id)
        await asyncio.gather(*map(self._look, list(self._notes.orders.values())))
        unseen = sum(listed is None for listed in lists.values())
        detail = f"{len(users) - unseen} buyers' lists name the orders they were given"
        if untold or missing:
            detail = f"{len(untold)} orders nobody was told of, {len(missing)} are in no list"
        if unseen:
            detail += f", {unseen} could not be had"
        ok = not (untold or missing or unseen)
        return Check(code="R8", ok=ok, detail=detail, orders=(*untold, *missing))

    async def _listed(self, user_id: str) -> set[str] | None:
        token, listed, cursor = self._tokens[user_id], set[str](), None
        while True:
            answer = await self._retries.ask(partial(self._shop.orders, token, cursor))
            page = read(SeenOrders, answer)
            if page is None:
                return None
            listed |= {order.order_id for order in page.orders}
            cursor = page.next_cursor
            if not cursor:
                return listed
