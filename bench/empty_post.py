"""The yardstick at the front door: FastAPI with one POST that does nothing, served like ours."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from pydantic import BaseModel

from api.serve import serve
from infra.garbage import tune_garbage_collection

PATH = "/orders"


class Wanted(BaseModel):
    quantity: int


class Accepted(BaseModel):
    order_id: str
    status: str


def create_app() -> FastAPI:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        tune_garbage_collection()
        yield

    app = FastAPI(lifespan=lifespan)

    @app.post(PATH, status_code=202)
    async def place_order(_: Wanted) -> Accepted:
        return Accepted(order_id="01K0000000000000000000000", status="queued")

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    return app


if __name__ == "__main__":
    serve("bench.empty_post:create_app", host="127.0.0.1", port=int(sys.argv[1]))
