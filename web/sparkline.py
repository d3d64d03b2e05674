"""A line as small as a word (Tufte, Beautiful Evidence, 2006) as SVG: pure."""

from collections.abc import Sequence

from markupsafe import Markup

WEEKS = 26
_WIDTH, _HEIGHT, _ROOM = 104, 24, 2.5
_LOW, _HIGH = 1, 5


def sparkline(weeks: Sequence[tuple[int, float]]) -> Markup:
    """The mean rating of each week.

    Args:
        weeks: how many weeks ago (0: the last seven days), and the mean (1-5); weeks without a rating are left out,
            and the line goes straight over them.
    """
    points = [(_x(ago), _y(mean)) for ago, mean in sorted(weeks, reverse=True) if 0 <= ago < WEEKS]
    if not points:
        return Markup()
    path = " ".join(f"{'M' if not i else 'L'}{x:g} {y:g}" for i, (x, y) in enumerate(points))
    x, y = points[-1]
    middle = _y((_LOW + _HIGH) / 2)
    return Markup(
        '<svg class="spark" viewBox="0 0 {width} {height}" width="{width}" height="{height}" aria-hidden="true" '
        'focusable="false"><path class="spark-middle" d="M0 {middle:g}H{width}"/><path class="spark-line" d="{path}"/>'
        '<circle class="spark-now" cx="{x:g}" cy="{y:g}" r="2.2"/></svg>'
    ).format(width=_WIDTH, height=_HEIGHT, middle=middle, path=path, x=x, y=y)


def _x(ago: int) -> float:
    return round(_ROOM + (_WIDTH - 2 * _ROOM) * (WEEKS - 1 - ago) / (WEEKS - 1), 1)


def _y(mean: float) -> float:
    return round(_ROOM + (_HEIGHT - 2 * _ROOM) * (_HIGH - mean) / (_HIGH - _LOW), 1)
