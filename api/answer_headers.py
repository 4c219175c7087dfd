"""What every answer says besides itself: who may keep it, and what a browser may do with it."""

from collections.abc import Iterable, Mapping

Header = tuple[bytes, bytes]

# A caller's own orders, tokens and points must not lie about in caches.
NOT_KEPT = b"no-store"
# What is the same for everybody, by route. A browser or a proxy then takes the rush off us.
PUBLIC: Mapping[str, bytes] = {
    "/v1/sales": b"public, max-age=1",
    "/v1/sales/{sale_id}": b"public, max-age=1",
    "/v1/sales/{sale_id}/items/{sku_id}/room": b"public, max-age=1",
    "/openapi.json": b"public, max-age=60",
    "/docs": b"public, max-age=60",
    "/redoc": b"public, max-age=60",
    "/docs/{asset}": b"public, max-age=86400",
}
EVERYWHERE: tuple[Header, ...] = (
    (b"x-content-type-options", b"nosniff"),
    # Addresses hold order ids, and what a payment provider signed.
    (b"referrer-policy", b"no-referrer"),
)
# Our pages load nothing and are framed by nobody; a page that needs more says so itself.
STRICT = (
    b"default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none';"
    b" frame-ancestors 'none'"
)
PAGES: tuple[Header, ...] = (
    (b"content-security-policy", STRICT),
    (b"x-frame-options", b"DENY"),
)


def dressed(template: str, status: int, headers: Iterable[Header]) -> list[Header]:
    """The headers of an answer of the route `template`, completed. What a route has said itself
    stays; header names are lower case."""
    said = list(headers)
    names = dict(said)
    said.extend(EVERYWHERE)
    if b"cache-control" not in names:
        kept = PUBLIC.get(template, NOT_KEPT) if status == 200 else NOT_KEPT
        said.append((b"cache-control", kept))
    if names.get(b"content-type", b"").startswith(b"text/html"):
        said.extend(header for header in PAGES if header[0] not in names)
    return said
