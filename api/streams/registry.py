"""All open streams of this process: how many there may be, and that they end with it."""

import math
import time
from collections import Counter

from api.metrics import Metrics
from api.streams.stream import End, Stream
from domain.errors import ErrorCode, Refusal

# So long one lasts at most: then clients spread anew over the processes there are.
LONGEST_SECONDS = 3600.0
# Of all there may be: who has proved who he is always finds some.
STRANGERS_SHARE = 0.5
# No user's name holds a line's end.
_ADDRESS = "\n"


class Streams:
    """`at_most` in all, `per_user` and `per_address`; each lasts `longest_seconds`."""

    def __init__(
        self,
        metrics: Metrics,
        *,
        at_most: int,
        per_user: int,
        per_address: int,
        longest_seconds: float = LONGEST_SECONDS,
    ) -> None:
        self._metrics = metrics
        self._at_most = at_most
        self._per_user = per_user
        self._per_address = per_address
        self._longest_seconds = longest_seconds
        self._open: set[Stream] = set()
        self._of_user: Counter[str] = Counter()
        self._of_strangers = 0
        self._is_closing = False

    def open(self, user_id: str, kind: str, *, expires_at: float = math.inf) -> Stream:
        """`expires_at`: when the caller's token ends, in seconds since 1970. Raises Refusal:
        OVERLOADED, RATE_LIMITED, or UNAVAILABLE while the process ends."""
        return self._open_one(user_id, kind, self._per_user, expires_at)

    def open_to_anybody(self, address: str, kind: str) -> Stream:
        """Of what needs no token. Raises the same."""
        if self._of_strangers >= STRANGERS_SHARE * self._at_most:
            raise Refusal(ErrorCode.OVERLOADED, "too many streams at once")
        stream = self._open_one(_ADDRESS + address, kind, self._per_address, math.inf)
        self._of_strangers += 1
        stream.at_close(self._stranger_left)
        return stream

    def end_all(self) -> None:
        """None is opened any more."""
        self._is_closing = True
        for stream in self._open:
            stream.finish(End.CLOSING)

    def _open_one(self, who: str, kind: str, most: int, expires_at: float) -> Stream:
        if self._is_closing:
            raise Refusal(ErrorCode.UNAVAILABLE, "this process ends; come again")
        if len(self._open) >= self._at_most:
            raise Refusal(ErrorCode.OVERLOADED, "too many streams at once")
        if self._of_user[who] >= most:
            raise Refusal(ErrorCode.RATE_LIMITED, f"not more than {most} streams for one")
        left = max(0.0, expires_at - time.time())
        is_short = left < self._longest_seconds
        seconds = left if is_short else self._longest_seconds
        stream = Stream(who, seconds, End.EXPIRED if is_short else End.TOO_LONG)
        self._open.add(stream)
        self._of_user[who] += 1
        self._metrics.streams_open(kind, 1)
        stream.at_close(lambda: self._closed(stream, kind))
        return stream

    def _stranger_left(self) -> None:
        self._of_strangers -= 1

    def _closed(self, stream: Stream, kind: str) -> None:
        self._open.discard(stream)
        self._metrics.streams_open(kind, -1)
        self._of_user[stream.user_id] -= 1
        if not self._of_user[stream.user_id]:
            del self._of_user[stream.user_id]
