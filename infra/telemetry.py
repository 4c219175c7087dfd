"""Logs as one JSON line each (or coloured text), from our code and from libraries alike."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType

import structlog

from infra.settings import Settings, UnusableSetting


def configure_logging(settings: Settings) -> None:
    """Set up structlog and the standard library's logging for this process, once."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if settings.log_json
        else structlog.dev.ConsoleRenderer()
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    logging.basicConfig(handlers=[handler], level=settings.log_level, force=True)
    # Whatever else would write to this process's output writes a line of the same kind instead.
    logging.captureWarnings(True)
    sys.excepthook = _log_the_end
    # httpx logs whole URLs, and a signed payment URL is nobody's business.
    logging.getLogger("httpx").setLevel(logging.WARNING)


@contextmanager
def saying_why_not() -> Iterator[None]:
    """Around a process: a setting it cannot start with ends it with one line instead of a trace."""
    try:
        yield
    except UnusableSetting as error:
        if not logging.getLogger().handlers:
            # The settings themselves are of no use: what they say about logs is not known.
            configure_logging(Settings.model_construct())
        logging.getLogger("process").critical("cannot_start: %s", error)
        raise SystemExit(1) from None


def _log_the_end(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """An error that nobody caught ends the process: the last line says which."""
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
        return
    logging.getLogger("process").critical("process_failed", exc_info=(kind, error, trace))
