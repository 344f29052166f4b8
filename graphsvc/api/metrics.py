"""Numbers for Prometheus. Labels are route templates, methods and statuses: nothing that was asked, nobody."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4 as CONTENT_TYPE

__all__ = ["CONTENT_TYPE", "Metrics"]

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"})  # a caller could make up any number of others
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Metrics:
    """The numbers of one service."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        labels = ("method", "route")
        self._requests = Counter(
            "graphsvc_requests", "Requests answered.", (*labels, "status"), registry=self._registry
        )
        self._seconds = Histogram(
            "graphsvc_request_seconds", "Seconds until answered.", labels, buckets=_SECONDS, registry=self._registry
        )
        self._gauges: list[tuple[Callable[[], Mapping[str, float]], Mapping[str, Gauge]]] = []

    def answered(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count one request."""
        method = method if method in _METHODS else "other"
        self._requests.labels(method, route, status).inc()
        self._seconds.labels(method, route).observe(seconds)

    def measure(self, described: Mapping[str, str], read: Callable[[], Mapping[str, float]]) -> None:
        """Have some gauges read whenever somebody asks.

        Args:
            described: what each gauge tells, by name.
            read: their values by name; one that it leaves out keeps its last value.
        """
        made = {name: Gauge(f"graphsvc_{name}", text, registry=self._registry) for name, text in described.items()}
        self._gauges.append((read, made))

    def text(self) -> bytes:
        """All numbers in Prometheus' text format."""
        for read, gauges in self._gauges:
            for name, value in read().items():
                gauges[name].set(value)
        return generate_latest(self._registry)
