"""What an operator reads of a workflow in the Temporal UI: its current details, and its search."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from domain.payment import PaymentMethod
    from domain.states import OrderStatus
    from infra.temporal.client import ORDER_STATUS, PAYMENT_METHOD


class Details:
    """What the workflow did, line by line, as Markdown."""

    def __init__(self, title: str) -> None:
        self._lines = [f"### {title}", ""]

    def add(self, line: str) -> None:
        self._lines.append(f"- {workflow.now():%H:%M:%S} {line}".rstrip())
        # Costs no history event: the server asks the worker for it when somebody looks.
        workflow.set_current_details("\n".join(self._lines))


def update_search(status: OrderStatus, paid_by: PaymentMethod | None = None) -> None:
    """How an order is found from now on."""
    # Each change costs the server a twentieth of what an order does: none that says nothing new.
    if workflow.info().typed_search_attributes.get(ORDER_STATUS) == status:
        return
    updates = [ORDER_STATUS.value_set(status)]
    if paid_by:
        # In one change with the status; by itself it would be another event, and another row.
        updates.append(PAYMENT_METHOD.value_set(paid_by))
    workflow.upsert_search_attributes(updates)
