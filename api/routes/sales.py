"""Sales as buyers see them."""

from datetime import UTC, datetime

from fastapi import APIRouter

from api.deps import Cursor, Limit, ServicesDep
from api.routes.names import known_name
from api.schemas.sales import SalesPage, SaleView, sale_view
from domain.errors import ErrorCode, Refusal
from infra.readable import all_readable

router = APIRouter(tags=["buyer"])


@router.get("/v1/sales", summary="Sales to come, open and past")
async def list_sales(services: ServicesDep, cursor: Cursor = None, limit: Limit = 20) -> SalesPage:
    """Newest first, drafts and cancelled ones left out. At most a second old."""
    sales, following = await services.sales.page(cursor, limit)
    left = {sale.sale_id: await services.sales.remaining(sale) for sale in sales}
    now = datetime.now(UTC)
    views = all_readable(sales, lambda sale: sale_view(sale, left[sale.sale_id], now))
    return SalesPage(sales=views, next_cursor=following)


@router.get("/v1/sales/{sale_id}", summary="One sale and what is left of its items")
async def get_sale(sale_id: str, services: ServicesDep) -> SaleView:
    """At most a second old, as is what `remaining` says. Drafts are not seen."""
    sale = await services.sales.sale(known_name(sale_id))
    if sale is None:
        raise Refusal(ErrorCode.NOT_FOUND, "no such sale")
    return sale_view(sale, await services.sales.remaining(sale), datetime.now(UTC))
