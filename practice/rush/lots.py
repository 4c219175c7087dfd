"""The draw of a rush, worked out again by somebody who shares no code with the shop."""

import asyncio
import sys

from domain.audit import Check
from domain.sale import ItemRef

VERIFY_SECONDS = 60.0


async def verify_draw(item: ItemRef, api_url: str) -> Check:
    """What `seckill verify-draw` says, from what the shop publishes."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "verifying", item.sale_id, item.sku_id, "--api", api_url),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(VERIFY_SECONDS):
            said, _ = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        return Check(code="R13", ok=False, detail="verify-draw did not come to an end")
    detail = (
        f"seckill verify-draw {item.sale_id} {item.sku_id}: {said.decode().partition(chr(10))[0]}"
    )
    return Check(code="R13", ok=process.returncode == 0, detail=detail)
