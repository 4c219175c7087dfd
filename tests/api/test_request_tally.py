from prometheus_client import CollectorRegistry, generate_latest

from api.request_tally import BUCKETS, RequestTally


def exposed(tally: RequestTally) -> list[str]:
    registry = CollectorRegistry()
    registry.register(tally)
    return generate_latest(registry).decode().splitlines()


def test_each_bucket_holds_what_is_as_quick_as_its_edge_and_all_that_is_quicker() -> None:
    tally = RequestTally()
    for seconds in (BUCKETS[0], 0.003, BUCKETS[-1] + 1):
        tally.add("GET", "/v1/time", 200, seconds)

    lines = exposed(tally)

    bucket = 'seckill_api_request_seconds_bucket{le="%s",route="/v1/time"}'
    for edge, count in (("0.002", 1), ("0.005", 2), ("5.0", 2), ("+Inf", 3)):
        assert f"{bucket % edge} {count:.1f}" in lines
    assert 'seckill_api_request_seconds_sum{route="/v1/time"} 6.005' in lines
    assert 'seckill_api_requests_total{method="GET",route="/v1/time",status="200"} 3.0' in lines


def test_verdicts_are_shown_by_their_names() -> None:
    tally = RequestTally()
    tally.verdicts["SOLD_OUT"] += 2

    assert 'seckill_gate_verdicts_total{verdict="SOLD_OUT"} 2.0' in exposed(tally)
