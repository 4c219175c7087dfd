"""Settings: everything that differs between two installations, from the environment alone."""

from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from domain.approval import Amounts, ApprovalKind


class UnusableSetting(ValueError):
    """A setting that no process can start with. The message is one line for whoever set it."""


class FromEnvironment(BaseSettings):
    """Raises UnusableSetting, in one line that names the variables, for values of no use."""

    def __init__(self, **said: Any) -> None:
        try:
            super().__init__(**said)
        except ValidationError as error:
            prefix = self.model_config.get("env_prefix", "")
            wrong = (
                f"{prefix}{'_'.join(map(str, one['loc']))}".upper() + f": {one['msg']}"
                for one in error.errors()
            )
            # The values stay unsaid: one of them may be a secret.
            raise UnusableSetting("; ".join(wrong)) from None


class AlipaySettings(FromEnvironment):
    """Alipay open platform. Keys are PEM files; amounts and times are the provider's own."""

    model_config = SettingsConfigDict(env_prefix="SECKILL_ALIPAY_")

    gateway_url: str = ""
    app_id: str = ""
    seller_id: str = ""
    app_private_key: Path | None = None
    provider_public_key: Path | None = None
    timeout_seconds: float = 8.0

    @property
    def enabled(self) -> bool:
        names = (self.gateway_url, self.app_id, self.seller_id)
        return all(names) and bool(self.app_private_key and self.provider_public_key)


class WechatPaySettings(FromEnvironment):
    """WeChat Pay API v3 in public-key mode. `provider_public_keys`: a folder of
    `<serial>.pem` files, so that keys can be rotated by adding one. `public_key_id`: the one that
    answers are to be signed with; the newest of the folder without it. The APIv3 key is given
    itself or as a file that holds it."""

    model_config = SettingsConfigDict(env_prefix="SECKILL_WECHATPAY_")

    gateway_url: str = ""
    appid: str = ""
    mchid: str = ""
    merchant_serial: str = ""
    merchant_private_key: Path | None = None
    provider_public_keys: Path | None = None
    public_key_id: str = ""
    api_v3_key: SecretStr = SecretStr("")
    api_v3_key_file: Path | None = None
    timeout_seconds: float = 8.0

    @property
    def enabled(self) -> bool:
        names = (self.gateway_url, self.appid, self.mchid, self.merchant_serial)
        keys = self.merchant_private_key and self.provider_public_keys
        return all(names) and bool(keys and (self.api_v3_key or self.api_v3_key_file))

    def read_api_v3_key(self) -> bytes:
        """The key itself, from the file if there is one. Raises OSError."""
        if self.api_v3_key_file is not None:
            return self.api_v3_key_file.read_bytes().strip()
        return self.api_v3_key.get_secret_value().encode()


class MessageSettings(FromEnvironment):
    """Messages to buyers go to a webhook if its URL is set. The secret that signs them is given
    itself or as a file that holds it. The timeout is below what a delivery's step may take."""

    model_config = SettingsConfigDict(env_prefix="SECKILL_MESSAGES_")

    webhook_url: str = ""
    webhook_secret: SecretStr = SecretStr("")
    webhook_secret_file: Path | None = None
    timeout_seconds: float = Field(default=3.0, gt=0, le=4)

    def read_webhook_secret(self) -> bytes:
        """The secret itself, from the file if there is one. Raises OSError."""
        if self.webhook_secret_file is not None:
            return self.webhook_secret_file.read_bytes().strip()
        return self.webhook_secret.get_secret_value().encode()


class ApprovalSettings(FromEnvironment):
    """Above which a second operator has to agree, in minor units and in points; not set: never.
    Of one order or buyer in all, and of one operator in 24 hours."""

    model_config = SettingsConfigDict(env_prefix="SECKILL_APPROVAL_")

    refund_above: int | None = Field(default=None, ge=0)
    refunds_a_day_above: int | None = Field(default=None, ge=0)
    points_above: int | None = Field(default=None, ge=0)
    points_a_day_above: int | None = Field(default=None, ge=0)

    @property
    def amounts(self) -> dict[ApprovalKind, Amounts]:
        return {
            ApprovalKind.REFUND: Amounts(
                of_subject=self.refund_above, of_day=self.refunds_a_day_above
            ),
            ApprovalKind.POINTS: Amounts(
                of_subject=self.points_above, of_day=self.points_a_day_above
            ),
        }


class OperatorMessageSettings(MessageSettings):
    """What needs a person goes to this webhook if its URL is set, signed as buyers' messages."""

    model_config = SettingsConfigDict(env_prefix="SECKILL_OPERATOR_MESSAGES_")


class Settings(FromEnvironment):
    model_config = SettingsConfigDict(env_prefix="SECKILL_")

    redis_url: str = "redis://127.0.0.1:6379/0"
    redis_timeout_seconds: float = 2.0
    postgres_dsn: str = "postgresql://postgres@127.0.0.1:5432/seckill"
    postgres_pool_size: int = 20
    postgres_timeout_seconds: float = 4.0
    postgres_pooler: bool = False

    task_queue: str = "seckill"
    worker_deployment: str = ""
    worker_build_id: str = ""
    worker_metrics_port: int | None = None
    max_concurrent_activities: int = 100
    max_cached_workflows: int = 300

    api_host: str = "127.0.0.1"
    api_port: int = 8000
    api_max_connections: int = Field(default=10_000, ge=1)
    api_max_streams: int = Field(default=8_000, ge=0)
    streams_per_user: int = Field(default=10, ge=1)
    streams_per_address: int = Field(default=200, ge=1)
    stream_seconds: float = Field(default=3600.0, gt=0)
    stream_look_seconds: float = Field(default=10.0, gt=0)
    public_url: str = "http://127.0.0.1:8000"
    cors_origins: str = ""
    dev_login: bool = False
    jwt_secret: SecretStr = SecretStr("")
    jwks_url: str = ""
    jwt_issuer: str = ""
    jwt_audience: str = ""
    gate_queue_limit: int = 20_000
    trusted_proxies: str = "127.0.0.1,::1"
    clicks_per_second: float = Field(default=20.0, ge=0)
    calls_per_second: float = Field(default=50.0, ge=0)
    address_calls_per_second: float = Field(default=500.0, ge=0)
    address_failures_per_second: float = Field(default=100.0, ge=0)
    room_secret: SecretStr = SecretStr("")

    refund_calls_per_second: float = Field(default=100.0, gt=0)
    refund_spacing_seconds: float = Field(default=60.0, ge=0)

    sandbox_url: str = ""
    upkeep_every_seconds: int = 10
    sweep_every_seconds: int = Field(default=60, ge=1)
    reconcile_every_seconds: int = Field(default=300, ge=1)
    audit_every_seconds: int = Field(default=900, ge=1)
    schedules_look_seconds: float = Field(default=60.0, gt=0)
    archive_after_days: int = Field(default=30, ge=1)
    # Both providers give money back for a year, which nobody does here once it is in the archive.
    # At least as long as a day's bill may be compared.
    archive_ledgers_after_days: int = Field(default=400, ge=100)
    retire_after_hours: float = Field(default=24.0, ge=0)
    audit_grace_seconds: float = 5.0
    audit_overdue_seconds: float = 180.0
    audit_book: bool = True

    log_json: bool = True
    log_level: str = "INFO"

    @cached_property
    def alipay(self) -> AlipaySettings:
        return AlipaySettings()

    @cached_property
    def wechatpay(self) -> WechatPaySettings:
        return WechatPaySettings()

    @cached_property
    def messages(self) -> MessageSettings:
        return MessageSettings()

    @cached_property
    def approval(self) -> ApprovalSettings:
        return ApprovalSettings()

    @cached_property
    def operator_messages(self) -> OperatorMessageSettings:
        return OperatorMessageSettings()

    @property
    def refund_spacing(self) -> timedelta:
        return timedelta(seconds=self.refund_spacing_seconds)

    @property
    def audit_grace(self) -> timedelta:
        return timedelta(seconds=self.audit_grace_seconds)

    @property
    def audit_overdue(self) -> timedelta:
        return timedelta(seconds=self.audit_overdue_seconds)
