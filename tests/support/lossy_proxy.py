"""A proxy that hands requests on, and loses the answers when it is told to."""

from __future__ import annotations

import contextlib
import http.client
import http.server
import threading
from collections.abc import Iterator

__all__ = ["Proxy", "lossy_proxy"]


class Proxy:
    """Attributes:
    port: where it listens.
    is_losing: whether answers are lost; the server has done its work by then.
    lost: answers that were lost.
    """

    def __init__(self, port: int) -> None:
        self.port = port
        self.is_losing = False
        self.lost = 0


@contextlib.contextmanager
def lossy_proxy(server_port: int) -> Iterator[Proxy]:
    """A proxy to the server of that port, while the block runs."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            server = http.client.HTTPConnection("127.0.0.1", server_port, timeout=30)
            try:
                headers = {"content-type": "application/json", "host": f"localhost:{server_port}"}
                server.request("POST", self.path, body, headers)
                reply = server.getresponse()
                content = reply.read()
            finally:
                server.close()
            if proxy.is_losing:
                proxy.lost += 1
                self.close_connection = True
                return
            self.send_response(reply.status)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        proxy = Proxy(listening.server_address[1])
        thread = threading.Thread(target=listening.serve_forever, daemon=True)
        thread.start()
        try:
            yield proxy
        finally:
            listening.shutdown()
            thread.join()
