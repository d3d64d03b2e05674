from bench.report import spread, table, told, with_section


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


def test_a_spread_is_of_all_figures_whatever_their_order() -> None:
    hundred = [float(n) for n in range(1, 101)]
    expected = {"p50 ms": "51", "p99 ms": "100", "most ms": "100"}
    assert spread(hundred, 50, 99) == spread(reversed(hundred), 50, 99) == expected
    assert told(expected) == "p50 ms 51, p99 ms 100, most ms 100"


def test_a_single_figure_is_each_of_its_percentiles() -> None:
    assert spread([1234.4], 50, 99) == {"p50 ms": "1,234", "p99 ms": "1,234", "most ms": "1,234"}
