from pathlib import Path

from redis.asyncio import Redis
from redis.commands.core import AsyncScript

from infra.redis import scripts
from infra.redis.scripts import Scripts

LUA = Path(scripts.__file__).parent / "lua"


async def test_every_script_is_registered_with_what_all_of_them_share(redis: Redis) -> None:
    registered = vars(Scripts(redis))

    assert set(registered) == {path.stem for path in LUA.glob("*.lua")} - {
        "lines",
        "tickets",
        "told_before",
    }
    shared = (LUA / "lines.lua").read_text()
    for name, script in registered.items():
        assert isinstance(script, AsyncScript)
        assert str(script.script).startswith(shared)
        assert str(script.script).endswith((LUA / f"{name}.lua").read_text())


async def test_redis_takes_every_script(redis: Redis) -> None:
    for script in vars(Scripts(redis)).values():
        assert await redis.script_load(script.script) == script.sha
