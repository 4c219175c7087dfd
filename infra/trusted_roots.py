"""Whom we trust over TLS outside this machine."""

import ssl
from functools import cache

import httpx


@cache
def trusted_roots() -> ssl.SSLContext:
    """httpx's own choice, loaded once a process: it takes 35 ms of work for each client."""
    return httpx.create_ssl_context()
