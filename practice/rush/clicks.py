"""A click on "order", and what its answer says."""

import asyncio
from collections.abc import Callable

from domain.errors import ErrorCode
from domain.sale import ItemRef
from practice.rush.context import RushContext
from practice.rush.http import Answer
from practice.rush.notes import ACCEPTED, UNANSWERED, Wait, WonOrder


class Clicks:
    """`item`: the one thing everybody is after. `on_order` is called for each order won."""

    def __init__(
        self, context: RushContext, item: ItemRef, on_order: Callable[[WonOrder], None]
    ) -> None:
        self._shop = context.shop
        self._notes = context.notes
        self._retries = context.retries
        self._tokens = context.tokens
        self._item = item
        self._on_order = on_order

    async def click(
        self, user_id: str, key: str = "", *, entry_token: str = "", after: float = 0.0
    ) -> tuple[str, str]:
        """The verdict, and the id of the order it names, if any. `after` so many seconds."""
        if after:
            await asyncio.sleep(after)
        self._notes.clicks += 1
        token = self._tokens[user_id]

        async def ask() -> Answer:
            heard = False
            try:
                answer = await self._shop.place_order(self._item, token, key, entry_token)
                heard = answer.status < 500
            finally:
                if not heard:
                    self._notes.unsure.add(user_id)
            return answer

        return self._hear(user_id, await self._retries.ask(ask))

    def _hear(self, user_id: str, answer: Answer | None) -> tuple[str, str]:
        document = answer.document() if answer else {}
        verdict, order_id = UNANSWERED, str(document.get("order_id") or "")
        if answer:
            verdict = ACCEPTED if answer.ok else str(document.get("code") or answer.status)
        self._notes.answers[verdict] += 1
        if answer:
            self._notes.waits[Wait.CLICK].append(answer.seconds)
        if verdict != ACCEPTED:
            self._notes.refused(user_id, verdict)
        # A refusal may name the order of an earlier click whose answer was lost.
        if order_id and verdict in (ACCEPTED, ErrorCode.LIMIT_REACHED):
            order, is_new = self._notes.accepted(user_id, order_id)
            if is_new:
                self._on_order(order)
        return verdict, order_id
