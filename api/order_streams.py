"""Opening a stream of orders or rooms: who may follow which, and what it begins with."""

from typing import Protocol

from api.auth import Session
from api.orders import OrderLookup
from api.streams.order_feed import OrderFeed, SeenOrder, order_message
from api.streams.place_feed import PlaceFeed
from api.streams.registry import Streams
from api.streams.room_feed import RoomFeed
from api.streams.stream import End, Stream
from domain.errors import ErrorCode, Refusal
from domain.ids import is_order_id
from domain.sale import ItemRef
from domain.states import OrderStatus

NO_VERSION = 0


class Feed(Protocol):
    """One kind of thing that the stream of a user tells of."""

    def follow_user(self, stream: Stream) -> None:
        """Of all his things: at once what they are like, from now on each change."""


class OrderStreams:
    """Every call raises Refusal: NOT_FOUND for an order the caller may not see, RATE_LIMITED,
    OVERLOADED or UNAVAILABLE. The caller closes the stream."""

    def __init__(
        self,
        streams: Streams,
        orders: OrderFeed,
        lookup: OrderLookup,
        rooms: RoomFeed,
        places: PlaceFeed,
    ) -> None:
        self.streams = streams
        self._orders = orders
        self._lookup = lookup
        self._rooms = rooms
        # What else a user may follow joins this list, and the page's one stream tells of it.
        self._of_a_user: tuple[Feed, ...] = (orders, places)

    async def of_order(
        self, order_id: str, session: Session, kind: str, last_event_id: str | None = None
    ) -> Stream | None:
        """The stream of one order; None for a client that knows already how the order ended."""
        if not is_order_id(order_id):
            raise _unknown()
        stream = self.streams.open(session.caller.user_id, kind, expires_at=session.expires_at)
        try:
            understood = _version(last_event_id)
            if understood is not None:
                stream.understood(order_id, understood)
            self._orders.follow_order(stream, order_id)
            seen = await self._seen(order_id, session, stream)
            if seen and seen.is_over and seen.message.version == understood:
                stream.close()
                return None
        except BaseException:
            stream.close()
            raise
        return stream

    async def of_room(
        self, item: ItemRef, address: str, kind: str, last_event_id: str | None = None
    ) -> Stream | None:
        """The stream of a room as anybody may see it; None for a client that comes again to one
        that is over with its sale."""
        seen = await self._rooms.read(item)
        if seen.is_final and _version(last_event_id) is not None:
            return None
        stream = self.streams.open_to_anybody(address, kind)
        self._rooms.follow(stream, item, seen)
        return stream

    def of_user(self, session: Session, kind: str) -> Stream:
        """The stream of everything that is the caller's."""
        stream = self.streams.open(session.caller.user_id, kind, expires_at=session.expires_at)
        for feed in self._of_a_user:
            feed.follow_user(stream)
        return stream

    async def _seen(self, order_id: str, session: Session, stream: Stream) -> SeenOrder | None:
        """None for an order that waits in the queue; the stream has its view then."""
        seen = await self._orders.see(order_id)
        if seen is None:
            view = await self._lookup.view(order_id, session.caller)
            if view.status is OrderStatus.QUEUED:
                if not stream.has_been_given(order_id):
                    stream.offer(order_message(view, NO_VERSION))
                return None
            # It was placed between the two looks; or it lies in the archive, and is over for long.
            seen = await self._orders.see(order_id)
            seen = seen or SeenOrder(view.user_id, order_message(view, NO_VERSION), is_over=True)
            stream.offer(seen.message)
            if seen.is_over:
                stream.finish(End.FINAL)
        may_see = seen and (session.caller.is_operator or seen.user_id == session.caller.user_id)
        if not may_see:
            raise _unknown()
        return seen


def _unknown() -> Refusal:
    return Refusal(ErrorCode.NOT_FOUND, "no such order")


def _version(last_event_id: str | None) -> int | None:
    """None for what is none of ours."""
    said = last_event_id or ""
    return int(said) if said.isascii() and said.isdigit() and len(said) < 15 else None
