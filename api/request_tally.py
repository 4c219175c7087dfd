"""Requests counted and timed, and shown to Prometheus when it asks.

The library's counters take a lock and check themselves for each request: at the gate that was a
twentieth of the process. All requests are counted on one loop, which needs no lock.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from itertools import accumulate

from prometheus_client.metrics_core import (
    CounterMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

BUCKETS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
_EDGES = (*map(str, BUCKETS), "+Inf")


class RequestTally(Collector):
    """`verdicts`: of the gate."""

    def __init__(self) -> None:
        self.verdicts: Counter[str] = Counter()
        self._requests: Counter[tuple[str, str, int]] = Counter()
        self._in_buckets: dict[str, list[int]] = {}
        self._seconds: dict[str, float] = {}

    def add(self, method: str, route: str, status: int, seconds: float) -> None:
        self._requests[method, route, status] += 1
        counts = self._in_buckets.get(route)
        if counts is None:
            counts = self._in_buckets[route] = [0] * len(_EDGES)
            self._seconds[route] = 0.0
        # Prometheus' edges belong to the bucket below them.
        counts[bisect_left(BUCKETS, seconds)] += 1
        self._seconds[route] += seconds

    def collect(self) -> Iterator[Metric]:
        labels = ("method", "route", "status")
        requests = CounterMetricFamily("seckill_api_requests", "Answered requests", labels=labels)
        for (method, route, status), count in list(self._requests.items()):
            requests.add_metric((method, route, str(status)), count)
        yield requests
        seconds = HistogramMetricFamily(
            "seckill_api_request_seconds", "Time to answer", labels=("route",)
        )
        for route, counts in list(self._in_buckets.items()):
            buckets = list(zip(_EDGES, map(float, accumulate(counts)), strict=True))
            seconds.add_metric((route,), buckets, self._seconds[route])
        yield seconds
        verdicts = CounterMetricFamily(
            "seckill_gate_verdicts", "What the gate answered", labels=("verdict",)
        )
        for verdict, count in list(self.verdicts.items()):
            verdicts.add_metric((verdict,), count)
        yield verdicts
