"""Where a request comes from, whatever it says of that itself."""

import pytest

from api.addresses import NOWHERE, Addresses, CameFrom, came_from
from infra.settings import Settings, UnusableSetting

PROXIES = "10.0.0.0/8, 2001:db8:ffff::/48 127.0.0.1"


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("203.0.113.9", b"", "203.0.113.9"),
        # Nobody is believed but a proxy of ours.
        ("203.0.113.9", b"198.51.100.1", "203.0.113.9"),
        ("10.0.0.7", b"198.51.100.1", "198.51.100.1"),
        # What stands left of the first hop that is not ours, its client wrote.
        ("10.0.0.7", b"192.0.2.1, 198.51.100.1, 10.1.2.3", "198.51.100.1"),
        ("10.0.0.7", b"10.1.2.3", "10.1.2.3"),
        ("10.0.0.7", b"", "10.0.0.7"),
        ("10.0.0.7", b"nonsense", "10.0.0.7"),
        ("10.0.0.7", b"198.51.100.1, nonsense, 10.1.2.3", "10.1.2.3"),
        ("10.0.0.7", b"198.51.100.1:4711", "198.51.100.1"),
        ("10.0.0.7", b"[2001:db8:1:2:3::9]:443", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:3::9", b"", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", b"", "2001:db8:1:2::/64"),
        ("2001:db8:ffff::1", b"2001:db8:5::1", "2001:db8:5::/64"),
        ("::ffff:10.0.0.7", b"198.51.100.1", "198.51.100.1"),
        ("", b"198.51.100.1", NOWHERE),
        ("10.0.0.7", b"\xff\xfe", "10.0.0.7"),
    ],
)
def test_it_is_the_nearest_hop_that_is_no_proxy_of_ours(
    peer: str, forwarded: bytes, address: str
) -> None:
    addresses = Addresses(Settings(trusted_proxies=PROXIES))

    assert addresses.of(CameFrom(peer, forwarded)) == address


def test_said_twice_it_is_one_list() -> None:
    said = [(b"x-forwarded-for", b"a"), (b"host", b"x"), (b"x-forwarded-for", b"b")]

    assert came_from({"headers": said, "client": ("10.0.0.7", 1)}) == CameFrom("10.0.0.7", b"a,b")
    assert came_from({"headers": [], "client": None}) == CameFrom("", b"")


def test_a_proxy_that_is_no_network_is_no_setting() -> None:
    with pytest.raises(UnusableSetting, match="SECKILL_TRUSTED_PROXIES"):
        Addresses(Settings(trusted_proxies="proxy.example"))
