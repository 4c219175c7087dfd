"""HTTP to our own processes on this machine."""

import ssl

import httpx


def loopback_http(base_url: str = "", timeout_seconds: float = 3.0) -> httpx.AsyncClient:
    """Without the certificates that httpx loads by default: that takes longer than most of the
    questions, which are never asked over TLS."""
    return httpx.AsyncClient(
        base_url=base_url,
        timeout=timeout_seconds,
        trust_env=False,
        verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
    )
