"""Somebody who answers in AWS's place: a proxy, a login form, a server that breaks off."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HTML = [b"<html><body>we are back soon</body></html>", b"\n<!DOCTYPE html><html><br></html>"]
NOTHING_OF_AWS = [*HTML, b"", b"OK", b'{"Item": {"pk"', b"<ListResourceRecordSetsResponse><Reso"]


class Stranger:
    """Answers everything that is asked for with the same."""

    def __init__(self) -> None:
        self.status, self.body = 200, b""
        self.asked = 0
        stranger = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                stranger.asked += 1
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                self.send_response(stranger.status)
                self.send_header("Content-Length", str(len(stranger.body)))
                self.end_headers()
                self.wfile.write(stranger.body)

            do_GET = do_DELETE = do_POST  # noqa: N815 - as http.server has it

            def log_message(self, *_: object) -> None:
                """It says nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
