"""What a process of csatwatch counted, as its /metrics says."""

from collections import Counter

from prometheus_client.parser import text_string_to_metric_families

from tests.servers.processes import Csatwatch


async def counted(process: Csatwatch) -> Counter[str]:
    """Records of csat-events by what became of them."""
    found: Counter[str] = Counter()
    for family in text_string_to_metric_families(await process.metrics()):
        if family.name == "csatwatch_events":
            for sample in family.samples:
                if sample.name == "csatwatch_events_total":
                    found[sample.labels["result"]] += int(sample.value)
    return found


def metric(shown: str, name: str, **labels: str) -> float | None:
    """One sample of what a /metrics shows; None: it is not there."""
    for family in text_string_to_metric_families(shown):
        for sample in family.samples:
            if sample.name == name and sample.labels == labels:
                return sample.value
    return None
