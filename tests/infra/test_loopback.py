"""What counts as this very machine."""

import pytest

from infra.loopback import is_loopback_host, is_loopback_url


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST.", "a.localhost", "127.0.0.1", "127.1.2.3", "::1", "[::1]"]
)
def test_this_machine(host: str) -> None:
    assert is_loopback_host(host)


@pytest.mark.parametrize(
    "host",
    [None, "", "0.0.0.0", "::", "10.0.0.1", "localhost.example", "127.0.0.1.example", "127.1"],  # noqa: S104
)
def test_another_machine_or_all_of_them(host: str | None) -> None:
    assert not is_loopback_host(host)


@pytest.mark.parametrize(
    ("url", "this_machine"),
    [
        ("http://127.0.0.1:8000", True),
        ("http://[::1]/x", True),
        ("http://user@localhost:1/", True),
        ("http://localhost@evil.example/", False),
        ("https://shop.example", False),
        ("localhost:8000", False),
        ("http://[::1", False),
        ("", False),
    ],
)
def test_the_host_of_an_address_decides(url: str, this_machine: bool) -> None:
    assert is_loopback_url(url) is this_machine
