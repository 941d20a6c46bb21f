#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A web server on loopback that says what a test tells it to say: scripted-http.py [CERTIFICATE KEY [CLIENT-CA]].

Prints its port. Each line on standard input is a JSON list of rules, answered by "ok": the server forgets what was and
obeys these; or the word "log", answered by a JSON list of the requests since then. It ends with its standard input.

A rule answers the requests whose method and path (with the query; a final "*" stands for anything) fit, the first rule
that fits and has not been used up:
  method, path  as above; "*" when left out
  times         how often, default 1; 0: always
  status, headers, body   of the answer; @URL@ in it is this server's URL; a body that is no text is sent as JSON
  size          a body of that many bytes in place of one
  delay         seconds before the answer
  end           "unread": the connection is closed in place of an answer; "half": after half of the body
"""
import http.server
import json
import socket
import ssl
import sys
import threading
import time


class State:
    def __init__(self):
        self.lock = threading.Lock()
        self.rules = []
        self.log = []
        self.connections = 0
        self.busy = [0]
        self.url = ""

    def load(self, rules):
        with self.lock:
            self.rules = [dict(rule, used=0) for rule in rules]
            self.log = []
            self.busy = [0]

    def fits(self, rule, method, path):
        if rule["used"] >= rule.get("times", 1) > 0 or rule.get("method", method) != method:
            return False
        wanted = rule.get("path", "*")
        return path.startswith(wanted[:-1]) if wanted.endswith("*") else path == wanted

    def take(self, method, path):
        for rule in self.rules:
            if self.fits(rule, method, path):
                rule["used"] += 1
                return rule
        return {"status": 418, "body": {"message": f"not in the script: {method} {path}"}}


state = State()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def setup(self):
        super().setup()
        with state.lock:
            state.connections += 1
            self.number = state.connections

    def read_body(self):
        if self.headers.get("Transfer-Encoding") == "chunked":
            body = b""
            while True:
                size = int(self.rfile.readline(), 16)
                body += self.rfile.read(size)
                self.rfile.readline()
                if size == 0:
                    return body
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def answer(self):
        body = self.read_body()
        with state.lock:
            busy = state.busy
            busy[0] += 1
            state.log.append({
                "connection": self.number, "method": self.command, "path": self.path, "busy": busy[0],
                "headers": {name.lower(): value for name, value in self.headers.items()},
                "body": body.decode("latin-1")})
            rule = state.take(self.command, self.path)
        time.sleep(rule.get("delay", 0))
        with state.lock:
            busy[0] -= 1
        self.send(rule)

    def send(self, rule):
        body = rule.get("body", "")
        if not isinstance(body, str):
            body = json.dumps(body)
        body = body.replace("@URL@", state.url).encode("latin-1")
        if "size" in rule:
            body = b"x" * rule["size"]
        if rule.get("end") == "unread":
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        status = rule.get("status", 200)
        self.send_response(status)
        for name, value in rule.get("headers", {}).items():
            self.send_header(name, value.replace("@URL@", state.url))
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if rule.get("end") == "half":
            self.wfile.write(body[:len(body) // 2])
            self.close_connection = True
        elif status != 204:
            self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request, client_address):
        pass  # a client that went away is what some tests are about


def main():
    server = Server(("127.0.0.1", 0), Handler)
    scheme = "http"
    if len(sys.argv) > 2:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(sys.argv[1], sys.argv[2])
        if len(sys.argv) > 3:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(sys.argv[3])
        server.socket = context.wrap_socket(server.socket, server_side=True)
        scheme = "https"
    state.url = f"{scheme}://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_port, flush=True)
    for line in sys.stdin:
        if line.strip() == "log":
            with state.lock:
                print(json.dumps(state.log), flush=True)
        else:
            state.load(json.loads(line))
            print("ok", flush=True)


main()
