"""Which TCP ports can a server listen on?"""

import random
import socket
from contextlib import ExitStack

# Below Linux's and macOS's range for outgoing connections: a server that is down for a moment
# must not lose its port to some client's connection.
_LOWEST, _HIGHEST = 20_000, 32_000


def free_ports(count: int) -> list[int]:
    """`count` different ports that nobody listens on at 127.0.0.1 at this moment."""
    ports: list[int] = []
    # Unseeded on purpose: test runs in parallel must not try the same ports in the same order.
    draw = random.SystemRandom()
    with ExitStack() as held:
        while len(ports) < count:
            port = draw.randrange(_LOWEST, _HIGHEST)
            probe = held.enter_context(socket.socket())
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            ports.append(port)
    return ports
