"""Sales and the items they begin with."""

import hashlib
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from sqlalchemy import RowMapping, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.errors import ErrorCode, Refusal
from domain.sale import PRACTICE_SALE_ID, Admission, Item, NewItem, NewSale, Sale
from domain.states import SaleStatus
from domain.stock import MovementKind
from infra.postgres.queries import fetch_page, happened
from infra.postgres.tables.sales import sale_items, sales
from infra.postgres.tables.stock import stock_movements
from infra.readable import all_readable


class Sales:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def create(self, sale_id: str, sale: NewSale, *, request_key: str | None = None) -> Sale:
        """A draft with its items; the sale that stands already if its id or its `request_key` is
        known. Raises Refusal IDEMPOTENCY_MISMATCH if the key made another one."""
        fields = sale.model_dump(exclude={"items"})
        # For processes of the release before, which know no other word for it.
        fields["requires_entry_token"] = sale.admission is not Admission.OPEN
        if request_key is not None:
            fields |= {"request_key": request_key, "request_digest": _digest(sale)}
        query = insert(sales).values(sale_id=sale_id, status=SaleStatus.DRAFT, **fields)
        # A repeat that comes while the first is being written waits here until that is done.
        if await happened(self._connection, query.on_conflict_do_nothing()):
            await self._open_items(sale_id, sale.items)
        elif request_key is not None:
            sale_id = await self._made_by(request_key, _digest(sale))
        created = await self.get(sale_id)
        if created is None:
            raise LookupError(f"sale {sale_id} vanished while it was created")
        return created

    async def get(self, sale_id: str) -> Sale | None:
        query = select(sales).where(sales.c.sale_id == sale_id)
        row = (await self._connection.execute(query)).mappings().one_or_none()
        return _sale(row, (await self._items([sale_id]))[sale_id]) if row else None

    async def page(
        self,
        cursor: str | None,
        limit: int,
        *,
        statuses: Collection[SaleStatus] | None = None,
        with_practice: bool = True,
    ) -> tuple[list[Sale], str | None]:
        """Newest first; of any status unless `statuses` says which."""
        query = select(sales)
        if not with_practice:
            query = query.where(sales.c.sale_id != PRACTICE_SALE_ID)
        if statuses is not None:
            query = query.where(sales.c.status.in_(statuses))
        rows, after = await fetch_page(self._connection, query, sales.c.sale_id, cursor, limit)
        items = await self._items([row["sale_id"] for row in rows])
        return all_readable(rows, lambda row: _sale(row, items[row["sale_id"]])), after

    async def change_status(self, sale_id: str, expected: SaleStatus, to: SaleStatus) -> bool:
        """False if the sale is unknown or its status is not the expected one (any more)."""
        query = (
            update(sales)
            .where(sales.c.sale_id == sale_id, sales.c.status == expected)
            .values(status=to)
        )
        return await happened(self._connection, query)

    async def _made_by(self, request_key: str, digest: str) -> str:
        query = select(sales.c.sale_id, sales.c.request_digest)
        made = await self._connection.execute(query.where(sales.c.request_key == request_key))
        sale_id, first = made.one()
        if first != digest:
            raise Refusal(ErrorCode.IDEMPOTENCY_MISMATCH, "the key made another sale")
        return str(sale_id)

    async def _open_items(self, sale_id: str, items: Sequence[NewItem]) -> None:
        rows: list[dict[str, Any]] = [
            {
                "sale_id": sale_id,
                "total": item.stock,
                "available": item.stock,
                **item.model_dump(exclude={"stock"}),
            }
            for item in items
        ]
        # The audit proves each item's figures from its movements, so even a stock of none has one.
        openings = [
            {
                "sale_id": sale_id,
                "sku_id": item.sku_id,
                "kind": MovementKind.OPENING,
                "quantity": item.stock,
            }
            for item in items
        ]
        if rows:
            await self._connection.execute(insert(sale_items), rows)
            await self._connection.execute(insert(stock_movements), openings)

    async def _items(self, sale_ids: Collection[str]) -> dict[str, list[RowMapping]]:
        query = (
            select(sale_items)
            .where(sale_items.c.sale_id.in_(sale_ids))
            .order_by(sale_items.c.item_number)
        )
        items: dict[str, list[RowMapping]] = {sale_id: [] for sale_id in sale_ids}
        for row in (await self._connection.execute(query)).mappings():
            items[row["sale_id"]].append(row)
        return items


def _sale(row: RowMapping, items: Iterable[RowMapping]) -> Sale:
    return Sale.model_validate({**row, "items": [Item.model_validate(item) for item in items]})


def _digest(sale: NewSale) -> str:
    # Without what was left out: a member that comes with a later version changes no digest.
    return hashlib.sha256(sale.model_dump_json(exclude_defaults=True).encode()).hexdigest()
