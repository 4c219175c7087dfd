"""Which methods a path has: what 405 must tell."""

from collections.abc import Iterable

from starlette.routing import BaseRoute, Match
from starlette.types import Scope

ASKED = ("GET", "POST", "PUT", "PATCH", "DELETE")


def allowed_methods(routes: Iterable[BaseRoute], scope: Scope) -> str:
    """All methods of all routes with this path, as `Allow` lists them. One path may have several
    routes, of which the framework names the methods of the first alone."""
    known = list(routes)
    found = [
        method
        for method in ASKED
        if any(route.matches({**scope, "method": method})[0] is Match.FULL for route in known)
    ]
    # Whatever can be got has a head.
    if "GET" in found:
        found.insert(1, "HEAD")
    return ", ".join(found)
