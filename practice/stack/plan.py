"""Which processes a stack consists of, and where each of them is: data, nothing is started."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial

from practice.stack.applications import api, local_url, practice_provider, worker
from practice.stack.environment import application_environment
from practice.stack.home import Home
from practice.stack.parts import EVERYTHING
from practice.stack.postgres import PostgresServer
from practice.stack.process import Server
from practice.stack.redis import RedisServer
from practice.stack.settings import EmbeddedSettings
from practice.stack.temporal import TemporalServer

_PORTS = (
    *("postgres", "redis", "temporal", "temporal_http", "temporal_ui"),
    *("sandbox", "api", "worker_metrics"),
)


@dataclass(frozen=True)
class Plan:
    """`servers` start together; then the schema is brought up to date; then `applications`
    start together. `elsewhere`: the address of each server that the environment names."""

    servers: tuple[Server, ...]
    applications: tuple[Server, ...]
    elsewhere: Mapping[str, str]
    temporal_ui_url: str | None

    @property
    def processes(self) -> tuple[Server, ...]:
        return (*self.servers, *self.applications)

    def address(self, name: str) -> str | None:
        """Where a part is, here or elsewhere; None when this plan has no such part."""
        here = {process.name: process.address for process in self.processes}
        return here.get(name) or self.elsewhere.get(name)

    def only(self, names: frozenset[str]) -> "Plan":
        """The same plan with fewer processes. Raises ValueError for an unknown name."""
        if unknown := names - EVERYTHING:
            raise ValueError(f"no such process: {', '.join(sorted(unknown))}")
        return replace(
            self,
            servers=tuple(server for server in self.servers if server.name in names),
            applications=tuple(server for server in self.applications if server.name in names),
        )


def plan_stack(
    settings: EmbeddedSettings,
    home: Home,
    *,
    remember: bool = True,
    through: Mapping[str, str] | None = None,
) -> Plan:
    """The whole stack. Chooses ports and, if told to, remembers them; a server
    that the environment places elsewhere is left out. `through`: the address under which the
    applications call a server, by its name, where that is not the server's own."""
    ports = home.ports(_PORTS, settings.wanted_ports(), remember=remember)
    elsewhere = settings.servers_elsewhere()
    servers = tuple(s for s in _servers(settings, home, ports) if s.name not in elsewhere)
    addresses = {server.name: server.address for server in servers}
    addresses |= {"api": local_url(ports["api"]), "worker": local_url(ports["worker_metrics"])}
    called = {**addresses, **(through or {})}
    environment = partial(application_environment, settings, home, called)
    applications = (api(addresses["api"], environment), worker(addresses["worker"], environment))
    temporal_ui = next((s.ui_url for s in servers if isinstance(s, TemporalServer)), None)
    return Plan(servers, applications, elsewhere, temporal_ui)


def _servers(settings: EmbeddedSettings, home: Home, ports: dict[str, int]) -> tuple[Server, ...]:
    temporal = TemporalServer(
        port=ports["temporal"],
        http_port=ports["temporal_http"],
        ui_port=ports["temporal_ui"],
        database=home.root / "temporal" / "temporal.db",
        nice=settings.temporal_nice,
    )
    stores = (
        PostgresServer(home.root / "postgres", ports["postgres"]),
        RedisServer(home.root / "redis", ports["redis"]),
        temporal,
    )
    if settings.alipay_gateway_url and settings.wechatpay_gateway_url:
        return stores
    folder = home.sandbox_keys_dir.parent
    return (*stores, practice_provider(local_url(ports["sandbox"]), folder, os.environ.copy))
