"""Sales as operators make and publish them."""

import time
from datetime import UTC, datetime

import structlog
from fastapi import APIRouter, Response
from sqlalchemy.ext.asyncio import AsyncConnection

from api.deps import Cursor, Limit, OperatorDep, Services, ServicesDep
from api.routes.names import known_name
from api.schemas.sales import (
    NewSaleBody,
    OperatorSalesPage,
    OperatorSaleView,
    operator_sale_view,
)
from domain.errors import ErrorCode, Refusal
from domain.ids import new_sale_id
from domain.sale import NewSale, Sale
from domain.states import AT_THE_GATE, SaleStatus
from infra.postgres.sales import Sales

log = structlog.get_logger()

router = APIRouter(prefix="/v1/operator/sales", tags=["operator"])


@router.post("", status_code=201, summary="Draft a sale")
async def create_sale(
    body: NewSaleBody, operator: OperatorDep, services: ServicesDep, response: Response
) -> OperatorSaleView:
    sale_id = new_sale_id(time.time_ns() // 1_000_000)
    new_sale = NewSale.model_validate(body.model_dump())
    async with services.database.transaction() as connection:
        sale = await Sales(connection).create(sale_id, new_sale)
    log.info("sale_created", sale_id=sale_id, actor=operator.actor)
    response.headers["Location"] = f"/v1/operator/sales/{sale_id}"
    return await _view(services, sale)


@router.get("", summary="All sales, drafts too")
async def list_sales(
    _operator: OperatorDep, services: ServicesDep, cursor: Cursor = None, limit: Limit = 20
) -> OperatorSalesPage:
    async with services.database.transaction() as connection:
        sales, following = await Sales(connection).page(cursor, limit)
    views = [await _view(services, sale) for sale in sales]
    return OperatorSalesPage(sales=views, next_cursor=following)


@router.get("/{sale_id}", summary="One sale with its stock")
async def get_sale(sale_id: str, _operator: OperatorDep, services: ServicesDep) -> OperatorSaleView:
    async with services.database.transaction() as connection:
        sale = await _known(connection, sale_id)
    return await _view(services, sale)


@router.post("/{sale_id}/publish", summary="Put a sale on show and its stock at the gate")
async def publish_sale(
    sale_id: str, operator: OperatorDep, services: ServicesDep
) -> OperatorSaleView:
    """May be repeated: a second time changes no stock, and heals a first one that broke off."""
    async with services.database.transaction() as connection:
        await Sales(connection).change_status(
            known_name(sale_id), SaleStatus.DRAFT, SaleStatus.PUBLISHED
        )
        sale = await _known(connection, sale_id)
        if sale.status not in AT_THE_GATE:
            raise Refusal(
                ErrorCode.INVALID_STATE, f"the sale is {sale.status}", sale_status=sale.status
            )
    for item in sale.items:
        await services.gate.preheat(sale.terms_of(item), item.available)
    services.sales.forget()
    log.info("sale_published", sale_id=sale_id, actor=operator.actor)
    return await _view(services, sale)


async def _known(connection: AsyncConnection, sale_id: str) -> Sale:
    sale = await Sales(connection).get(known_name(sale_id))
    if sale is None:
        raise Refusal(ErrorCode.NOT_FOUND, "no such sale")
    return sale


async def _view(services: Services, sale: Sale) -> OperatorSaleView:
    return operator_sale_view(sale, await services.sales.remaining(sale), datetime.now(UTC))
