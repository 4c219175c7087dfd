from domain.sale import Sale
from domain.states import SaleStatus
from infra.postgres.engine import Database
from infra.postgres.sales import Sales
from tests.support.values import a_new_item, a_new_sale


async def _create(database: Database, sale_id: str, name: str = "Noon sale") -> Sale:
    sale = a_new_sale(a_new_item("mug"), a_new_item("cup", stock=0), name=name)
    async with database.transaction() as connection:
        return await Sales(connection).create(sale_id, sale)


async def test_a_new_sale_is_a_draft_with_all_its_stock_available(database: Database) -> None:
    sale = await _create(database, "noon")
    assert sale.status is SaleStatus.DRAFT
    assert [(item.sku_id, item.total, item.available) for item in sale.items] == [
        ("mug", 10, 10),
        ("cup", 0, 0),
    ]
    assert [item.item_number for item in sale.items] == [1, 2]


async def test_a_sale_without_items_may_be_drafted(database: Database) -> None:
    async with database.transaction() as connection:
        assert (await Sales(connection).create("bare", a_new_sale())).items == ()


async def test_creating_a_sale_again_answers_with_the_one_that_stands(database: Database) -> None:
    first = await _create(database, "noon")
    assert await _create(database, "noon", name="Another name") == first


async def test_an_unknown_sale_is_none(database: Database) -> None:
    async with database.transaction() as connection:
        assert await Sales(connection).get("nowhere") is None


async def test_a_status_changes_only_from_the_expected_one(database: Database) -> None:
    await _create(database, "noon")
    async with database.transaction() as connection:
        sales = Sales(connection)
        publish = ("noon", SaleStatus.DRAFT, SaleStatus.PUBLISHED)
        assert await sales.change_status(*publish) is True
        assert await sales.change_status(*publish) is False
        assert await sales.change_status("nowhere", *publish[1:]) is False
        sale = await sales.get("noon")
    assert sale is not None
    assert sale.status is SaleStatus.PUBLISHED


async def test_pages_run_from_the_newest_to_the_oldest_without_gap_or_repeat(
    database: Database,
) -> None:
    for number in range(5):
        await _create(database, f"sale-{number}")
    seen, cursor = [], None
    async with database.transaction() as connection:
        while True:
            page, cursor = await Sales(connection).page(cursor, 2)
            seen.append([sale.sale_id for sale in page])
            if cursor is None:
                break
    assert seen == [["sale-4", "sale-3"], ["sale-2", "sale-1"], ["sale-0"]]


async def test_a_page_may_be_of_some_statuses_only(database: Database) -> None:
    await _create(database, "draft")
    await _create(database, "public")
    async with database.transaction() as connection:
        sales = Sales(connection)
        await sales.change_status("public", SaleStatus.DRAFT, SaleStatus.PUBLISHED)
        page, cursor = await sales.page(None, 10, statuses=[SaleStatus.PUBLISHED])
    assert [sale.sale_id for sale in page] == ["public"]
    assert [item.sku_id for item in page[0].items] == ["mug", "cup"]
    assert cursor is None
