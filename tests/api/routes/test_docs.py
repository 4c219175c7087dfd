"""The documentation for people works without the internet."""

import re

import httpx
import pytest

from api.routes.docs import ASSETS

STRANGERS = re.compile(r"""(?:src|href)=["']?(?:https?:)?//""")


@pytest.mark.parametrize("path", ["/docs", "/redoc"])
async def test_a_page_has_all_it_needs_from_here(api: httpx.AsyncClient, path: str) -> None:
    page = await api.get(path)

    assert page.status_code == 200
    assert not STRANGERS.search(page.text)
    assert "<script>" not in page.text
    needed = re.findall(r"""(?:src|href)="([^"]+)\"""", page.text)
    assert len(needed) >= 2
    for asset in needed:
        answer = await api.get(asset)
        assert answer.status_code == 200, asset
        assert len(answer.content) > 100
        assert answer.headers["cache-control"] == "public, max-age=86400"


@pytest.mark.parametrize("name", ["..%2fdocs.py", "..", "none.js", "swagger-ui.css.map", "%00"])
async def test_nothing_else_is_served(api: httpx.AsyncClient, name: str) -> None:
    assert (await api.get(f"/docs/{name}")).status_code == 404


async def test_scripts_are_served_as_scripts(api: httpx.AsyncClient) -> None:
    for name in ASSETS:
        media = (await api.get(f"/docs/{name}")).headers["content-type"].partition(";")[0]
        wanted = {"js": "text/javascript", "css": "text/css", "png": "image/png"}
        assert media == wanted[name.rpartition(".")[2]]
