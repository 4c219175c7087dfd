"""The cashier's pages are framed by nobody and load nothing."""

import httpx


async def test_every_page_is_closed(provider: httpx.AsyncClient) -> None:
    page = await provider.get("/cashier/unknown")

    assert page.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
    assert page.headers["x-frame-options"] == "DENY"
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["x-content-type-options"] == "nosniff"


async def test_what_is_no_page_has_no_policy_for_pages(provider: httpx.AsyncClient) -> None:
    answer = await provider.get("/book")

    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "content-security-policy" not in answer.headers
