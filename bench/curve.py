"""A picture of curves over false alarms, as an SVG that needs nothing else."""

from collections.abc import Mapping, Sequence
from html import escape

Point = tuple[float, float]
"""Share of false alarms, share of falls found; both from 0 to 1."""
Curve = Sequence[Point]

_WIDTH, _HEIGHT, _LEFT, _TOP, _BETWEEN = 360, 300, 60, 56, 70
_MOST_FALSE = 0.3
_COLOURS = ("#0b6e4f", "#1f4e9c", "#b3541e", "#6b6b6b")
_TEXT = "#333"
_FONT = 'font-family="system-ui, sans-serif" font-size="13"'


def picture(title: str, panels: Mapping[str, Mapping[str, Curve]], marked: Mapping[str, Mapping[str, Point]]) -> str:
    """Panels side by side, each with the same curves by name; `marked` points, by panel and curve."""
    names = list(next(iter(panels.values())))
    width = _LEFT + len(panels) * (_WIDTH + _BETWEEN)
    height = _TOP + _HEIGHT + 80
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" {_FONT} fill="{_TEXT}">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
        f'<text x="{_LEFT}" y="24" font-size="16" font-weight="600">{escape(title)}</text>',
    ]
    for number, (panel, curves) in enumerate(panels.items()):
        parts += _panel(_LEFT + number * (_WIDTH + _BETWEEN), panel, curves, marked.get(panel, {}))
    for number, name in enumerate(names):
        x, y = _LEFT + number * 190, height - 14
        parts.append(
            f'<line x1="{x}" y1="{y - 4}" x2="{x + 22}" y2="{y - 4}" stroke="{_COLOURS[number]}" stroke-width="3"/>'
        )
        parts.append(f'<text x="{x + 28}" y="{y}">{escape(name)}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def _panel(left: float, title: str, curves: Mapping[str, Curve], marked: Mapping[str, Point]) -> list[str]:
    def place(false: float, found: float) -> str:
        return f"{left + min(false, _MOST_FALSE) / _MOST_FALSE * _WIDTH:.1f},{_TOP + (1 - found) * _HEIGHT:.1f}"

    parts = [f'<text x="{left}" y="{_TOP - 12}" font-weight="600">{escape(title)}</text>']
    for tenth in range(0, 11, 2):
        _, y = place(0, tenth / 10).split(",")
        parts.append(f'<line x1="{left}" y1="{y}" x2="{left + _WIDTH}" y2="{y}" stroke="#ddd"/>')
        parts.append(f'<text x="{left - 8}" y="{float(y) + 4}" text-anchor="end">{tenth * 10}%</text>')
    for hundredth in range(0, 31, 5):
        x, _ = place(hundredth / 100, 0).split(",")
        parts.append(f'<line x1="{x}" y1="{_TOP}" x2="{x}" y2="{_TOP + _HEIGHT}" stroke="#eee"/>')
        parts.append(f'<text x="{x}" y="{_TOP + _HEIGHT + 18}" text-anchor="middle">{hundredth}%</text>')
    parts.append(
        f'<text x="{left + _WIDTH / 2}" y="{_TOP + _HEIGHT + 38}" text-anchor="middle">customers without a change that '
        "have an alert</text>"
    )
    for colour, (name, curve) in zip(_COLOURS, curves.items(), strict=False):
        points = " ".join(place(false, found) for false, found in curve if false <= _MOST_FALSE)
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2.5"/>')
        if name in marked:
            x, y = place(*marked[name]).split(",")
            parts.append(f'<circle cx="{x}" cy="{y}" r="5" fill="{colour}" stroke="#fff" stroke-width="1.5"/>')
    return parts
