from bench.report import table, with_section


def test_a_section_takes_its_place_and_replaces_the_one_before() -> None:
    first = with_section("", "## Scale\n\nmany\n")
    both = with_section(first, "## Throughput\n\nfast\n")
    again = with_section(both, "## Scale\n\nmore\n")
    assert [line for line in again.splitlines() if line.startswith("#")] == [
        "# Benchmarks",
        "## Throughput",
        "## Scale",
    ]
    assert "fast" in again
    assert "more" in again
    assert "many" not in again


def test_writing_a_section_again_changes_nothing() -> None:
    once = with_section("", "## Scale\n\nmany\n")
    assert with_section(once, "## Scale\n\nmany\n") == once


def test_a_table_is_aligned_by_its_widest_cells() -> None:
    assert table([{"": "a", "n": "10,000"}, {"": "longer", "n": "1"}]) == (
        "|        |      n |\n|--------|-------:|\n| a      | 10,000 |\n| longer |      1 |"
    )
