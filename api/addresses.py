"""Which address a request comes from, where proxies of ours stand in between."""

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import NamedTuple

from starlette.types import Scope

from infra.settings import Settings, UnusableSetting

Address = IPv4Address | IPv6Address
FORWARDED = b"x-forwarded-for"
NOWHERE = "unknown"
# Whoever has one IPv6 address has all of these.
HOUSEHOLD_BITS = 64


class CameFrom(NamedTuple):
    """`peer`: at the other end of the connection. `forwarded`: the header, as it was said."""

    peer: str = ""
    forwarded: bytes = b""


def came_from(scope: Scope) -> CameFrom:
    said = [value for name, value in scope["headers"] if name == FORWARDED]
    return CameFrom(peer_of(scope), b",".join(said))


def peer_of(scope: Scope) -> str:
    client: tuple[str, int] | None = scope.get("client")
    return client[0] if client else ""


class Addresses:
    """Raises UnusableSetting for a proxy that is no address and no network."""

    def __init__(self, settings: Settings) -> None:
        words = settings.trusted_proxies.replace(",", " ").split()
        try:
            self._trusted = tuple(ip_network(word) for word in words)
        except ValueError as error:
            raise UnusableSetting(f"SECKILL_TRUSTED_PROXIES: {error}") from None
        self.of = lru_cache(maxsize=4096)(self._of)

    def _of(self, where: CameFrom) -> str:
        """The right-most hop that is no trusted proxy: what stands further left, anybody may have
        written. An IPv6 address by its /64."""
        hops = [*where.forwarded.decode("latin-1").split(","), where.peer]
        nearest: Address | None = None
        for hop in reversed(hops):
            address = _address(hop)
            # What cannot be read was written beyond the last proxy that could.
            if address is None:
                break
            nearest = address
            if not any(address in network for network in self._trusted):
                break
        return _name(nearest) if nearest else NOWHERE


def _address(hop: str) -> Address | None:
    """Some proxies add the port."""
    text = hop.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return (isinstance(address, IPv6Address) and address.ipv4_mapped) or address


def _name(address: Address) -> str:
    if isinstance(address, IPv4Address):
        return str(address)
    return str(IPv6Network((int(address), HOUSEHOLD_BITS), strict=False))
