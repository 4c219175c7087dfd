"""A command in this process, which would be one of its own: for those that end at once."""

import logging
import sys
from collections.abc import Iterator
from typing import Protocol

import pytest
import structlog
from typer.testing import CliRunner


class AsAProcess(Protocol):
    def __call__(self, *arguments: str) -> tuple[int, str]: ...


@pytest.fixture
def as_a_process(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[AsAProcess]:
    """Runs a command of `seckill`: its exit code and all it wrote, logs included. It sets up the
    logging of a process, which ends with the test."""
    from cli import app

    root, structured = logging.getLogger(), structlog.get_config()
    handlers, level, httpx_level = root.handlers[:], root.level, logging.getLogger("httpx").level
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)

    def run(*arguments: str) -> tuple[int, str]:
        # Those of pytest: a process begins without any.
        root.handlers.clear()
        ended = CliRunner().invoke(app, arguments)
        return ended.exit_code, capsys.readouterr().out + ended.output

    yield run
    logging.captureWarnings(False)
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.getLogger("httpx").setLevel(httpx_level)
    structlog.configure(**structured)
