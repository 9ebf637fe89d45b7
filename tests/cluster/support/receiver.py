#!/usr/bin/env python3
"""A receiver of notices, and an endpoint of checks, for tests: plain HTTP on loopback, from Python's own server.

usage: receiver.py DIR     returns when it listens; ends when DIR is gone

DIR/port holds its port. Each call becomes a line of JSON in DIR/requests (method, path, headers in lower
case, body as text) and is answered as DIR/answer says:

  nothing          200
  a number         this status; a Location header goes with a 3xx
  hang             not at all
  huge             200, and 64 MiB of JSON
  endless          200, and JSON that never ends, as fast as it is taken
  drip             200, and a byte of JSON now and then, for ever
  a JSON object    its status (200), its body, its location
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
            "method": self.command,
            "path": self.path,
            "headers": {name.lower(): value for name, value in self.headers.items()},
            "body": body,
        }
        with lock, open(folder / "requests", "a", encoding="utf-8") as log:
            log.write(json.dumps(seen) + "\n")
        answer = folder / "answer"
        wanted = answer.read_text().strip() if answer.exists() else "200"
        if wanted == "hang":
            time.sleep(120)
        elif wanted in ("huge", "endless", "drip"):
            self.flood(wanted)
        elif wanted.startswith("{"):
            self.reply(**json.loads(wanted))
        else:
            self.reply(int(wanted))

    do_GET = do_POST

    def reply(self, status=200, body="ok", location="/elsewhere"):
        self.send_response(status)
        if 300 <= status < 400:
            self.send_header("Location", location)
        self.send_header("Content-Length", str(len(body.encode())))
        self.end_headers()
        self.wfile.write(body.encode())

    def flood(self, how):
        piece = b" " if how == "drip" else b'"' + b"x" * 65534 + b'",'
        begin = b'{"result": "pass", "more": ['
        self.send_response(200)
        if how == "huge":
            self.send_header("Content-Length", str(len(begin) + 1024 * len(piece)))
        else:
            self.send_header("Connection", "close")
        self.end_headers()
        try:
            self.wfile.write(begin)
            for _ in range(1024 if how == "huge" else 1_000_000):
                self.wfile.write(piece)
                self.wfile.flush()
                if how == "drip":
                    time.sleep(0.2)
        except OSError:
            self.close_connection = True

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
