"""A process that behaves as the test of processes.py asks: the first argument says how."""

import os
import signal
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer


class Ready(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/readyz" else 404)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the name in the base class
        """Say nothing: the log is what a test looks at."""


def main(behaviour: str) -> None:
    print(behaviour, os.environ.get("CSATWATCH_APP_ID"), os.environ.get("CSATWATCH_STRAY"), flush=True)  # noqa: T201
    if behaviour == "fails":
        sys.exit("the reason why")
    if behaviour == "drains":
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    host, _, port = os.environ["CSATWATCH_METRICS_BIND"].partition(":")
    with HTTPServer((host, int(port)), Ready) as server:
        server.serve_forever()


if __name__ == "__main__":
    main(sys.argv[1])
