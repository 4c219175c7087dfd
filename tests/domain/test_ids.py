import os
import re

import pytest

from domain.ids import (
    ALPHABET,
    MAX_ITEM_NUMBER,
    NAME_PATTERN,
    ORDER_ID_LENGTH,
    created_at_ms,
    is_order_id,
    item_number_of,
    new_order_id,
    new_sale_id,
    order_id_of_workflow,
    workflow_id,
)

AT_MS = 1_900_000_000_000


class TestOrderId:
    @pytest.mark.parametrize("item_number", [1, 31, 32, 1234, MAX_ITEM_NUMBER])
    @pytest.mark.parametrize("at_ms", [1, 1023, 1024, AT_MS, 32**10 - 1])
    def test_says_its_item_and_its_time(self, item_number: int, at_ms: int) -> None:
        order_id = new_order_id(item_number, at_ms)

        assert len(order_id) == ORDER_ID_LENGTH
        assert is_order_id(order_id)
        assert item_number_of(order_id) == item_number
        assert created_at_ms(order_id) == at_ms

    @pytest.mark.parametrize("item_number", [0, -1, MAX_ITEM_NUMBER + 1])
    def test_has_no_room_for_a_number_that_does_not_fit(self, item_number: int) -> None:
        with pytest.raises(ValueError, match="out of range"):
            new_order_id(item_number, AT_MS)

    def test_sorts_by_time(self) -> None:
        moments = [AT_MS + step for step in (0, 1, 31, 32, 1023, 1024, 10**9)]
        made = [new_order_id(MAX_ITEM_NUMBER, at_ms) for at_ms in moments]

        assert made == sorted(made)

    def test_of_one_item_and_moment_is_another_each_time(self) -> None:
        assert len({new_order_id(1, AT_MS) for _ in range(1000)}) == 1000

    def test_a_forked_process_draws_others_than_its_parent(self) -> None:
        read, write = os.pipe()
        new_order_id(1, AT_MS)

        if not (child := os.fork()):
            os.write(write, new_order_id(1, AT_MS).encode())
            os._exit(0)
        os.waitpid(child, 0)

        assert os.read(read, ORDER_ID_LENGTH).decode() != new_order_id(1, AT_MS)
        os.close(read)
        os.close(write)

    @pytest.mark.parametrize(
        "text",
        ["", "0" * 25, "0" * 27, "0" * 25 + "I", "0" * 25 + "l", "0" * 25 + "é", "0" * 25 + "\n"],
    )
    def test_is_told_from_other_text(self, text: str) -> None:
        assert not is_order_id(text)
        with pytest.raises(ValueError, match="not an order id"):
            item_number_of(text)
        with pytest.raises(ValueError, match="not an order id"):
            created_at_ms(text)


def test_the_letters_that_are_misread_are_left_out() -> None:
    assert len(set(ALPHABET)) == 32
    assert not set("ILOU") & set(ALPHABET)


def test_sale_ids_sort_by_time_and_fit_where_names_go() -> None:
    earlier, later = new_sale_id(AT_MS), new_sale_id(AT_MS + 1)

    assert earlier < later
    assert re.fullmatch(NAME_PATTERN, earlier)


def test_a_workflow_is_named_after_its_order_and_back() -> None:
    order_id = new_order_id(7, AT_MS)

    assert workflow_id(order_id) == f"order-{order_id}"
    assert order_id_of_workflow(workflow_id(order_id)) == order_id


@pytest.mark.parametrize("name", ["", "a:b", "a b", "名前", "a\n", "x" * 65])
def test_a_name_holds_nothing_that_keys_and_paths_are_cut_at(name: str) -> None:
    assert not re.compile(NAME_PATTERN).fullmatch(name)
