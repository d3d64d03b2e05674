"""The page of metrics."""

from collections.abc import Iterator

from prometheus_client.metrics import MetricWrapperBase

from agents.metrics import REGISTRY
from docs.generator.schema_tables import cell

_INTRO = """\
# Metrics

At `/metrics` of each process, in Prometheus' format. Labels come from small closed sets, never from a customer. What to
watch of them, and the alerts on them, are in [operations](../operations.md) and in the [runbook](../runbook.md).
"""


def metrics() -> Iterator[str]:
    """Every metric, its labels and what it counts."""
    yield _INTRO
    yield "| metric | kind | labels | |\n|---|---|---|---|"
    # The registry itself tells the names of labels only of those that have values.
    collectors = REGISTRY._names_to_collectors.values()  # noqa: SLF001
    declared = {each for each in collectors if isinstance(each, MetricWrapperBase)}
    yield from sorted(map(_row, declared))


def _row(collector: MetricWrapperBase) -> str:
    (metric,) = collector.describe()
    name = metric.name + ("_total" if metric.type == "counter" else "")
    labels = ", ".join(f"`{label}`" for label in collector._labelnames)  # noqa: SLF001
    return f"| `{name}` | {metric.type} | {labels} | {cell(metric.documentation)} |"
