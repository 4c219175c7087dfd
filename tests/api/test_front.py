"""The gate's own way in: it answers alone, and as the long way would."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from starlette.datastructures import State
from starlette.types import Message

from api.app import create_app
from api.front import Front, plain_click
from api.metrics import Metrics
from api.routes import gate
from infra.settings import Settings
from tests.support.buyers import click, gate_path
from tests.support.callers import ADA, BOB, JSON, served, token
from tests.support.outages import without
from tests.support.shop import Shop

# A header said twice is unusual, and otherwise nothing to anybody.
LONG_WAY = [("X-Twice", "1"), ("X-Twice", "2")]
PAGE = "https://shop.example"
ONE = b'{"quantity": 1}'
PATH = "/v1/sales/noon/items/mug/orders"
HEADERS = [(b"content-length", b"15"), (b"content-type", b"application/json")]
GOOD: dict[str, Any] = {"type": "http", "method": "POST", "path": PATH, "headers": HEADERS}


async def unreachable(*_: object) -> None:
    raise AssertionError("the framework was asked")


async def test_a_click_meets_nothing_of_the_framework(settings: Settings, shop: Shop) -> None:
    app = create_app(settings)
    async with served(app) as api:
        app.middleware_stack = unreachable

        assert (await click(api, shop)).status_code == 202
        assert (await click(api, shop, key="")).status_code == 202
        with pytest.raises(AssertionError, match="framework"):
            await api.get(gate_path(shop))


CLICKS: dict[str, tuple[bytes, dict[str, str]]] = {
    "accepted": (ONE, ADA),
    "nobody": (ONE, {}),
    "not JSON": (b"{", ADA),
    "too many": (b'{"quantity": 1001}', ADA),
    "above the limit": (b'{"quantity": 3}', ADA),
    "no key": (ONE, {**ADA, "Idempotency-Key": "tab\there"}),
    "another token": (ONE, {"Authorization": f"Basic {token('ada')}"}),
    "a named page": (ONE, {**BOB, "Origin": PAGE}),
    "another page": (b"{}", {**BOB, "Origin": "https://evil.example"}),
}


@pytest.mark.parametrize(("body", "headers"), CLICKS.values(), ids=CLICKS)
@pytest.mark.parametrize("origins", ["", PAGE])
@pytest.mark.parametrize("away", [(), ("redis",)], ids=["all there", "Redis away"])
async def test_both_ways_answer_alike(
    settings: Settings,
    shop: Shop,
    body: bytes,
    headers: dict[str, str],
    origins: str,
    away: tuple[str, ...],
) -> None:
    named = without(settings, *away).model_copy(update={"cors_origins": origins})
    async with served(create_app(named)) as api:
        said = [*headers.items(), *JSON.items()]
        short = await api.post(gate_path(shop), content=body, headers=said)
        long = await api.post(gate_path(shop), content=body, headers=[*said, *LONG_WAY])

        assert short.status_code == long.status_code
        assert _but_for_the_order(short) == _but_for_the_order(long)
        counted = (await api.get("/metrics")).text
        assert f'route="{gate.PATH}",status="{short.status_code}"}} 2.0' in counted


def _but_for_the_order(answer: httpx.Response) -> tuple[list[tuple[str, str]], str]:
    order_id = str(answer.json().get("order_id", "-"))
    headers = [(name, value.replace(order_id, "…")) for name, value in answer.headers.items()]
    return sorted(headers), answer.text.replace(order_id, "…")


@pytest.mark.parametrize(
    ("unusual", "what"),
    [
        ({"type": "websocket"}, "no HTTP"),
        ({"method": "HEAD"}, "HEAD"),
        ({"method": "OPTIONS"}, "preflight"),
        ({"path": PATH + "/"}, "another path"),
        ({"path": PATH + "\n"}, "a path with a line"),
        ({"path": "/v1/sales/noon/items/a/b/orders"}, "a longer path"),
        ({"headers": HEADERS[1:]}, "no length"),
        ({"headers": [(b"transfer-encoding", b"chunked"), HEADERS[1]]}, "chunks"),
        ({"headers": [(b"content-length", b"0"), HEADERS[1]]}, "no body"),
        ({"headers": [(b"content-length", b"65537"), HEADERS[1]]}, "too much body"),
        ({"headers": HEADERS[:1]}, "no type"),
        ({"headers": [HEADERS[0], (b"content-type", b"text/plain")]}, "another type"),
        ({"headers": [*HEADERS, HEADERS[1]]}, "two types"),
        ({"headers": [*HEADERS, *[(b"authorization", b"Bearer a")] * 2]}, "two callers"),
        ({"headers": [*HEADERS, *[(b"idempotency-key", b"a")] * 2]}, "two keys"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_unusual_goes_the_long_way(unusual: dict[str, Any], what: str) -> None:
    assert plain_click({**GOOD, **unusual}) is None, what


def test_a_click_is_read_as_it_was_said() -> None:
    said = [(b"authorization", b"Bearer a"), (b"idempotency-key", b"k"), (b"origin", b"o")]

    plain = plain_click({**GOOD, "headers": [*HEADERS, *said]})
    bare = plain_click(GOOD)

    assert plain is not None
    assert plain.origin == b"o"
    assert plain.click == gate.Click("noon", "mug", (b"Bearer a",), (b"k",))
    assert bare is not None
    assert bare.click == gate.Click("noon", "mug", (), ())


class World:
    """A front with nothing behind it but a shop's state."""

    def __init__(self, state: State) -> None:
        self.metrics = Metrics()
        self.front = Front(state, self.metrics, frozenset())
        self.sent: list[Message] = []

    async def send(self, message: Message) -> None:
        self.sent.append(message)

    async def serve(self, said: Message, headers: list[tuple[bytes, bytes]]) -> None:
        async def receive() -> Message:
            return said

        plain = plain_click({**GOOD, "headers": [*HEADERS, *headers]})
        assert plain is not None
        await self.front.serve(plain, receive, self.send)


@pytest.fixture
async def opened(settings: Settings, shop: Shop) -> AsyncIterator[State]:
    app = create_app(settings)
    async with served(app):
        yield app.state


async def test_a_caller_who_has_gone_gets_no_answer_and_is_counted(opened: State) -> None:
    world = World(opened)
    known = [(b"authorization", ADA["Authorization"].encode())]

    await world.serve({"type": "http.disconnect"}, known)

    assert world.sent == []
    assert 'status="0"} 1.0' in world.metrics.exposition().decode()


async def test_before_the_start_it_says_that_it_is_not_there_yet() -> None:
    world = World(State())

    await world.serve({"type": "http.request", "body": ONE}, [])

    assert [message.get("status") for message in world.sent] == [503, None]
    assert (b"cache-control", b"no-store") in world.sent[0]["headers"]
    assert b"UNAVAILABLE" in world.sent[1]["body"]


async def test_an_answer_that_broke_off_is_not_completed(opened: State) -> None:
    world = World(opened)

    async def broken(message: Message) -> None:
        world.sent.append(message)
        if message["type"] == "http.response.body":
            raise RuntimeError("the line is cut")

    world.send = broken  # type: ignore[method-assign]
    with pytest.raises(RuntimeError, match="cut"):
        await world.serve({"type": "http.request", "body": ONE}, [])

    assert len(world.sent) == 2
