import dataclasses

import pytest

from domain.sale import ItemRef
from infra.redis.keys import ItemKeys, directory_line, item_from_line, keys_of

ITEM = ItemRef(sale_id="noon", sku_id="mug")


def test_all_keys_of_an_item_share_its_slot() -> None:
    keys = dataclasses.astuple(ItemKeys.of(ITEM))

    assert {key.partition("}")[0] for key in keys} == {"seckill:{noon:mug"}
    assert len(set(keys)) == len(keys)
    assert ItemKeys.of(ITEM) == keys_of("noon", "mug")


def test_the_keys_keep_the_names_under_which_everything_is_stored() -> None:
    assert dataclasses.asdict(ItemKeys.of(ITEM)) == {
        name: f"seckill:{{noon:mug}}:{name}"
        for name in ("item", "buyers", "reservations", "requests", "intents", "dead", "past")
    }


@pytest.mark.parametrize("item", [ITEM, ItemRef(sale_id="a-b", sku_id="c_d")])
def test_a_line_of_the_directory_leads_to_its_item(item: ItemRef) -> None:
    assert item_from_line(directory_line(item)) == item
