"""Only what is found at every look is broken, and a verdict says how much of it there is."""

import time
from collections.abc import Awaitable, Callable
from datetime import timedelta

from audit.findings import Finding, Look, counted, look_until_sure, verdict_of

AT_ONCE = timedelta(0)


def looks(*found: tuple[str, ...]) -> Callable[[], Awaitable[Look]]:
    """One look after the other, each with findings on these subjects."""
    rest = iter(found)

    async def look() -> Look:
        findings = {subject: Finding(f"{subject} is odd", (subject,)) for subject in next(rest)}
        return Look("3 things", "all are even", findings)

    return look


async def test_what_is_sound_is_looked_at_once() -> None:
    look = await look_until_sure(looks(()), AT_ONCE)

    assert look.findings == {}


async def test_what_is_found_at_every_look_is_broken_and_nothing_else() -> None:
    look = await look_until_sure(looks(("a", "b"), ("b", "c"), ("b", "c")), AT_ONCE)

    assert look.findings.keys() == {"b"}


async def test_what_comes_right_meanwhile_is_not_looked_at_again() -> None:
    look = await look_until_sure(looks(("a",), ("b",)), AT_ONCE)

    assert look.findings == {}


async def test_the_looks_are_spread_over_the_grace() -> None:
    begun = time.monotonic()
    await look_until_sure(looks(("a",), ("a",), ("a",)), timedelta(seconds=0.2))

    assert time.monotonic() - begun >= 0.2


def test_a_sound_look_says_what_it_covered_and_proved() -> None:
    check = verdict_of("A9", Look("3 things", "all are even"))

    assert (check.ok, check.detail, check.orders) == (True, "3 things: all are even", ())


def test_a_broken_look_spells_the_first_findings_out_and_counts_the_rest() -> None:
    findings = {str(n): Finding(f"{n} is odd", (f"order-{n // 2}",)) for n in range(7)}

    check = verdict_of("A9", Look("7 things", "all are even", findings))

    assert not check.ok
    assert check.detail == (
        "7 things; 7 broken: 0 is odd; 1 is odd; 2 is odd; 3 is odd; 4 is odd; and 2 more"
    )
    assert check.orders == ("order-0", "order-1", "order-2", "order-3")


def test_at_most_a_thousand_orders_are_listed() -> None:
    findings = {str(n): Finding("", (str(n),)) for n in range(1200)}

    assert len(verdict_of("A9", Look("", "", findings)).orders) == 1000


def test_one_is_counted_in_the_singular() -> None:
    assert [counted(n, "unit") for n in range(3)] == ["0 units", "1 unit", "2 units"]
