"""An inbox, and a payment that notices are about."""

import pytest

from domain.payment import Payment
from infra.postgres.engine import Database
from tests.support.ledger import begin, open_item, place
from tests.support.notice_receiver import Receiver
from tests.support.values import a_payment


@pytest.fixture
def receiver(database: Database) -> Receiver:
    return Receiver(database)


@pytest.fixture
async def payment(database: Database) -> Payment:
    order = await place(database, await open_item(database))
    return await begin(database, a_payment(order))
