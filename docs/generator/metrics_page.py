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
    declared = {each for each in REGISTRY._names_to_collectors.values() if isinstance(each, MetricWrapperBase)}  # noqa: SLF001
    for each in sorted(declared, key=lambda each: each.describe()[0].name):
        metric = next(iter(each.describe()))
        name = metric.name + ("_total" if metric.type == "counter" else "")
        labels = ", ".join(f"`{label}`" for label in each._labelnames)  # noqa: SLF001
        yield f"| `{name}` | {metric.type} | {labels} | {cell(metric.documentation)} |"
