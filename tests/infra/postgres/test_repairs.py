from domain.repair import NewRepair, RepairKind
from infra.postgres.engine import Database
from infra.postgres.repairs import Repairs


def _of(sale_id: str, order_id: str | None = None) -> NewRepair:
    return NewRepair(
        kind=RepairKind.RESERVATION,
        sale_id=sale_id,
        sku_id="mug",
        order_id=order_id,
        found="missing",
        should="held",
    )


async def test_a_repair_is_begun_and_ends_and_is_found_by_sale_and_order(
    database: Database,
) -> None:
    async with database.transaction() as connection:
        repairs = Repairs(connection)
        first, second, _ = await repairs.begin([_of("a", "O1"), _of("a", "O2"), _of("b")])
        await repairs.conclude({first: "mended", second: "moved"})
        await repairs.conclude({})
        assert await repairs.begin([]) == []
        of_sale, _ = await repairs.page(None, 10, sale_id="a")
        [of_order], _ = await repairs.page(None, 10, order_id="O1")
        newest, cursor = await repairs.page(None, 1)
    assert [(one.order_id, one.outcome) for one in of_sale] == [("O2", "moved"), ("O1", "mended")]
    assert (of_order.actor, of_order.should, of_order.outcome) == ("system", "held", "mended")
    assert [(one.sale_id, one.outcome) for one in newest] == [("b", None)]
    assert cursor is not None
