from temporalio.common import SearchAttributeKey

from infra.temporal.client import SEARCH_ATTRIBUTES
from infra.temporal.search_attributes import SEARCH_TYPES


def test_a_server_is_started_with_the_names_its_clients_use() -> None:
    makers = {"Keyword": SearchAttributeKey.for_keyword, "Bool": SearchAttributeKey.for_bool}

    assert {makers[kind](name) for name, kind in SEARCH_TYPES.items()} == set(SEARCH_ATTRIBUTES)
