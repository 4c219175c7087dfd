"""What tests of deliveries say again and again."""

from domain.attention import Attention
from domain.delivery import DeliveryKind
from domain.order import OrderDossier
from domain.points import PointsKind
from domain.states import DeliveryStatus
from infra.postgres.attentions import Attentions
from infra.postgres.points import Points
from tests.support.branches import Handle
from tests.support.ledger import is_entitled
from tests.support.shop import PRICE, Shop
from workflows.updates import DecideDelivery

MESSAGE = DeliveryKind.MESSAGE
TRIES = 5
RETRY = DecideDelivery(kind=MESSAGE, actor="operator:eve", reason="the mail server is back")
SKIP = DecideDelivery(kind=MESSAGE, actor="operator:eve", reason="told by phone")


async def paid(shop: Shop, *, failing: int = 0) -> Handle:
    """An order that is paid while messages fail so many times."""
    handle = await shop.start(intent := await shop.intent())
    shop.sender.fails[intent.order_id] = failing
    await shop.pay(handle)
    return handle


def order_id_of(handle: Handle) -> str:
    return handle.id.removeprefix("order-")


async def dossier_of(shop: Shop, handle: Handle) -> OrderDossier:
    return await shop.dossier(order_id_of(handle))


async def deliveries_of(shop: Shop, handle: Handle) -> dict[DeliveryKind, DeliveryStatus]:
    owed = (await dossier_of(shop, handle)).deliveries
    return {delivery.kind: delivery.status for delivery in owed}


async def attentions(shop: Shop) -> list[Attention]:
    async with shop.database.transaction() as connection:
        return (await Attentions(connection).page(None, 10))[0]


async def tried(shop: Shop, times: int) -> bool:
    return shop.sender.tries.total() >= times


async def happened(shop: Shop, handle: Handle, event: str) -> bool:
    return event in [e.event for e in (await dossier_of(shop, handle)).events]


async def expect_each_once(shop: Shop, handle: Handle) -> None:
    order_id = order_id_of(handle)
    async with shop.database.transaction() as connection:
        entries, _ = await Points(connection).page("ada", None, 10)
        assert await Points(connection).balance("ada") == PRICE // 100
    assert await is_entitled(shop.database, order_id)
    assert [(entry.kind, entry.order_id) for entry in entries] == [(PointsKind.AWARD, order_id)]
    assert shop.sender.sent == {f"{order_id}-order_paid"}
    assert set((await deliveries_of(shop, handle)).values()) == {DeliveryStatus.DONE}
