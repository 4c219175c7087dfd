"""One row that cannot be read does not hide the others."""

import pytest
from structlog.testing import capture_logs

from infra.readable import all_readable


def test_what_can_be_read_is_read_in_its_order() -> None:
    assert all_readable(["3", "1", "2"], int) == [3, 1, 2]


@pytest.mark.parametrize("error", [ValueError, TypeError, OverflowError])
def test_what_cannot_be_read_is_left_out_and_told(error: type[Exception]) -> None:
    def read(row: int) -> int:
        if row == 2:
            raise error("beyond the calendar")
        return row

    with capture_logs() as logs:
        assert all_readable([1, 2, 3], read) == [1, 3]

    (told,) = logs
    assert (told["event"], told["log_level"], told["row"]) == ("row_left_out", "error", "2")


def test_a_fault_of_ours_is_no_bad_row() -> None:
    with pytest.raises(KeyError):
        all_readable(["missing"], {"here": 1}.__getitem__)
