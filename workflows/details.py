"""What an operator reads of a workflow in the Temporal UI: its current details, and its search."""

from collections import deque

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from domain.payment import PaymentMethod
    from domain.states import OrderStatus
    from infra.temporal.client import ORDER_STATUS, PAYMENT_METHOD

# How it began and how it stands tell the most; a caller may repeat what lies between without end.
FIRST_LINES, LAST_LINES = 30, 70


class Details:
    """What the workflow did, line by line, as Markdown; of very many lines the middle is gone."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._first: list[str] = []
        self._last: deque[str] = deque(maxlen=LAST_LINES)
        self._count = 0

    def add(self, line: str) -> None:
        lines = self._first if len(self._first) < FIRST_LINES else self._last
        lines.append(f"- {workflow.now():%H:%M:%S} {line}".rstrip())
        self._count += 1
        left_out = self._count - len(self._first) - len(self._last)
        gap = [f"- … {left_out} lines are left out"] if left_out else []
        # Costs no history event: the server asks the worker for it when somebody looks.
        workflow.set_current_details(
            "\n".join([f"### {self._title}", "", *self._first, *gap, *self._last])
        )


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
