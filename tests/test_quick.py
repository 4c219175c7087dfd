"""`make test-quick` starts no server: which tests that are is found out, and cannot be wrong."""

import re
from pathlib import Path

import pytest

from tests.support.needs_servers import SERVER_FIXTURES

TESTS = """
    import subprocess
    import sys

    import pytest

    @pytest.fixture
    def redis_url():
        return "redis://"

    @pytest.fixture
    def redis(redis_url):
        return redis_url

    @pytest.fixture(autouse=True)
    def everywhere():
        return None

    def test_of_rules_alone():
        pass

    def test_of_a_store(redis):
        pass

    class TestOfAStore:
        @pytest.mark.usefixtures("redis")
        def test_by_its_mark(self):
            pass

    @pytest.mark.servers
    def test_with_a_process_of_its_own():
        subprocess.run([sys.executable, "-c", ""], check=True)

    def test_with_a_process_it_says_nothing_of():
        subprocess.run([sys.executable, "-c", ""], check=True)
"""


def _outcomes(pytester: pytest.Pytester, *arguments: str) -> dict[str, list[str]]:
    """Names of the tests above by how they ended."""
    pytester.makepyfile(TESTS)
    plugin = ("-p", "tests.support.needs_servers", "-p", "no:xdist", "-p", "no:asyncio")
    run = pytester.inline_run(*plugin, *arguments)
    return {
        outcome: [report.nodeid.rpartition("::")[2] for report in reports]
        for outcome, reports in zip(
            ("passed", "skipped", "failed"), run.listoutcomes(), strict=True
        )
    }


def test_whoever_asks_for_a_server_by_whatever_way_is_left_out(pytester: pytest.Pytester) -> None:
    outcomes = _outcomes(pytester, "-m", "not servers", "-k", "not nothing")

    assert outcomes == {"passed": ["test_of_rules_alone"], "skipped": [], "failed": []}


@pytest.mark.servers
def test_a_process_nobody_knew_of_fails_its_test_in_any_run(pytester: pytest.Pytester) -> None:
    outcomes = _outcomes(pytester)

    assert outcomes["failed"] == ["test_with_a_process_it_says_nothing_of"]
    assert outcomes["passed"] == [
        "test_of_rules_alone",
        "test_of_a_store",
        "test_by_its_mark",
        "test_with_a_process_of_its_own",
    ]


def test_every_fixture_named_as_a_server_exists() -> None:
    """A name that is left behind when its fixture is renamed would let a server in."""
    sources = "\n".join(path.read_text() for path in Path(__file__).parent.rglob("*.py"))
    fixtures = set(re.findall(r"@pytest\.fixture.*\n(?:async )?def (\w+)", sources))

    assert fixtures >= SERVER_FIXTURES
