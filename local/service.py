"""A small real TCP service: each connection gets one line of JSON that says which node answers.

`python -m local.service NODE HOST PORT`
"""

from __future__ import annotations

import json
import os
import signal
import socketserver
import sys
import time


def answer(node: str) -> bytes:
    return json.dumps({"node": node, "pid": os.getpid(), "time": time.time()}).encode() + b"\n"


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 64


def main(node: str, host: str, port: int) -> None:
    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.sendall(answer(node))

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with _Server((host, port), Handler) as server:
        print(f"{node} answers on {host}:{port}", flush=True)
        server.serve_forever(poll_interval=0.1)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
