"""How often somebody may: a bucket for each key, in a table that never grows beyond its bounds."""

import time
from collections.abc import Callable, Hashable

# What one may do at once, in seconds of what one may do for ever.
BURST_SECONDS = 5.0
MOST_KEYS = 50_000


class Buckets:
    """`per_second` for each key, 0 for no limit. Each is one number (GCRA): when it will be full
    again. The table is two halves, of which the older is dropped when the newer is full: who is
    forgotten by that has been silent for long, or comes among 50,000 others a moment.
    """

    def __init__(
        self,
        per_second: float,
        *,
        most_keys: int = MOST_KEYS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._each = 1 / per_second if per_second else 0.0
        # A little more: sums of fractions come out a little too high.
        self._slack = BURST_SECONDS - self._each + 1e-6
        self._most_keys = most_keys
        self._clock = clock
        self._full_at: dict[Hashable, float] = {}
        self._older: dict[Hashable, float] = {}

    def take(self, key: Hashable) -> bool:
        """False, and nothing taken, where the bucket is empty."""
        if not self._each:
            return True
        now = self._clock()
        full_at = self._full_at.get(key) or self._older.get(key, now)
        if full_at <= now:
            full_at = now
        elif full_at - now > self._slack:
            return False
        self._full_at[key] = full_at + self._each
        if len(self._full_at) >= self._most_keys:
            self._older, self._full_at = self._full_at, {}
        return True
