"""The command tells each line, whatever is away, and its exit code says whether all is right."""

import json

import pytest

from api.preflight.command import NOT_READY, show_preflight
from infra.settings import Settings
from tests.support.callers import SECRET
from tests.support.outages import without


@pytest.fixture
def nothing_there(monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("TEMPORAL_ADDRESS", "127.0.0.1:1")
    here = Settings(jwt_secret=SECRET, public_url="http://127.0.0.1:1")
    return without(here, "redis", "postgres")


def test_every_line_is_told_where_nothing_answers(
    nothing_there: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    code = show_preflight(nothing_there, "noon", dry_run=False, as_json=True)

    report = json.loads(capsys.readouterr().out)
    assert (code, report["ok"]) == (NOT_READY, False)
    wrong = {check["code"] for check in report["checks"] if not check["ok"]}
    assert wrong == {
        *("stock", "terms", "clocks", "connections", "workers", "search_attributes", "webhook")
    }
    assert all(check["advice"] for check in report["checks"] if not check["ok"])
