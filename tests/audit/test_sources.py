"""What an audit opens, and from which settings."""

from audit.sources import POSTGRES_TIMEOUT_SECONDS, open_book, open_sources
from infra.settings import Settings
from tests.support.workflows_double import WorkflowsDouble


async def test_stores_are_opened_without_asking_them_anything() -> None:
    settings = Settings(
        postgres_dsn="postgresql://nobody@127.0.0.1:1/nothing",
        redis_url="redis://127.0.0.1:1",
        audit_grace_seconds=7,
    )
    workflows = WorkflowsDouble()

    async with open_sources(settings, workflows) as sources:
        assert sources.workflows is workflows
        assert sources.grace.total_seconds() == 7
        assert sources.book is None


def test_sums_over_a_whole_sale_are_given_longer_than_a_buyers_query() -> None:
    assert Settings().postgres_timeout_seconds < POSTGRES_TIMEOUT_SECONDS


async def test_a_book_is_compared_where_there_is_one_and_it_is_wanted() -> None:
    url = "http://127.0.0.1:1"

    book = open_book(Settings(sandbox_url=url, audit_book=True))

    assert book is not None
    await book.aclose()
    assert open_book(Settings(sandbox_url=url, audit_book=False)) is None
    assert open_book(Settings(sandbox_url="", audit_book=True)) is None
