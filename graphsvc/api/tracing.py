"""Traces by OpenTelemetry (extra ``otel``): off unless ``OTEL_EXPORTER_OTLP_ENDPOINT`` says where they go."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI

from ..errors import InputError

if TYPE_CHECKING:
    from opentelemetry.trace import Span, TracerProvider

#: Attributes of a span that would tell what was asked, or by whom.
_PRIVATE = ("http.url", "url.full", "url.query", "http.target", "url.path", "net.peer.ip", "client.address")


def add_tracing(app: FastAPI, provider: TracerProvider | None = None) -> None:
    """Trace each request by its route, where that is wanted.

    Args:
        app: the service.
        provider: who takes the spans; by default the environment says.

    Raises:
        InputError: it is wanted, and the extra is not installed.
    """
    if provider is None and not os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT"):
        return
    try:
        from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
    except ImportError:
        raise InputError("traces need an extra: pip install 'graphsvc[otel]'") from None
    FastAPIInstrumentor.instrument_app(
        app,
        tracer_provider=provider or _exporting(),
        server_request_hook=_hide,
        excluded_urls="healthz,readyz,metrics",
        exclude_spans=["receive", "send"],
    )


def _hide(span: Span, _: dict[str, Any]) -> None:
    for name in _PRIVATE:
        span.set_attribute(name, "")


def _exporting() -> TracerProvider:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider(resource=Resource.create({"service.name": "graphsvc"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider
