#!/usr/bin/env python3
"""A receiver of notices for tests: plain HTTP on loopback, from Python's own server.

usage: receiver.py DIR     returns when it listens; ends when DIR is gone

DIR/port holds its port. Each POST becomes a line of JSON in DIR/requests (path, headers in lower
case, body as text) and is answered with the status in DIR/answer (200 when there is none; hang: not
at all; a Location header goes with a 3xx).
"""

import http.server
import json
import os
import sys
import threading
import time
from pathlib import Path

folder = Path(sys.argv[1])


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        seen = {
            "path": self.path,
            "headers": {name.lower(): value for name, value in self.headers.items()},
            "body": body,
        }
        with lock, open(folder / "requests", "a", encoding="utf-8") as log:
            log.write(json.dumps(seen) + "\n")
        answer = folder / "answer"
        status = answer.read_text().strip() if answer.exists() else "200"
        if status == "hang":
            time.sleep(120)
            return
        self.send_response(int(status))
        if status.startswith("3"):
            self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_):
        pass


lock = threading.Lock()
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
(folder / "port").write_text(str(server.server_address[1]))
if os.fork() > 0:
    os._exit(0)
os.setsid()
for fd in (0, 1, 2):
    os.dup2(os.open(os.devnull, os.O_RDWR), fd)
threading.Thread(target=server.serve_forever, daemon=True).start()
while folder.exists():
    time.sleep(0.2)
os._exit(0)
