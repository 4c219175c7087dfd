"""What Prometheus is told: requests by route, the gate's verdicts, and streams."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

BUCKETS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)


class Metrics:
    """One registry per app, so that several apps in one process do not mix."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "seckill_api_requests",
            "Answered requests",
            ("method", "route", "status"),
            registry=self.registry,
        )
        self._seconds = Histogram(
            "seckill_api_request_seconds",
            "Time to answer",
            ("route",),
            buckets=BUCKETS,
            registry=self.registry,
        )
        self._verdicts = Counter(
            "seckill_gate_verdicts",
            "What the gate answered",
            ("verdict",),
            registry=self.registry,
        )
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
        # Looking labels up in the library costs more than counting.
        self._request_counters: dict[tuple[str, str, int], Counter] = {}
        self._route_seconds: dict[str, Histogram] = {}
        self._verdict_counters: dict[str, Counter] = {}

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        key = (method, route, status)
        counter = self._request_counters.get(key)
        if counter is None:
            counter = self._requests.labels(method, route, str(status))
            self._request_counters[key] = counter
        counter.inc()
        histogram = self._route_seconds.get(route)
        if histogram is None:
            histogram = self._route_seconds[route] = self._seconds.labels(route)
        histogram.observe(seconds)

    def gate_answered(self, verdict: str) -> None:
        counter = self._verdict_counters.get(verdict)
        if counter is None:
            counter = self._verdict_counters[verdict] = self._verdicts.labels(verdict)
        counter.inc()

    def streams_open(self, kind: str, more: int) -> None:
        self._streams.labels(kind).inc(more)

    def stream_messages(self, sent: int) -> None:
        self._stream_messages.inc(sent)

    def views_read(self, read: int) -> None:
        self._views.inc(read)

    def exposition(self) -> bytes:
        return generate_latest(self.registry)
