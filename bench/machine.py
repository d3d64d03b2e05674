"""What was measured on, and with what."""

import os
import platform
import re
import subprocess
import time
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

from tests.servers.java import java

_HERE = Path(__file__).parent
_WORK = 50_000  # numbers to add up, in a millisecond or so
_APART = 0.003  # seconds


def describe() -> str:
    """Cores, CPU, memory and kernel in one line."""
    cpu = re.search(r"^model name\s*:\s*(.+)$", _read("/proc/cpuinfo"), re.MULTILINE)
    memory = re.search(r"^MemTotal:\s*(\d+) kB", _read("/proc/meminfo"), re.MULTILINE)
    gigabytes = f"{int(memory[1]) / (1 << 20):.0f} GB" if memory else "unknown memory"
    model = cpu[1] if cpu else platform.processor() or platform.machine()
    return f"{os.cpu_count()} cores ({model}), {gigabytes}, {platform.system()} {platform.release()}"


def versions(*peers: str) -> Mapping[str, str]:
    """Of csatwatch, Python, Java, Kafka, and of these packages out of the peers' lock."""
    shown = subprocess.run([java(), "-version"], capture_output=True, text=True, check=True).stderr
    jvm = re.search(r'version "([^"]+)"', shown)
    kafka = re.search(r"<kafka\.version>(.+)<", (_HERE / "peers" / "kafka_streams" / "pom.xml").read_text())
    locked = dict(re.findall(r"^([a-z-]+)==(\S+)", (_HERE / "requirements.txt").read_text(), re.MULTILINE))
    return {
        "csatwatch": version("csatwatch"),
        "Python": platform.python_version(),
        "Java": jvm[1] if jvm else "unknown",
        "Kafka": kafka[1] if kafka else "unknown",
        **{peer: locked[peer] for peer in peers},
    }


def stalls(seconds: float = 10.0) -> str:
    """How steady the machine is while nothing else is to be done: what no engine's latency can be without."""
    took, end = [], time.monotonic() + seconds
    while time.monotonic() < end:
        begun = time.perf_counter()
        sum(range(_WORK))
        took.append(time.perf_counter() - begun)
        time.sleep(_APART)
    took.sort()
    p50, p99, most = (1000 * took[place] for place in (len(took) // 2, len(took) * 99 // 100, -1))
    return (
        f"The machine, before that, with the idle broker alone: one and the same computation took {p50:.1f} ms (p50), "
        f"{p99:.1f} ms (p99), {most:.1f} ms (most)."
    )


def _read(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""
