"""What Prometheus reads."""

from api.metrics import Metrics
from domain.room import RoomFigures
from domain.sale import ItemRef


def test_requests_are_counted_by_route_and_timed() -> None:
    metrics = Metrics()
    for seconds in (0.001, 0.3):
        metrics.answered("GET", "/v1/sales", 200, seconds)
    metrics.answered("GET", "/v1/sales", 503, 9.0)

    told = metrics.exposition().decode()

    name = 'seckill_api_requests_total{method="GET",route="/v1/sales"'
    assert f'{name},status="200"}} 2.0' in told
    assert f'{name},status="503"}} 1.0' in told
    assert 'seckill_api_request_seconds_bucket{le="0.002",route="/v1/sales"} 1.0' in told
    assert 'seckill_api_request_seconds_bucket{le="0.5",route="/v1/sales"} 2.0' in told
    assert 'seckill_api_request_seconds_count{route="/v1/sales"} 3.0' in told


def test_what_is_under_way_is_looked_at_when_it_is_asked_for() -> None:
    metrics, under_way = Metrics(), [3]
    metrics.watch_under_way("reads", lambda: under_way[0])
    under_way[0] = 4
    metrics.limited("reads", "OVERLOADED")

    told = metrics.exposition().decode()

    assert 'seckill_api_under_way{traffic="reads"} 4.0' in told
    assert 'seckill_api_limited_total{code="OVERLOADED",traffic="reads"} 1.0' in told


def test_two_apps_of_one_process_do_not_mix() -> None:
    mine, yours = Metrics(), Metrics()

    mine.gate_answered("ACCEPTED")
    mine.gate_answered("ACCEPTED")

    assert 'seckill_gate_verdicts_total{verdict="ACCEPTED"} 2.0' in mine.exposition().decode()
    assert "ACCEPTED" not in yours.exposition().decode()


def test_streams_are_counted_while_they_are_open_with_what_they_are_told() -> None:
    metrics = Metrics()
    for more in (1, 1, -1):
        metrics.streams_open("order", more)
    metrics.stream_messages(3)
    metrics.views_read(2)

    told = metrics.exposition().decode()

    assert 'seckill_streams_open{kind="order"} 1.0' in told
    assert "seckill_stream_messages_total 3.0" in told
    assert "seckill_stream_views_read_total 2.0" in told


def test_rooms_are_shown_while_they_are_live_and_not_too_many() -> None:
    metrics, figures = Metrics(), RoomFigures(waiting=4, called=3, promised=2, serving=9)
    metrics.rooms_are(
        {ItemRef(sale_id="S", sku_id=f"sku-{number:02}"): figures for number in range(70)}
    )

    told = metrics.exposition().decode()

    assert "seckill_rooms_live 70.0" in told
    assert 'seckill_room_promised{sale="S",sku="sku-00"} 2.0' in told
    assert told.count("seckill_room_serving{") == 64
    metrics.rooms_are({})
    assert "seckill_room_serving{" not in metrics.exposition().decode()
