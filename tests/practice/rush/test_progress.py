"""A rush while it happens."""

import re
from io import StringIO

from practice.rush.show import print_report
from tests.support.rushing import Rusher
from tests.support.shop_double import ShopDouble


async def test_in_a_pipe_there_are_lines_and_no_control_characters(rush_at: Rusher) -> None:
    shown = await rush_at(ShopDouble(), buyers=20, units=5, seconds=3, pay=1, cancel=0)
    print_report(rush_at.console, shown)

    assert isinstance(rush_at.console.file, StringIO)
    text = rush_at.console.file.getvalue()
    assert "The crowd clicks" in text
    assert re.search(r"clicks [1-9]", text)
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", text)
