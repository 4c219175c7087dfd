"""Who is told to come back: by how often he asks, and by how much of his kind is under way.

Nobody is limited before he is known for what he is. A buyer is counted by his name, once his token
is checked; an address only for what carries no proof: public reads, and tokens and notices that
prove nothing. So whoever proves who he is is never refused for what his neighbours do, and what
buyers have under way never takes the operators' and the providers' share.
"""

from collections.abc import Mapping, MutableMapping
from enum import StrEnum
from functools import partial
from typing import Any

from starlette.types import Scope

from api.addresses import Addresses, CameFrom, came_from
from api.auth import Caller
from api.buckets import Buckets
from api.metrics import Metrics
from domain.errors import ErrorCode, Refusal
from infra.settings import Settings


class Traffic(StrEnum):
    """Kinds of requests that must not starve each other."""

    CLICKS = "clicks"
    READS = "reads"
    CHANGES = "changes"
    STRANGERS = "strangers"
    OPERATORS = "operators"
    WEBHOOKS = "webhooks"


# Of all connections, so many may at once be waiting for an answer of one kind. All together are
# less than the whole, so that a connection of another kind always finds its turn.
SHARES: Mapping[Traffic, float] = {
    Traffic.CLICKS: 0.6,
    Traffic.READS: 0.06,
    Traffic.CHANGES: 0.06,
    Traffic.STRANGERS: 0.06,
    Traffic.OPERATORS: 0.06,
    Traffic.WEBHOOKS: 0.06,
}
LEAST_AT_ONCE = 8
# Asked by machines of ours, and answered whatever happens.
OPERATIONS = frozenset({"/healthz", "/readyz", "/metrics"})
# Who calls there says who he is, and is counted once that is checked.
_BY_NAME = ("/v1/orders", "/v1/operator/", "/v1/me/", "/v1/webhooks/")
_LANE = "seckill.lane"


class Lane:
    """What is under way of one kind."""

    __slots__ = ("most", "under_way")

    def __init__(self, most: int) -> None:
        self.most = most
        self.under_way = 0


class Limits:
    """`connections`: how many this process may have."""

    def __init__(self, settings: Settings, metrics: Metrics, connections: int) -> None:
        self._metrics = metrics
        self._addresses = Addresses(settings)
        self.lanes = {
            traffic: Lane(max(int(share * connections), LEAST_AT_ONCE))
            for traffic, share in SHARES.items()
        }
        self.clicks = self.lanes[Traffic.CLICKS]
        self._clicks = Buckets(settings.clicks_per_second)
        self._calls = Buckets(settings.calls_per_second)
        self._strangers = Buckets(settings.address_calls_per_second)
        self._failures = Buckets(settings.address_failures_per_second)
        for traffic, lane in self.lanes.items():
            metrics.watch_under_way(traffic, partial(getattr, lane, "under_way"))

    def may_click(self, user_id: str) -> bool:
        """Counts a click of his; False, told to nobody but the metrics, for one too many."""
        if self._clicks.take(user_id):
            return True
        self._metrics.limited(Traffic.CLICKS, ErrorCode.RATE_LIMITED)
        return False

    def begin_call(self, scope: Scope, caller: Caller) -> None:
        """A call of somebody who has proved who he is. Raises Refusal: RATE_LIMITED, OVERLOADED."""
        if caller.is_operator:
            self.begin(scope, Traffic.OPERATORS)
            return
        is_read = scope["method"] in ("GET", "HEAD")
        traffic = Traffic.READS if is_read else Traffic.CHANGES
        self.count_call(caller, traffic)
        self.begin(scope, traffic)

    def count_call(self, caller: Caller, traffic: Traffic = Traffic.READS) -> None:
        """One more of his calls; of operators' none is counted. Raises Refusal RATE_LIMITED."""
        if not (caller.is_operator or self._calls.take(caller.user_id)):
            raise self._too_often(traffic)

    def begin_public(self, scope: Scope) -> None:
        """A read of what anybody may see; nothing for any other request. Raises Refusal:
        RATE_LIMITED, OVERLOADED."""
        path = scope["path"]
        if scope["method"] != "GET" or path in OPERATIONS or path.startswith(_BY_NAME):
            return
        if not self._strangers.take(self.address_of(scope)):
            raise self._too_often(Traffic.STRANGERS)
        self.begin(scope, Traffic.STRANGERS)

    def address_of(self, scope: Scope) -> str:
        """What stands for who has no name."""
        return self._addresses.of(came_from(scope))

    def failed(self, where: CameFrom, traffic: Traffic) -> None:
        """Something from there proved nothing. Raises Refusal RATE_LIMITED where it is too much of
        that, and no word need be lost over this one."""
        if not self._failures.take(self._addresses.of(where)):
            raise self._too_often(traffic)

    def begin(self, scope: Scope, traffic: Traffic) -> None:
        """One more of this kind is under way, until `end`; what it was begun as before is over.
        Raises Refusal OVERLOADED."""
        end(scope)
        lane = self.lanes[traffic]
        if lane.under_way >= lane.most:
            self._metrics.limited(traffic, ErrorCode.OVERLOADED)
            raise Refusal(ErrorCode.OVERLOADED)
        lane.under_way += 1
        scope[_LANE] = lane

    def _too_often(self, traffic: Traffic) -> Refusal:
        self._metrics.limited(traffic, ErrorCode.RATE_LIMITED)
        return Refusal(ErrorCode.RATE_LIMITED)


def end(scope: MutableMapping[str, Any]) -> None:
    """Its answer begins, or there will be none; again, it changes nothing. What is sent afterwards,
    for hours perhaps, costs nobody a turn."""
    if lane := scope.pop(_LANE, None):
        lane.under_way -= 1
