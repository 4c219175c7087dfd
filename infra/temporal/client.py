"""The one way to reach Temporal: the client, and the names it is searched by."""

import logging
from datetime import timedelta
from functools import cache

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import (
    AddSearchAttributesRequest,
    ListSearchAttributesRequest,
)
from temporalio.client import Client
from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes
from temporalio.contrib.pydantic import PydanticJSONPlainPayloadConverter
from temporalio.converter import (
    CompositePayloadConverter,
    DataConverter,
    DefaultPayloadConverter,
    JSONPlainPayloadConverter,
)
from temporalio.envconfig import ClientConfig, ClientConnectConfig
from temporalio.runtime import (
    LogForwardingConfig,
    LoggingConfig,
    PrometheusConfig,
    Runtime,
    TelemetryConfig,
    TelemetryFilter,
)
from temporalio.service import GrpcCompression, RetryConfig

from domain.reservation import Intent
from domain.states import OrderStatus
from infra.settings import UnusableSetting

SALE_ID = SearchAttributeKey.for_keyword("SaleId")
SKU_ID = SearchAttributeKey.for_keyword("SkuId")
USER_ID = SearchAttributeKey.for_keyword("UserId")
ORDER_STATUS = SearchAttributeKey.for_keyword("OrderStatus")
PAYMENT_METHOD = SearchAttributeKey.for_keyword("PaymentMethod")
SALE_STATUS = SearchAttributeKey.for_keyword("SaleStatus")
NEEDS_ATTENTION = SearchAttributeKey.for_bool("NeedsAttention")

SEARCH_ATTRIBUTES = (
    SALE_ID,
    SKU_ID,
    USER_ID,
    ORDER_STATUS,
    PAYMENT_METHOD,
    SALE_STATUS,
    NEEDS_ATTENTION,
)

CONNECT_TIMEOUT = timedelta(seconds=5)
# A caller waits behind each call; Temporal's own default would keep it waiting for ten seconds.
_FEW_RETRIES = RetryConfig(max_retries=2, max_elapsed_time_millis=1500)


def attributes_of_a_new_order(intent: Intent) -> TypedSearchAttributes:
    """What an order's workflow is started with. The status is what it will have in a moment, so
    that it need not be changed then; an order that is held up says so."""
    return TypedSearchAttributes(
        [
            SearchAttributePair(SALE_ID, intent.sale_id),
            SearchAttributePair(SKU_ID, intent.sku_id),
            SearchAttributePair(USER_ID, intent.user_id),
            SearchAttributePair(ORDER_STATUS, OrderStatus.PENDING_PAYMENT.value),
            SearchAttributePair(NEEDS_ATTENTION, False),
        ]
    )


_JSON_OF_MODELS = PydanticJSONPlainPayloadConverter()


class ModelPayloads(CompositePayloadConverter):
    """Temporal's converter for pydantic models, with one memory of how each is read: the SDK makes
    a converter for each activation of a workflow, which would learn all models anew."""

    def __init__(self) -> None:
        usual = DefaultPayloadConverter.default_encoding_payload_converters
        super().__init__(
            *(_JSON_OF_MODELS if isinstance(c, JSONPlainPayloadConverter) else c for c in usual)
        )


DATA_CONVERTER = DataConverter(payload_converter_class=ModelPayloads)


async def connect_temporal(*, lazy: bool = False, metrics_port: int | None = None) -> Client:
    """A client for the server that Temporal's own environment names (`TEMPORAL_ADDRESS`,
    `TEMPORAL_NAMESPACE`, `TEMPORAL_API_KEY`, `TEMPORAL_TLS…`, `TEMPORAL_PROFILE`).

    `lazy` connects at the first call, so that a process can start while Temporal is away.
    Raises RuntimeError when the server does not answer and `lazy` is off; UnusableSetting.
    """
    config = _config()
    return await Client.connect(
        **config,
        data_converter=DATA_CONVERTER,
        lazy=lazy,
        retry_config=_FEW_RETRIES,
        connect_timeout=None if lazy else CONNECT_TIMEOUT,
        # On one machine or one network, compressing small messages costs more than it saves.
        grpc_compression=GrpcCompression.NONE,
        runtime=_runtime(metrics_port),
    )


def temporal_address() -> str:
    """Where Temporal is said to be. Raises UnusableSetting."""
    return _config().get("target_host", "")


def _config() -> ClientConnectConfig:
    try:
        config = ClientConfig.load_client_connect_config()
    # A profile that is missing, a file that is no TOML, a certificate that is not there: each
    # has an exception of its own.
    except Exception as error:
        raise UnusableSetting(f"TEMPORAL_PROFILE, TEMPORAL_CONFIG_FILE, …: {error}") from error
    config.setdefault("target_host", "127.0.0.1:7233")
    return config


async def register_search_attributes(client: Client) -> None:
    """Make the names our workflows are searched by known to the server, where they are not.

    Raises RPCError where this client may not, or where a name is taken by another type.
    """
    listed = await client.operator_service.list_search_attributes(
        ListSearchAttributesRequest(namespace=client.namespace), timeout=CONNECT_TIMEOUT
    )
    missing = [key for key in SEARCH_ATTRIBUTES if key.name not in listed.custom_attributes]
    if missing:
        request = AddSearchAttributesRequest(namespace=client.namespace)
        for key in missing:
            request.search_attributes[key.name] = IndexedValueType.ValueType(key.indexed_value_type)
        await client.operator_service.add_search_attributes(request, timeout=CONNECT_TIMEOUT)


# Each has threads of its own, and one process needs no second one.
@cache
def _runtime(metrics_port: int | None) -> Runtime:
    """The SDK's native part. Left to itself it writes coloured text between our log lines."""
    forwarding = LogForwardingConfig(
        logging.getLogger("temporalio.core"),
        append_target_to_name=False,
        prepend_target_on_message=False,
    )
    logs = LoggingConfig(TelemetryFilter("WARN", "ERROR"), forwarding)
    if not metrics_port:
        return Runtime(telemetry=TelemetryConfig(logging=logs))
    shown = PrometheusConfig(bind_address=f"127.0.0.1:{metrics_port}", durations_as_seconds=True)
    try:
        return Runtime(telemetry=TelemetryConfig(logging=logs, metrics=shown))
    except (RuntimeError, ValueError) as error:
        reason = f"SECKILL_WORKER_METRICS_PORT: {metrics_port} cannot be listened at ({error})"
        raise UnusableSetting(reason) from error
