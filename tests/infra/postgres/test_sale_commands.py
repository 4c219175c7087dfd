import pytest

from domain.errors import Refusal
from domain.sale_command import CommandKind, SaleCommand
from infra.postgres.engine import Database
from infra.postgres.sale_commands import CarriedOut, SaleCommands
from infra.postgres.sales import Sales
from tests.support.ledger import open_item

PAUSE = SaleCommand(kind=CommandKind.PAUSE, actor="operator:olga", key="k", digest="d1")


async def test_a_key_is_of_one_operator_and_one_body(database: Database) -> None:
    await open_item(database)
    async with database.transaction() as connection:
        commands = SaleCommands(connection)
        assert await commands.on_record("noon", PAUSE) is None
        of_bob = PAUSE.model_copy(update={"actor": "bob"})
        await commands.put_on_record("noon", PAUSE, 2, {"version": 2})
        await commands.put_on_record("noon", of_bob, 2, None)

        assert await commands.on_record("noon", PAUSE) == CarriedOut({"version": 2})
        assert await commands.on_record("noon", of_bob) == CarriedOut(None)
        unnamed = PAUSE.model_copy(update={"key": None})
        assert await commands.on_record("noon", unnamed) is None
        with pytest.raises(Refusal, match="another command"):
            await commands.on_record("noon", PAUSE.model_copy(update={"digest": "d2"}))


async def test_a_change_is_of_the_version_that_was_read(database: Database) -> None:
    await open_item(database)
    async with database.transaction() as connection:
        commands = SaleCommands(connection)
        read = await commands.lock("noon")
        assert read is not None
        assert await commands.change(read, name="Evening sale")
        assert not await commands.change(read, name="Night sale")

        sale = await Sales(connection).get("noon")
        assert sale is not None
        assert (sale.name, sale.version) == ("Evening sale", read.version + 1)
        assert await commands.lock("none") is None


async def test_a_version_that_only_the_gate_knows_is_left_behind(database: Database) -> None:
    await open_item(database)
    async with database.transaction() as connection:
        commands = SaleCommands(connection)
        assert await commands.go_past("noon", 7)
        assert not await commands.go_past("noon", 7)
        assert (await Sales(connection).get("noon")).version == 8  # type: ignore[union-attr]
