"""What was measured on, and with what."""

import os
import platform
import re
import subprocess
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

from tests.servers.java import java

_HERE = Path(__file__).parent


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


def _read(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""
