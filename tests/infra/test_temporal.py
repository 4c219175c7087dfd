"""A Temporal that is not ours is made ready for the way we search it."""

from pathlib import Path

import pytest
from temporalio.api.operatorservice.v1 import (
    ListSearchAttributesRequest,
    RemoveSearchAttributesRequest,
)
from temporalio.client import Client
from temporalio.common import SearchAttributeKey

from infra.temporal.client import SEARCH_ATTRIBUTES, register_search_attributes
from infra.temporal.search_attributes import SEARCH_TYPES
from practice.stack.ports import free_port
from practice.stack.process import start, stop
from practice.stack.temporal import TemporalServer


async def _known(client: Client) -> set[str]:
    request = ListSearchAttributesRequest(namespace=client.namespace)
    return set((await client.operator_service.list_search_attributes(request)).custom_attributes)


def test_a_server_is_started_with_the_names_its_clients_use() -> None:
    makers = {"Keyword": SearchAttributeKey.for_keyword, "Bool": SearchAttributeKey.for_bool}

    assert {makers[kind](name) for name, kind in SEARCH_TYPES.items()} == set(SEARCH_ATTRIBUTES)


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
