#!/usr/bin/python3
"""A web application to try this example with: `hello.py PORT` answers with the name of its node.

/health says that it does its work, and /slow takes two seconds. After SIGTERM it takes no new request, and finishes
those that it has begun.
"""

import http.server
import signal
import socket
import sys
import threading
import time
from typing import Any

SLOW_S = 2.0


class Hello(http.server.BaseHTTPRequestHandler):
    """One request."""

    timeout = 5

    def do_GET(self) -> None:
        """Answer it."""
        if self.path == "/slow":
            time.sleep(SLOW_S)
        body = f"{socket.gethostname()}\n".encode()
        self.send_response(200 if self.path in ("/", "/slow", "/health") else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Requests are not logged."""


class Server(http.server.ThreadingHTTPServer):
    """Its end waits for the requests that have begun."""

    daemon_threads = False


def main(port: int) -> None:
    """Serve until SIGTERM."""
    server = Server(("", port), Hello)
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    server.serve_forever(poll_interval=0.1)
    server.server_close()


if __name__ == "__main__":
    main(int(sys.argv[1]))
