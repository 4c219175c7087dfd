"""Sales as operators make and publish them."""

import time
from datetime import UTC, datetime

import structlog
from fastapi import APIRouter, Response
from sqlalchemy.ext.asyncio import AsyncConnection

from api.deps import (
    Cursor,
    IdempotencyKey,
    Limit,
    OneKey,
    OperatorDep,
    Services,
    ServicesDep,
)
from api.openapi_problems import ETAG, LOCATION, refuses
from api.routes.names import known_name
from api.schemas.draws import PublishBody
from api.schemas.sales import (
    NewSaleBody,
    OperatorSalesPage,
    OperatorSaleView,
    etag_of,
    operator_sale_view,
)
from audit.item_rebuild import rebuild_item
from audit.sources import open_sources
from domain.errors import ErrorCode, Refusal
from domain.ids import new_sale_id
from domain.operator_act import OperatorAct
from domain.sale import NewSale, Sale
from domain.sale_command import CommandKind, SaleCommand, digest_of
from infra.postgres.operator_acts import OperatorActs
from infra.postgres.sales import Sales
from infra.readable import all_readable

log = structlog.get_logger()

router = APIRouter(prefix="/v1/operator/sales", tags=["operator"])


@router.post(
    "",
    status_code=201,
    summary="Draft a sale",
    dependencies=[OneKey],
    responses={201: {"headers": {"Location": LOCATION}}},
    openapi_extra=refuses(ErrorCode.IDEMPOTENCY_MISMATCH),
)
async def create_sale(
    body: NewSaleBody,
    operator: OperatorDep,
    services: ServicesDep,
    response: Response,
    idempotency_key: IdempotencyKey = None,
) -> OperatorSaleView:
    """Nobody sees it before it is published. An order of as many units as one buyer may have must
    fit into one payment."""
    sale_id = new_sale_id(time.time_ns() // 1_000_000)
    new_sale = NewSale.model_validate(body.model_dump())
    async with services.database.transaction() as connection:
        sales = Sales(connection)
        view = _drawn_up(await sales.create(sale_id, new_sale, request_key=idempotency_key))
        is_new = view.sale_id == sale_id
        if is_new:
            acts = OperatorActs(connection)
            await acts.record(OperatorAct.SALE_DRAFTED, sale_id, operator.actor)
    if is_new:
        log.info("sale_created", sale_id=sale_id, actor=operator.actor)
    response.headers["Location"] = f"/v1/operator/sales/{view.sale_id}"
    return view


@router.get("", summary="All sales, drafts too")
async def list_sales(
    _operator: OperatorDep, services: ServicesDep, cursor: Cursor = None, limit: Limit = 20
) -> OperatorSalesPage:
    """Newest first, with the stock of each item in the ledger and at the gate."""
    async with services.database.transaction() as connection:
        sales, following = await Sales(connection).page(cursor, limit, with_practice=False)
    left = {sale.sale_id: await services.sales.remaining(sale) for sale in sales}
    now = datetime.now(UTC)
    views = all_readable(sales, lambda sale: operator_sale_view(sale, left[sale.sale_id], now))
    return OperatorSalesPage(sales=views, next_cursor=following)


@router.get(
    "/{sale_id}",
    summary="One sale with its stock",
    responses={200: {"headers": {"ETag": ETAG}}},
)
async def get_sale(
    sale_id: str, _operator: OperatorDep, services: ServicesDep, response: Response
) -> OperatorSaleView:
    """`available`, `held` and `sold` are the ledger's; `remaining` is what the gate gives away."""
    async with services.database.transaction() as connection:
        sale = await _known(connection, sale_id)
    view = await _view(services, sale)
    response.headers["ETag"] = etag_of(view)
    return view


@router.post(
    "/{sale_id}/publish",
    summary="Put a sale on show and its stock at the gate",
    dependencies=[OneKey],
    openapi_extra=refuses(ErrorCode.INVALID_STATE, ErrorCode.IDEMPOTENCY_MISMATCH),
)
async def publish_sale(
    sale_id: str,
    operator: OperatorDep,
    services: ServicesDep,
    body: PublishBody | None = None,
    idempotency_key: IdempotencyKey = None,
) -> OperatorSaleView:
    """May be repeated: a second time changes no stock, and heals a first one that broke off. The
    seed of a draw is made here, and its commitment shown."""
    said = body or PublishBody()
    digest = digest_of(CommandKind.PUBLISH, said.model_dump(mode="json", exclude_unset=True))
    command = SaleCommand(
        kind=CommandKind.PUBLISH,
        actor=operator.actor,
        reason=said.reason,
        key=idempotency_key,
        digest=digest,
    )
    known_name(sale_id)
    view, is_first = await services.sale_commands.publish(sale_id, said.beacon_source, command)
    if not is_first:
        await _reconcile(services, sale_id)
    if view.ends_at <= datetime.now(UTC):
        # It may be meant; the answer says `closed`, and nobody can buy.
        log.warning("sale_published_after_its_end", sale_id=sale_id, ends_at=str(view.ends_at))
    if idempotency_key is not None:
        return view
    async with services.database.transaction() as connection:
        sale = await _known(connection, sale_id)
    return await _view(services, sale)


async def _reconcile(services: Services, sale_id: str) -> None:
    """Puts at the gate what it does not know, with the orders Postgres has of it."""
    async with services.database.transaction() as connection:
        sale = await _known(connection, sale_id)
    lost = [item.ref for item in sale.items if item.retired_at is None]
    lost = [ref for ref in lost if await services.gate.commands.is_unknown(ref)]
    if not lost:
        return
    async with open_sources(services.settings, services.workflow_client) as sources:
        for ref in lost:
            await rebuild_item(sources, ref)


async def _known(connection: AsyncConnection, sale_id: str) -> Sale:
    sale = await Sales(connection).get(known_name(sale_id))
    if sale is None:
        raise Refusal(ErrorCode.NOT_FOUND, "no such sale")
    return sale


async def _view(services: Services, sale: Sale) -> OperatorSaleView:
    return operator_sale_view(sale, await services.sales.remaining(sale), datetime.now(UTC))


def _drawn_up(sale: Sale) -> OperatorSaleView:
    """Before the commit, and without asking the gate: whatever cannot be shown is not kept."""
    return operator_sale_view(
        sale, {item.sku_id: item.available for item in sale.items}, datetime.now(UTC)
    )
