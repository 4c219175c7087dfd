"""Sales as buyers see them."""

from datetime import UTC, datetime

from fastapi import APIRouter

from api.deps import Cursor, Limit, ServicesDep
from api.routes.names import known_name
from api.schemas.sales import SalesPage, SaleView, sale_view
from domain.errors import ErrorCode, Refusal

router = APIRouter(tags=["buyer"])


@router.get("/v1/sales", summary="Sales to come, open and past")
async def list_sales(services: ServicesDep, cursor: Cursor = None, limit: Limit = 20) -> SalesPage:
    sales, following = await services.sales.page(cursor, limit)
    now = datetime.now(UTC)
    views = [sale_view(sale, await services.sales.remaining(sale), now) for sale in sales]
    return SalesPage(sales=views, next_cursor=following)


@router.get("/v1/sales/{sale_id}", summary="One sale and what is left of its items")
async def get_sale(sale_id: str, services: ServicesDep) -> SaleView:
    sale = await services.sales.sale(known_name(sale_id))
    if sale is None:
        raise Refusal(ErrorCode.NOT_FOUND, "no such sale")
    return sale_view(sale, await services.sales.remaining(sale), datetime.now(UTC))
