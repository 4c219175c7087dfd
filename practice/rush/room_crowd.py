"""The crowd of a sale that calls its buyers: they join, wait, are called, and order."""

import asyncio
import time
from collections.abc import Callable
from functools import partial
from random import Random

from domain.errors import ErrorCode
from domain.room import RoomPhase, ShownTicketState
from domain.sale import ItemRef
from practice.rush.buyers import CLICKS_OF_A_BOT, Buyer, Habit
from practice.rush.clicks import Clicks
from practice.rush.context import RushContext
from practice.rush.crowd import DOUBLE_CLICK_SECONDS, NEXT_CLICK_SECONDS
from practice.rush.expectations import CLOCK_SLACK_SECONDS
from practice.rush.following import Following
from practice.rush.notes import ACCEPTED, UNANSWERED, WonOrder
from practice.rush.plan import RushPlan
from practice.rush.room_notes import GONE, ORDERED, REFUSED, LetIn, RoomNotes
from practice.rush.shop import read
from practice.rush.streams import BEHIND_SECONDS, Stream
from practice.rush.views import SeenPass, SeenRoom, SeenTicket

# Before the start the room is open so long.
GATHER_SECONDS = 3.0
LATE_SHARE = 0.15
BOT_PAUSE_SECONDS = (0.02, 0.15)
AFTER_LAPSE_SECONDS = 0.5
ASK_AGAIN_SECONDS = 0.5
# So long a call keeps its units, and nobody who comes may be sent away.
CALL_SECONDS = 20.0
# Of who is told by his stream that he should ask for his place: it proves nothing against anybody.
_TOLD = SeenRoom(state=RoomPhase.SERVING, serving=0)
_STILL_IN_LINE = frozenset({ShownTicketState.POOL, ShownTicketState.WAITING})
# What a click without a pass may be told.
_NO_ENTRY = frozenset(
    {
        ErrorCode.NOT_YOUR_TURN, ErrorCode.ENTRY_TOKEN_INVALID, ErrorCode.NOT_STARTED,
        ErrorCode.ENDED, ErrorCode.LIMIT_REACHED, UNANSWERED,
    }
)  # fmt: skip


class RoomCrowd:
    """`on_order` is called for each order won."""

    def __init__(
        self,
        context: RushContext,
        item: ItemRef,
        plan: RushPlan,
        *,
        random: Random,
        on_order: Callable[[WonOrder], None],
    ) -> None:
        self._shop = context.shop
        self._notes = context.notes
        self._room: RoomNotes = context.notes.room
        self._retries = context.retries
        self._tokens = context.tokens
        self._item = item
        self._plan = plan
        self._random = random
        self._clicks = Clicks(context, item, on_order)
        self._following = Following(context, item)
        self._streams = context.streams
        self._lapsed: set[str] = set()
        # When each learned that he is called.
        self._heard: dict[str, float] = {}

    async def run(self, buyers: list[Buyer], starts_at: float, seconds: float) -> None:
        """Until the room is over, or for `seconds` from `starts_at` on (server's clock)."""
        start = time.monotonic() + starts_at - self._notes.now()
        self._room.bots |= {buyer.user_id for buyer in buyers if buyer.habit is Habit.BOT}
        async with self._following.open_(), asyncio.TaskGroup() as everybody:
            for buyer in buyers:
                everybody.create_task(self._come(buyer, start, start + seconds))
        last = await self._following.now()
        self._room.is_over = last is not None and last.state is RoomPhase.OVER

    async def _come(self, buyer: Buyer, start: float, end: float) -> None:
        gather = GATHER_SECONDS * self._random.random()
        is_late = self._random.random() < LATE_SHARE
        at = start + max(0.0, buyer.first_click) if is_late else start - gather
        await asyncio.sleep(at - time.monotonic())
        if await self._join(buyer.user_id) is None:
            self._room.ends.setdefault(buyer.user_id, REFUSED)
            return
        clicking = None
        if buyer.habit is Habit.BOT:
            clicking = asyncio.create_task(self._click_wildly(buyer.user_id))
        try:
            await self._stay(buyer, end)
        finally:
            if clicking:
                await clicking

    async def _stay(self, buyer: Buyer, end: float) -> None:
        """In line, until he has what he came for, is told that there is nothing, or goes."""
        user_id = buyer.user_id
        if buyer.habit is not Habit.BOT and self._random.random() < self._plan.leave:
            await self._leave(user_id)
            return
        seen: SeenRoom | None = None
        while (ticket := await self._join(user_id)) is not None:
            self._room.ends[user_id] = ticket.state
            if ticket.state is ShownTicketState.CALLED:
                self._heard.setdefault(user_id, time.monotonic())
                if await self._enter(buyer, ticket) or time.monotonic() > end:
                    return
                seen = None
            elif ticket.state not in _STILL_IN_LINE or self._was_passed_over(user_id, ticket, seen):
                return
            else:
                stream = None if buyer.habit is Habit.BOT else self._streams.of(user_id)
                seen = await self._wait(user_id, ticket, stream, end)
                if seen is None:
                    return

    async def _wait(
        self, user_id: str, ticket: SeenTicket, stream: Stream | None, end: float
    ) -> SeenRoom | None:
        """For the moment when it makes sense to ask for one's own place again."""

        def right(room: SeenRoom) -> bool:
            if room.state is RoomPhase.OVER:
                return True
            if ticket.place is None:
                return room.state is RoomPhase.SERVING
            return room.serving >= ticket.place

        if stream is None:
            return await self._following.until(right, end)
        was_right = False
        while not await stream.until(partial(_is_news, stream, ticket), BEHIND_SECONDS):
            room = self._following.seen
            is_right = room is not None and right(room)
            if was_right and is_right and room:
                self._notes.streams.missed.append(f"{user_id}'s place, at {room.serving}")
                return room
            # Whose room is over at the very end is told a moment later.
            if time.monotonic() > end and not is_right:
                return None
            was_right = is_right
        # What was told of an earlier place must not have him ask without a pause.
        await asyncio.sleep(ASK_AGAIN_SECONDS)
        return _TOLD

    def _was_passed_over(self, user_id: str, ticket: SeenTicket, seen: SeenRoom | None) -> bool:
        """By a room of which he saw before this look at his ticket that it is over, or his turn."""
        if seen is None:
            return False
        if seen.state is RoomPhase.OVER:
            self._room.untold.append(user_id)
            return True
        if ticket.place is not None and seen.serving >= ticket.place:
            self._room.wrong_turns.append(f"{user_id} waits at {ticket.place} of {seen.serving}")
            return True
        return False

    async def _join(self, user_id: str) -> SeenTicket | None:
        """The ticket; None where there is none to be had."""
        token = self._tokens[user_id]
        while True:
            self._room.joins += 1
            asked_at = time.monotonic()
            answer = await self._retries.ask(lambda: self._shop.join_room(self._item, token))
            ticket = read(SeenTicket, answer)
            if ticket is not None:
                self._room.saw(user_id, ticket, asked_at, time.monotonic())
                return ticket
            code = str(answer.document().get("code")) if answer else UNANSWERED
            if code != ErrorCode.NOT_STARTED:
                self._room.ends[user_id] = code
                return None
            await asyncio.sleep(self._random.uniform(*NEXT_CLICK_SECONDS))

    async def _leave(self, user_id: str) -> None:
        await asyncio.sleep(GATHER_SECONDS * self._random.random())
        token = self._tokens[user_id]
        await self._retries.ask(lambda: self._shop.leave_room(self._item, token))
        self._room.ends[user_id] = GONE

    async def _enter(self, buyer: Buyer, ticket: SeenTicket) -> bool:
        """Whether that was all there is to do for him."""
        user_id, token = buyer.user_id, self._tokens[buyer.user_id]
        answer = await self._retries.ask(lambda: self._shop.enter(self._item, token))
        entered = read(SeenPass, answer)
        if entered is None:
            code = str(answer.document().get("code")) if answer else UNANSWERED
            self._room.ends[user_id] = code
            if code == ErrorCode.NOT_YOUR_TURN:
                if self._plan.tolerant:
                    # The answer with a pass may have been lost, and the pass lapsed unseen.
                    self._lapses(user_id)
                elif self._is_in_time(user_id):
                    self._room.wrong_turns.append(f"{user_id} was called, and sent away")
                await asyncio.sleep(ASK_AGAIN_SECONDS)
            return code != ErrorCode.NOT_YOUR_TURN
        self._room.let_in[entered.order_id] = LetIn(user_id, ticket.place, ticket.serving)
        if user_id not in self._lapsed and self._random.random() < self._plan.lapse:
            self._lapses(user_id)
            left = entered.expires_at.timestamp() - self._notes.now()
            await asyncio.sleep(max(0.0, left) + AFTER_LAPSE_SECONDS)
            return False
        return await self._order(buyer, entered)

    def _is_in_time(self, user_id: str) -> bool:
        """Half of the time a call holds is his to come; the rest went before he heard of it."""
        in_time = time.monotonic() - self._heard[user_id] < CALL_SECONDS / 2
        return in_time and user_id not in self._lapsed

    def _is_late_for(self, entered: SeenPass) -> bool:
        return self._notes.now() > entered.expires_at.timestamp() - CLOCK_SLACK_SECONDS

    def _lapses(self, user_id: str) -> None:
        self._lapsed.add(user_id)
        self._room.may_move(user_id)

    async def _order(self, buyer: Buyer, entered: SeenPass) -> bool:
        user_id, twice = buyer.user_id, buyer.habit is not Habit.ONCE
        said = await asyncio.gather(
            *(
                self._clicks.click(
                    user_id, entry_token=entered.token, after=number * DOUBLE_CLICK_SECONDS
                )
                for number in range(1 + twice)
            )
        )
        for verdict, order_id in said:
            if verdict == ACCEPTED and order_id != entered.order_id:
                self._notes.breaches.append(f"{entered.order_id} of a pass became {order_id}")
            elif verdict == ErrorCode.ENTRY_TOKEN_INVALID and self._is_late_for(entered):
                self._lapses(user_id)
                return False
            elif verdict not in (ACCEPTED, UNANSWERED):
                self._room.wrong_turns.append(f"{user_id} has a pass, and was told {verdict}")
        self._room.ends[user_id] = ORDERED
        return True

    async def _click_wildly(self, user_id: str) -> None:
        """Half at the room's door, half at the gate, where he has no business without a pass."""
        for number in range(1, CLICKS_OF_A_BOT):
            await asyncio.sleep(self._random.uniform(*BOT_PAUSE_SECONDS))
            if number % 2:
                # Once his order were given up, that would be another place, for which nobody comes.
                if self._room.ends.get(user_id) != ORDERED:
                    await self._join(user_id)
                continue
            verdict, _ = await self._clicks.click(user_id)
            if verdict not in _NO_ENTRY:
                self._room.wrong_turns.append(f"{user_id} without a pass was told {verdict}")


def _is_news(stream: Stream, ticket: SeenTicket) -> bool:
    """Whether the stream has told that he waits no more, or what place he drew."""
    place = stream.place
    if place is None:
        return False
    return place.state not in _STILL_IN_LINE or (ticket.place is None and place.place is not None)
