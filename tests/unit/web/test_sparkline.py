import re

from hypothesis import given
from hypothesis import strategies as st

from web.sparkline import WEEKS, sparkline


def _points(html: str) -> list[tuple[float, float]]:
    (path,) = re.findall(r'class="spark-line" d="([^"]*)"', html)
    return [(float(x), float(y)) for x, y in re.findall(r"[ML]([\d.]+) ([\d.]+)", path)]


@given(st.dictionaries(st.integers(0, WEEKS - 1), st.floats(1, 5), min_size=1))
def test_weeks_go_from_left_to_right_inside_the_picture_and_better_is_higher(weeks: dict[int, float]) -> None:
    points = _points(str(sparkline(list(weeks.items()))))
    assert [x for x, _ in points] == sorted(x for x, _ in points)
    assert all(0 <= x <= 104 and 0 <= y <= 24 for x, y in points)
    heights = dict(zip(sorted(weeks, reverse=True), (y for _, y in points), strict=True))
    best, worst = max(weeks, key=weeks.__getitem__), min(weeks, key=weeks.__getitem__)
    assert heights[best] <= heights[worst]


def test_weeks_out_of_the_picture_are_left_out_and_nothing_is_nothing() -> None:
    assert len(_points(str(sparkline([(0, 4.0), (WEEKS, 1.0), (WEEKS + 9, 1.0)])))) == 1
    assert sparkline([]) == sparkline([(WEEKS, 3.0)]) == ""
