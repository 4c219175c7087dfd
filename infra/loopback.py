"""What counts as this very machine: practice is allowed there, and nowhere else."""

from ipaddress import ip_address
from urllib.parse import urlsplit


def is_loopback_host(host: str | None) -> bool:
    """Whether a name or an address, with or without brackets, can only mean this machine."""
    name = (host or "").strip("[]").rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False


def is_loopback_url(url: str) -> bool:
    """Whether a URL's host can only mean this machine; False for what is no URL."""
    try:
        return is_loopback_host(urlsplit(url).hostname)
    except ValueError:
        return False
