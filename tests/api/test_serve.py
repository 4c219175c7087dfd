"""How the server is told to serve."""

from typing import Any

import pytest
import uvicorn

from api.serve import serve


def test_logs_are_ours_and_an_open_stream_does_not_hold_up_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told: dict[str, Any] = {}
    monkeypatch.setattr(uvicorn, "run", lambda _application, **options: told.update(options))

    serve("api.app:create_app", host="127.0.0.1", port=8000)

    assert (told["factory"], told["host"], told["port"]) == (True, "127.0.0.1", 8000)
    assert (told["access_log"], told["log_config"]) == (False, None)
    assert told["timeout_graceful_shutdown"] < 10
