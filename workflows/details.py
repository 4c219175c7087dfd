"""What an operator reads of a workflow in the Temporal UI: its story so far, and its search."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from domain.payment import PaymentMethod
    from domain.states import OrderStatus
    from infra.temporal.client import ORDER_STATUS, PAYMENT_METHOD


class Story:
    """Markdown shown as the workflow's current details; costs no history event."""

    def __init__(self, title: str) -> None:
        self._lines = [f"### {title}", ""]

    def tell(self, line: str) -> None:
        self._lines.append(f"- {workflow.now():%H:%M:%S} {line}")
        workflow.set_current_details("\n".join(self._lines))


def tell_search(status: OrderStatus, paid_by: PaymentMethod | None = None) -> None:
    """How an order is found from now on. Only what search does not know yet is told, because each
    change costs the server a twentieth of what an order does."""
    if workflow.info().typed_search_attributes.get(ORDER_STATUS) == status:
        return
    updates = [ORDER_STATUS.value_set(status)]
    if paid_by:
        updates.append(PAYMENT_METHOD.value_set(paid_by))
    workflow.upsert_search_attributes(updates)
