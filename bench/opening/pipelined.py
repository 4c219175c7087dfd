"""A Redis client for a simulation of a hundred thousand: what is asked in one turn of the loop goes
out together."""

import asyncio
from typing import Any

from redis.asyncio import BlockingConnectionPool, Redis

CONNECTIONS = 4


class PipelinedRedis(Redis):
    """Every command is the server's own as ever, and answered by itself; only the way there is
    shared."""

    def __init__(self, url: str) -> None:
        pool = BlockingConnectionPool.from_url(
            url, decode_responses=True, protocol=2, max_connections=CONNECTIONS
        )
        super().__init__(connection_pool=pool)
        self.auto_close_connection_pool = True
        self._asked: list[tuple[tuple[Any, ...], dict[str, Any], asyncio.Future[Any]]] = []
        self._sending: set[asyncio.Task[None]] = set()

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._asked.append((args, options, answer))
        if len(self._asked) == 1:
            self._sending.add(task := asyncio.create_task(self._send()))
            task.add_done_callback(self._sending.discard)
        return await answer

    async def _send(self) -> None:
        asked, self._asked = self._asked, []
        pipeline = self.pipeline(transaction=False)
        try:
            for args, options, _ in asked:
                pipeline.execute_command(*args, **options)
            answers = await pipeline.execute(raise_on_error=False)
        except Exception as error:
            answers = [error] * len(asked)
        for (_, _, answer), said in zip(asked, answers, strict=True):
            if answer.done():
                continue
            if isinstance(said, Exception):
                answer.set_exception(said)
            else:
                answer.set_result(said)
