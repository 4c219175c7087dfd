"""HTTP to our own processes on this machine."""

import ssl

import httpx


def loopback_http() -> httpx.AsyncClient:
    """A client for one question. Without the certificates that httpx loads by default: that
    takes longer than the question, which is asked many times a second and never over TLS."""
    without_certificates = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return httpx.AsyncClient(timeout=3.0, trust_env=False, verify=without_certificates)
