"""All that has to be right before a sale opens, looked at together."""

import asyncio

from api.preflight.check import Check, Checked, carry_out
from api.preflight.dry_run import DRY_RUN_SECONDS, DryRun
from api.preflight.stores import StoreChecks
from api.preflight.surroundings import SurroundingChecks
from domain.errors import ErrorCode, Refusal
from infra.postgres.engine import Database
from infra.postgres.sales import Sales

STORES = "see that Redis and Postgres answer"
TEMPORAL = "see that Temporal answers"


class Preflight:
    def __init__(
        self, database: Database, stores: StoreChecks, around: SurroundingChecks, dry_run: DryRun
    ) -> None:
        self._database = database
        self._stores = stores
        self._around = around
        self._dry_run = dry_run

    async def of(self, sale_id: str, *, dry_run: bool = True) -> list[Checked]:
        """A line for each check, whatever is away. Raises Refusal NOT_FOUND for a sale that
        Postgres says it does not know."""
        await self._refuse_unknown(sale_id)
        processes = await self._around.worker_processes()
        stores, around = self._stores, self._around
        checks = [
            Check("stock", lambda: stores.stock(sale_id), STORES),
            Check("terms", lambda: stores.terms(sale_id), STORES),
            Check("clocks", stores.clocks, STORES),
            Check("connections", lambda: stores.connections(processes), STORES),
            Check("workers", around.workers, TEMPORAL),
            Check("search_attributes", around.search_attributes, TEMPORAL),
            Check("webhook", around.webhook, "look at SECKILL_PUBLIC_URL"),
            Check("providers", around.providers, "look at the providers' settings", 12.0),
            Check("dev_login", around.dev_login, "look at the settings"),
            Check("round_trip", around.round_trip, "look at the providers' settings", 30.0),
        ]
        if dry_run:
            advice = "see what the other lines say"
            checks.append(Check("dry_run", self._dry_run.look, advice, DRY_RUN_SECONDS))
        return list(await asyncio.gather(*map(carry_out, checks)))

    async def _refuse_unknown(self, sale_id: str) -> None:
        try:
            async with self._database.transaction() as connection:
                known = await Sales(connection).get(sale_id)
        except Exception:
            # That Postgres is away is what the lines say.
            return
        if known is None:
            raise Refusal(ErrorCode.NOT_FOUND, "no such sale")
