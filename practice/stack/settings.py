"""What the environment says about the embedded stack."""

import os
import re
from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from infra.settings import FromEnvironment
from practice.stack.home import PROJECT, Home

# Any of these says that the caller has a Temporal of their own.
_TEMPORAL_ELSEWHERE = ("TEMPORAL_ADDRESS", "TEMPORAL_PROFILE", "TEMPORAL_CONFIG_FILE")
_PASSWORD = re.compile(r"(?<=//)([^/:@]*):[^@?#]*@")
_PASSWORD_IN_QUERY = re.compile(r"(?<=[?&]password=)[^&]*")
_PASSWORD_AS_WORD = re.compile(r"((?:^|\s)\w*password\s*=\s*)('(?:\\.|[^'\\])*'|(?:\\.|[^\s\\])*)")


class EmbeddedSettings(FromEnvironment):
    """A port that is not set is chosen once and remembered. A server whose address is set runs
    elsewhere, and none is started here."""

    model_config = SettingsConfigDict(env_prefix="SECKILL_", env_ignore_empty=True)

    home: Path = PROJECT / ".seckill"

    api_port: int | None = None
    redis_port: int | None = None
    postgres_port: int | None = None
    temporal_port: int | None = None
    temporal_http_port: int | None = None
    temporal_ui_port: int | None = None
    sandbox_port: int | None = None
    worker_metrics_port: int | None = None

    redis_url: str | None = None
    postgres_dsn: str | None = None
    postgres_pooler: bool = False
    public_url: str | None = None
    jwt_secret: SecretStr | None = None
    jwt_issuer: str = ""
    jwt_audience: str = ""
    alipay_gateway_url: str | None = None
    wechatpay_gateway_url: str | None = None
    ready_within_seconds: float = Field(default=60.0, gt=0)
    temporal_nice: int = Field(default=5, ge=0, le=19)

    def open_home(self) -> Home:
        return Home(self.home.expanduser().resolve())

    def wanted_ports(self) -> dict[str, int]:
        ports = {
            name.removesuffix("_port"): value
            for name, value in self.model_dump().items()
            if name.endswith("_port")
        }
        return {name: port for name, port in ports.items() if port}

    def servers_elsewhere(self) -> dict[str, str]:
        """The address of each server that is not to be started here, by name."""
        addresses = {
            "postgres": self.postgres_dsn,
            "redis": self.redis_url,
            "temporal": self.external_temporal,
        }
        return {name: address for name, address in addresses.items() if address}

    @property
    def external_temporal(self) -> str | None:
        """The address of the caller's own Temporal, from Temporal's own environment."""
        if not any(os.environ.get(name) for name in _TEMPORAL_ELSEWHERE):
            return None
        from temporalio.envconfig import ClientConfig

        config = ClientConfig.load_client_connect_config()
        return config.get("target_host", "127.0.0.1:7233")


def without_password(url: str) -> str:
    """The same address, fit to be written down."""
    if "://" not in url:
        return _PASSWORD_AS_WORD.sub(r"\1***", url)
    return _PASSWORD_IN_QUERY.sub("***", _PASSWORD.sub(r"\1:***@", url))
