from domain.buyer_message import BuyerMessage, MessageTopic, RoomMessage


def _message(topic: MessageTopic, number: int = 0) -> BuyerMessage:
    return BuyerMessage(
        order_id="O1",
        topic=topic,
        user_id="ada",
        sale_id="noon",
        sku_id="mug",
        title="A mug",
        quantity=1,
        amount=8800,
        currency="CNY",
        number=number,
    )


def test_what_may_be_told_once_of_an_order_is_named_by_its_topic() -> None:
    paid = _message(MessageTopic.ORDER_PAID)

    assert (paid.occasion, paid.message_id) == ("order_paid", "O1-order_paid")


def test_what_may_happen_again_is_counted_in_its_name() -> None:
    first, second = (_message(MessageTopic.MONEY_BACK, number) for number in (1, 2))

    assert (first.message_id, second.message_id) == ("O1-money_back-1", "O1-money_back-2")


def test_a_message_made_again_has_the_same_name() -> None:
    assert _message(MessageTopic.ORDER_PAID) == _message(MessageTopic.ORDER_PAID)


def test_a_place_is_named_by_its_leaf_and_a_call_by_where_its_owner_stood() -> None:
    over = RoomMessage(
        ticket="ab" * 32,
        topic=MessageTopic.ROOM_OVER,
        user_id="ada",
        sale_id="noon",
        sku_id="mug",
        title="A mug",
        quantity=1,
    )
    called = over.model_copy(update={"topic": MessageTopic.CALLED, "number": 0})

    assert over.message_id == "ab" * 32 + "-room_over"
    assert called.message_id == "ab" * 32 + "-called-0"
