"""Sends traces by OpenTelemetry's own SDK, as OTLP over HTTP: for ``--otlp-endpoint``, and only if it is installed.

Imports nothing of it before it is asked to. Which attempts are sent, and when, is decided in traces.py.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from pixiecore_core.errors import ConfigError
from pixiecore_core.observe.traces import Send, Trace

_TIMEOUT = 10.0
"""Seconds for one message, with the SDK's own retries."""
_LOGGER = "opentelemetry"


def open_otlp(endpoint: str, version: str, warn: Callable[[str], object]) -> Send:
    """What sends traces to *endpoint*.

    :param version: ours
    :param warn: told when traces are not taken, and when they are again
    :raises ConfigError: the SDK is not installed
    """
    try:
        from opentelemetry import trace
        from opentelemetry.context import Context
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExportResult
        from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
    except ImportError as error:
        reason = f"OpenTelemetry is not installed ({error}); to install it: pip install 'pixiecore-core[otel]'"
        raise ConfigError("--otlp-endpoint", reason) from error
    # It tells each failure with a traceback; we tell them in a sentence, once.
    logging.getLogger(_LOGGER).setLevel(logging.CRITICAL)
    made = InMemorySpanExporter()
    resource = Resource.create({"service.name": "pixiecore", "service.version": version})
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(made))
    tracer = provider.get_tracer("pixiecore", version)
    exporter = OTLPSpanExporter(endpoint, timeout=_TIMEOUT)
    is_taken = True

    def make(one: Trace) -> None:
        known = {"mac": one.mac, "architecture": one.architecture, "outcome": str(one.outcome), "cause": one.cause}
        attributes = {f"pixiecore.{name}": value for name, value in known.items() if value}
        root = tracer.start_span("boot", Context(), start_time=_nanoseconds(one.began), attributes=attributes)
        if one.failed:
            root.set_status(trace.StatusCode.ERROR, one.cause)
        inside = trace.set_span_in_context(root)
        for step in one.steps:
            span = tracer.start_span(step.name, inside, start_time=_nanoseconds(step.began))
            span.end(_nanoseconds(step.ended))
        root.end(_nanoseconds(one.ended))

    def send(traces: Sequence[Trace]) -> bool:
        nonlocal is_taken
        for one in traces:
            make(one)
        spans = made.get_finished_spans()
        made.clear()
        was_taken, is_taken = is_taken, exporter.export(spans) is SpanExportResult.SUCCESS
        if was_taken and not is_taken:
            warn(f"{endpoint} takes no traces: they are lost, and counted, until it does (--otlp-endpoint)")
        return is_taken

    return send


def _nanoseconds(seconds: float) -> int:
    return int(seconds * 1_000_000) * 1000
