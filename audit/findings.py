"""What a check finds in one look at the stores, and how its looks become a verdict."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from domain.audit import Check
from domain.sale import ItemRef

LOOKS = 3
SPELLED_OUT = 5
LISTED = 1000


@dataclass(frozen=True)
class Finding:
    """Something that breaks a rule. `what` is a sentence for a stranger. `whole`: no single
    order or term explains it, so all that Redis knows of the item has to be written anew."""

    what: str
    orders: tuple[str, ...] = ()
    item: ItemRef | None = None
    whole: bool = False


@dataclass(frozen=True)
class Look:
    """What one look covered, the rule it tested, and what breaks it, by subject."""

    covered: str
    rule: str
    findings: Mapping[str, Finding] = field(default_factory=dict)


async def look_until_sure(look: Callable[[], Awaitable[Look]], grace: timedelta) -> Look:
    """The stores are not read at one moment, so an order on its way may look broken for a while.

    What is found again at each of three looks, over the time of `grace`, is broken.
    """
    seen = await look()
    for _ in range(LOOKS - 1):
        if not seen.findings:
            break
        await asyncio.sleep(grace.total_seconds() / (LOOKS - 1))
        again = await look()
        still = {name: again.findings[name] for name in seen.findings if name in again.findings}
        seen = Look(again.covered, again.rule, still)
    return seen


def verdict_of(code: str, look: Look) -> Check:
    """At most `LISTED` orders are named; the detail says how many things are broken in all."""
    found = list(look.findings.values())
    if not found:
        return Check(code=code, ok=True, detail=f"{look.covered}: {look.rule}")
    orders = dict.fromkeys(order for finding in found for order in finding.orders)
    sentences = [finding.what for finding in found[:SPELLED_OUT]]
    if len(found) > SPELLED_OUT:
        sentences.append(f"and {len(found) - SPELLED_OUT} more")
    return Check(
        code=code,
        ok=False,
        detail=f"{look.covered}; {len(found)} broken: {'; '.join(sentences)}",
        orders=tuple(orders)[:LISTED],
    )


def counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
