"""Temporal as we reach it, and one that is not ours made ready for the way we search it."""

import json
from pathlib import Path

import pytest
from temporalio.api.operatorservice.v1 import (
    ListSearchAttributesRequest,
    RemoveSearchAttributesRequest,
)
from temporalio.client import Client

from domain.reservation import Intent
from infra.temporal.client import (
    DATA_CONVERTER,
    SEARCH_ATTRIBUTES,
    attributes_of_a_new_order,
    connect_temporal,
    register_search_attributes,
)
from practice.stack.ports import free_port
from practice.stack.process import start, stop
from practice.stack.temporal import TemporalServer
from tests.support.values import an_item, an_order


async def _known(client: Client) -> set[str]:
    request = ListSearchAttributesRequest(namespace=client.namespace)
    return set((await client.operator_service.list_search_attributes(request)).custom_attributes)


async def test_a_client_is_there_while_the_server_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEMPORAL_ADDRESS", f"127.0.0.1:{free_port()}")

    assert await connect_temporal(lazy=True)


def test_a_new_order_is_searched_by_what_it_will_be_in_a_moment() -> None:
    intent = an_order(an_item(), "ada").intent

    attributes = attributes_of_a_new_order(intent)

    assert {pair.key.name: pair.value for pair in attributes} == {
        "SaleId": "noon",
        "SkuId": "mug",
        "UserId": "ada",
        "OrderStatus": "pending_payment",
        "NeedsAttention": False,
    }


def test_models_go_to_histories_as_json_and_come_back_as_they_were() -> None:
    intent = an_order(an_item(), "ada").intent
    converter = DATA_CONVERTER.payload_converter

    [payload] = converter.to_payloads([intent])

    assert json.loads(payload.data) == intent.model_dump()
    assert converter.from_payloads([payload], [Intent]) == [intent]


@pytest.mark.servers
@pytest.mark.timeout(90)
async def test_missing_search_attributes_are_registered_and_standing_ones_left(
    tmp_path: Path,
) -> None:
    server = TemporalServer(free_port(), free_port())
    running = await start(server, tmp_path / "temporal.log", die_with_parent=True)
    try:
        client = await Client.connect(server.address)
        ours = {key.name for key in SEARCH_ATTRIBUTES}
        await client.operator_service.remove_search_attributes(
            RemoveSearchAttributesRequest(
                namespace=client.namespace, search_attributes=["UserId", "NeedsAttention"]
            )
        )
        assert ours - await _known(client) == {"UserId", "NeedsAttention"}

        await register_search_attributes(client)
        await register_search_attributes(client)

        assert ours <= await _known(client)
    finally:
        await stop(running)
