import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from infra.settings import Settings, UnusableSetting
from infra.telemetry import configure_logging, saying_why_not


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    root, structured = logging.getLogger(), structlog.get_config()
    handlers, level, httpx_level = root.handlers[:], root.level, logging.getLogger("httpx").level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.getLogger("httpx").setLevel(httpx_level)
    structlog.configure(**structured)


def _lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_our_lines_and_those_of_libraries_are_json_alike(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logging(Settings(log_json=True))

    structlog.get_logger("ours").warning("order_paid", order_id="O1")
    logging.getLogger("theirs").warning("pool is full")

    ours, theirs = _lines(capsys)
    assert (ours["event"], ours["order_id"], ours["logger"]) == ("order_paid", "O1", "ours")
    assert (theirs["event"], theirs["logger"], theirs["level"]) == (
        "pool is full",
        "theirs",
        "warning",
    )
    assert str(ours["timestamp"]).endswith("Z")


def test_an_error_is_one_line_with_its_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(Settings(log_json=True))

    try:
        raise ValueError("of ours")
    except ValueError:
        structlog.get_logger().exception("unexpected_error")

    [line] = _lines(capsys)
    assert "ValueError: of ours" in str(line["exception"])


def test_whole_urls_are_not_logged(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(Settings(log_json=True))

    logging.getLogger("httpx").info("GET https://pay.example/?sign=secret")

    assert _lines(capsys) == []


def test_people_may_read_text_instead(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(Settings(log_json=False))

    structlog.get_logger("ours").warning("order_paid")

    assert "order_paid" in capsys.readouterr().out


def test_settings_of_no_use_are_said_in_json_though_they_say_nothing_of_logs(
    capsys: pytest.CaptureFixture[str],
) -> None:
    logging.getLogger().handlers[:] = []

    with pytest.raises(SystemExit), saying_why_not():
        raise UnusableSetting("SECKILL_API_PORT: no number")

    [line] = _lines(capsys)
    assert line["event"] == "cannot_start: SECKILL_API_PORT: no number"
