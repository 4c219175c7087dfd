"""What Prometheus is told: requests by route, the gate's verdicts, and streams."""

from collections.abc import Callable, Iterator, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily
from prometheus_client.registry import Collector

from api.request_tally import RequestTally
from domain.room import RoomFigures
from domain.sale import ItemRef

# A label for each room of a shop with thousands would fill Prometheus.
ROOMS_SHOWN = 64
_ROOM_GAUGES = {
    "waiting": "Units that those who wait have asked for",
    "called": "Units kept for who was called and has no entry token yet",
    "promised": "Units promised by entry tokens",
    "serving": "Places up to this one were called",
}


class _LiveRooms(Collector):
    """Made when it is asked for: a room that has ended is not shown with what it last was."""

    def __init__(self, rooms: Callable[[], Mapping[ItemRef, RoomFigures]]) -> None:
        self._rooms = rooms

    def collect(self) -> Iterator[GaugeMetricFamily]:
        rooms = sorted(self._rooms().items(), key=lambda one: (one[0].sale_id, one[0].sku_id))
        yield GaugeMetricFamily("seckill_rooms_live", "Rooms somebody looks after", len(rooms))
        for name, help_text in _ROOM_GAUGES.items():
            gauge = GaugeMetricFamily(f"seckill_room_{name}", help_text, labels=("sale", "sku"))
            for item, figures in rooms[:ROOMS_SHOWN]:
                gauge.add_metric((item.sale_id, item.sku_id), getattr(figures, name))
            yield gauge


class Metrics:
    """One registry per app, so that several apps in one process do not mix."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._tally = RequestTally()
        self.registry.register(self._tally)
        self._tell_of_limits()
        self._tell_of_the_backlog()
        self._tell_of_streams()
        self._tell_of_audits()
        self._rooms: Mapping[ItemRef, RoomFigures] = {}
        self.registry.register(_LiveRooms(lambda: self._rooms))

    def _tell_of_audits(self) -> None:
        self._audit_ok = Gauge(
            "seckill_audit_ok",
            "Whether the newest audit found all in order; -1 while unknown",
            registry=self.registry,
        )
        self._audit_age = Gauge(
            "seckill_audit_age_seconds",
            "How long ago the newest audit ended; -1 while unknown",
            registry=self.registry,
        )
        self._sound_age = Gauge(
            "seckill_audit_sound_age_seconds",
            "How long ago the newest audit began that found all in order; -1 while unknown",
            registry=self.registry,
        )

    def _tell_of_streams(self) -> None:
        self._streams = Gauge(
            "seckill_streams_open",
            "Streams that are open now",
            ("kind",),
            registry=self.registry,
        )
        self._stream_messages = Counter(
            "seckill_stream_messages",
            "Messages sent to streams",
            registry=self.registry,
        )
        self._views = Counter(
            "seckill_stream_views_read",
            "Views of orders that were read for streams",
            registry=self.registry,
        )

    def _tell_of_limits(self) -> None:
        # Of the verdicts SOLD_OUT, those that cost Redis nothing.
        self.sold_out_from_memory = Counter(
            "seckill_gate_sold_out_from_memory",
            "Refused as sold out without asking Redis",
            registry=self.registry,
        )
        self._limited = Counter(
            "seckill_api_limited",
            "Told to come back, by kind of traffic and code",
            ("traffic", "code"),
            registry=self.registry,
        )
        self._under_way = Gauge(
            "seckill_api_under_way",
            "Requests that wait for their answer, by kind of traffic",
            ("traffic",),
            registry=self.registry,
        )

    def _tell_of_the_backlog(self) -> None:
        self._waiting = Gauge(
            "seckill_intents_waiting",
            "Accepted orders whose workflow is not started, of all processes; -1 while unknown",
            registry=self.registry,
        )
        self._oldest = Gauge(
            "seckill_intents_oldest_seconds",
            "How long the first of them has waited; -1 while unknown",
            registry=self.registry,
        )

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        self._tally.add(method, route, status, seconds)

    def gate_answered(self, verdict: str) -> None:
        self._tally.verdicts[verdict] += 1

    def limited(self, traffic: str, code: str) -> None:
        self._limited.labels(traffic, code).inc()

    def watch_under_way(self, traffic: str, look: Callable[[], float]) -> None:
        self._under_way.labels(traffic).set_function(look)

    def backlog_is(self, waiting: float = -1, oldest_seconds: float = -1) -> None:
        self._waiting.set(waiting)
        self._oldest.set(oldest_seconds)

    def audit_is(self, ok: float = -1, age: float = -1, sound_age: float = -1) -> None:
        """`age` and `sound_age` in seconds."""
        self._audit_ok.set(ok)
        self._audit_age.set(age)
        self._sound_age.set(sound_age)

    def streams_open(self, kind: str, more: int) -> None:
        self._streams.labels(kind).inc(more)

    def stream_messages(self, sent: int) -> None:
        self._stream_messages.inc(sent)

    def views_read(self, read: int) -> None:
        self._views.inc(read)

    def rooms_are(self, figures: Mapping[ItemRef, RoomFigures]) -> None:
        """All that are live."""
        self._rooms = figures

    def exposition(self) -> bytes:
        return generate_latest(self.registry)
