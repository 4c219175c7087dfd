"""What the API needs before it starts."""

from typing import Any

import pytest

from api.app import create_app
from infra.settings import Settings
from tests.support.callers import SECRET

# Where it is written who did it, and why: each is tested where it is.
ROW_OF_AN_ACT = {
    "/sales": "operator_acts",
    "/sales/{sale_id}/publish": "operator_acts",
    "/sales/{sale_id}": "sale_commands",
    "/sales/{sale_id}/items/{sku_id}/restock": "sale_commands",
    "/sales/{sale_id}/pause": "sale_commands",
    "/sales/{sale_id}/resume": "sale_commands",
    "/sales/{sale_id}/close": "sale_commands",
    "/sales/{sale_id}/cancel": "sale_commands",
    "/sales/{sale_id}/cancellation/pause": "operator_acts",
    "/sales/{sale_id}/cancellation/resume": "operator_acts",
    "/sales/{sale_id}/beacon": "operator_acts",
    "/notices/{notice_id}/replay": "operator_acts",
    "/bills": "operator_acts",
    "/audits": "operator_acts",
    "/orders/{order_id}/extend": "order_events",
    # Of a queued order, which has no events yet, in operator_acts.
    "/orders/{order_id}/recheck": "order_events",
    "/orders/{order_id}/cancel": "order_events",
    "/orders/{order_id}/deliveries/{kind}/retry": "order_events",
    "/orders/{order_id}/deliveries/{kind}/skip": "order_events",
    "/orders/{order_id}/refund": "refunds",
    "/refunds/{refund_id}/retry": "order_events",
    "/refunds/{refund_id}/resolve": "order_events",
    "/attention/{attention_id}/resolve": "attentions",
    "/attention/{attention_id}/retry": "attentions",
    "/points": "points_entries",
    "/approvals/{approval_id}/approve": "approvals",
    "/approvals/{approval_id}/refuse": "approvals",
}


@pytest.mark.parametrize("changes", [{"jwt_secret": ""}, {"jwt_secret": "", "dev_login": False}])
def test_an_api_that_could_check_no_token_does_not_start(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="SECKILL_JWT"):
        create_app(Settings(**changes))


def test_whatever_an_operator_can_do_has_a_row_that_says_who_did_it() -> None:
    paths = create_app(Settings(jwt_secret=SECRET)).openapi()["paths"]
    writes = {
        path.removeprefix("/v1/operator")
        for path, calls in paths.items()
        if path.startswith("/v1/operator") and calls.keys() - {"get", "head"}
    }

    assert writes == ROW_OF_AN_ACT.keys()
