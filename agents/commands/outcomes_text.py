"""The figures of outcomes as text for a terminal or a file."""

from textwrap import fill

from schemas.outcome import Outcomes
from streams.outcome_words import VERDICTS, figures

_WIDTH = 100


def text(found: Outcomes) -> str:
    """Each figure with what it rests on, and how it was found."""
    lines = [f"{found.since:%Y-%m-%d} to {found.as_of:%Y-%m-%d}, policy {found.policy.name} {found.policy.version}."]
    for each in figures(found):
        lines += ["", each.title, f"  {VERDICTS[each.verdict]}: {each.says}"]
        width = max(len(label) for label, _ in each.rows) + 2
        lines += [f"  {label}".ljust(width + 2) + value for label, value in each.rows]
        lines.append(fill(each.method, _WIDTH, initial_indent="  ", subsequent_indent="  "))
    return "\n".join(lines) + "\n"
