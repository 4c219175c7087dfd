"""What a draw publishes, written into files and given to who checks draws for a living."""

import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from domain.draw import CommittedSeed
from domain.model import Value
from domain.sale import ItemRef


class Verdict(Value):
    """`holds`: every place was worked out again, and is right. `says`: the first line of it."""

    holds: bool
    says: str


async def verified(
    item: ItemRef,
    seed: CommittedSeed,
    *,
    digest: bytes,
    leaves: Sequence[bytes],
    places: Sequence[int | None],
) -> Verdict:
    """By `seckill verify-draw`, in a process of its own: it shares no code with the gate."""
    room = {
        "seed_commitment": seed.commitment.hex(),
        "seed": seed.seed.hex(),
        "digest": digest.hex(),
        "beacon": None,
        "pool_size": len(leaves),
    }
    texts = {
        "room": json.dumps(room),
        "list": "".join(f"{leaf.hex()}\n" for leaf in leaves),
        "places": "".join(f"{place or ''}\n" for place in places),
    }
    with TemporaryDirectory() as folder:
        arguments = [item.sale_id, item.sku_id]
        for name, text in texts.items():
            (file := Path(folder, name)).write_text(text)
            arguments += [f"--{name}", str(file)]
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "verifying", *arguments),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await process.communicate()
    return Verdict(holds=process.returncode == 0, says=said.decode().partition("\n")[0])
