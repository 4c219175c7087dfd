from infra.postgres.tables.catalogue import metadata


def test_what_goes_to_the_archive_keeps_all_its_columns() -> None:
    """A column that is added to one of the tables has to be added to its archive."""
    # These leave out what nobody asks of what is over.
    shorter = {"archived_deliveries": {"tried_at"}}
    archives = [name for name in metadata.tables if name.startswith("archived_")]
    assert len(archives) == 12

    for name in archives:
        there = set(metadata.tables[name.removeprefix("archived_")].c.keys())
        left_out = there - set(metadata.tables[name].c.keys())
        assert left_out == shorter.get(name, set()), name
