#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A cloud that was recorded. Both commands are HTTP proxies on the loopback (http_proxy=http://127.0.0.1:PORT), so that
no address has to be written anew; the port is written to PORT-FILE.

  cloud.py record DIALOGUE PORT-FILE           pass requests on, and write what was said until SIGTERM
  cloud.py play DIALOGUE PORT-FILE LOG [RULES] answer like the cloud that was recorded

A dialogue is a line of JSON for each exchange, in the order of the answers: request, body, status, headers, answer. The
ids of the run are {run} and {run7} in it, secrets are "*"; of polls without a change between them the first and the
last are kept.

The player compares what changes something (POST, PUT, PATCH, DELETE) with the dialogue, body included, in whatever
order requests in flight together arrive. What is only asked (GET) gets the answer that was given after the same changes
had been made; each time one further, up to the last one, so the number of polls does not matter. LOG gets a line for
each request, "STATUS METHOD URL", in front of it UNEXPECTED or BODY when the dialogue has none like it or one with
another body, and on SIGTERM a line MISSING for each change that was not asked for.

RULES are a JSON list. The first rule whose "match" (a regular expression) fits "METHOD URL", after "skip" times and for
"times" times (1; 0: always), answers instead: "status", "headers", "answer" or "text"; "cut": only so many bytes of it;
"drop": the connection is closed without an answer, "done": ... after the change was made; "delay": seconds. With "set"
the recorded answer is taken and changed: {"servers.0.status": "ERROR"}. A list holds nothing that the run has not made
or has removed.
"""
import http.client
import http.server
import json
import os
import re
import signal
import socketserver
import sys
import threading
import time
import urllib.parse

UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
RUN = re.compile(r"vmtp(?:%20run%20|\+run\+| run |:|%3A)(" + UUID + ")")
SECRETS = {"password", "secret", "adminPass", "public_key", "fingerprint", "user_data"}
KEPT_HEADERS = ("X-Subject-Token", "Retry-After", "Location", "x-openstack-request-id", "x-compute-request-id")
CHANGES = ("POST", "PUT", "PATCH", "DELETE")


def redacted(value, key=""):
    if isinstance(value, dict):
        return {k: redacted(v, k) for k, v in value.items() if k != "links"}
    if isinstance(value, list):
        return [redacted(v) for v in value]
    if key in SECRETS and isinstance(value, str) or key == "id" and isinstance(value, str) and len(value) > 100:
        return "*"
    return value


def parsed(data):
    try:
        return json.loads(data) if data else None
    except ValueError:
        return data.decode("utf-8", "replace")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def handle_any(self):
        length = int(self.headers.get("Content-Length") or 0)
        if self.headers.get("Transfer-Encoding") == "chunked":
            body = b""
            while True:
                size = int(self.rfile.readline().split(b";")[0], 16)
                body += self.rfile.read(size)
                self.rfile.readline()
                if not size:
                    break
        else:
            body = self.rfile.read(length)
        self.server.answer(self, body)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = handle_any

    def reply(self, status, headers, data, cut=None):
        self.send_response_only(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data if cut is None else data[:cut])
        if cut is not None:
            self.close_connection = True


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, port_file):
        super().__init__(("127.0.0.1", 0), Handler)
        self.lock = threading.Lock()
        with open(port_file + ".tmp", "w") as file:
            file.write(str(self.server_port))
        os.rename(port_file + ".tmp", port_file)


class Recorder(Server):
    def __init__(self, dialogue, port_file):
        self.path, self.said = dialogue, []
        super().__init__(port_file)

    def answer(self, handler, body):
        url = urllib.parse.urlsplit(handler.path)
        upstream = http.client.HTTPConnection(url.netloc, timeout=300)
        hop = ("proxy-connection", "connection", "host", "transfer-encoding", "accept-encoding", "content-length")
        headers = {k: v for k, v in handler.headers.items() if k.lower() not in hop}
        path = url.path + ("?" + url.query if url.query else "")
        upstream.request(handler.command, path, body or None, headers)
        reply = upstream.getresponse()
        data = reply.read()
        with self.lock:
            self.note(handler, body, reply, data)
        kept = {k: v for k, v in reply.getheaders() if k.lower() not in ("connection", "content-length", "date",
                                                                         "transfer-encoding", "keep-alive")}
        handler.reply(reply.status, kept, data)

    def note(self, handler, body, reply, data):
        exchange = {"request": handler.command + " " + handler.path}
        if body:
            binary = handler.headers.get("Content-Type", "").startswith("application/octet-stream")
            exchange["body"] = "*" if binary else redacted(parsed(body))
        exchange["status"] = reply.status
        headers = {k: reply.headers[k] for k in KEPT_HEADERS if k in reply.headers}
        if "X-Subject-Token" in headers:
            headers["X-Subject-Token"] = "a-token"
        if headers:
            exchange["headers"] = headers
        if data:
            exchange["answer"] = redacted(parsed(data))
        self.said.append(exchange)

    def close(self):
        text = [json.dumps(exchange) for exchange in self.said]
        runs = {run for line in text for run in RUN.findall(line)}
        kept, polls = [], {}
        for line, exchange in zip(text, self.said):
            for run in runs:
                line = line.replace(run, "{run}").replace(run[:7], "{run7}")
            key = exchange["request"]
            if not key.startswith("GET "):
                polls = {}  # what is asked after a change counts again
            elif len(polls.setdefault(key, [])) == 2:
                kept[polls[key][1]] = None  # of polls the first and the last are told
                polls[key].pop()
            if key.startswith("GET "):
                polls[key].append(len(kept))
            kept.append(line)
        kept = [line for line in kept if line]
        with open(self.path, "w") as file:
            file.write("\n".join(kept) + "\n")


def canonical(value):
    return json.dumps(value, sort_keys=True)


def ids(answer):
    """Of the things that an answer to a creation holds: {"server": {"id": ...}}, {"ports": [{"id": ...}]}."""
    for value in answer.values() if isinstance(answer, dict) else ():
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, dict):
                item = item.get("keypair", item)
                if "id" in item or "name" in item:
                    yield item.get("id", item.get("name"))


class Player(Server):
    def __init__(self, dialogue, port_file, log, rules=None):
        with open(dialogue) as file:
            self.said = [json.loads(line) for line in file]
        self.done, self.refused, self.at, self.deleted = set(), set(), {}, set()
        self.run = "0" * 8 + "-0000-4000-8000-" + "0" * 12
        self.log = open(log, "w")
        self.rules = []
        if rules:
            with open(rules) as file:
                self.rules = json.load(file)
        self.made_by = {}  # id: number of the exchange that made it
        changes = 0
        for number, exchange in enumerate(self.said):
            exchange["epoch"] = changes
            exchange["number"] = number
            if exchange["request"].split()[0] in CHANGES and "/auth/tokens" not in exchange["request"]:
                changes += 1
                exchange["change"] = True
                if exchange["request"].startswith("POST "):
                    self.made_by.update((id, number) for id in ids(exchange.get("answer")))
        super().__init__(port_file)

    def pattern(self, template, body=False):
        text = re.escape(template).replace(r"\{run\}", UUID).replace(r"\{run7\}", "[0-9a-f]{7}")
        return re.compile(text.replace(r'"\*"', r'"[^"]*"') if body else text)

    def learn(self, text):
        found = RUN.search(text)
        if found:
            self.run = found.group(1)

    def epoch(self):  # how many changes from the first on have all been made
        changes = [exchange for exchange in self.said if exchange.get("change")]
        for count, exchange in enumerate(changes):
            if exchange["number"] not in self.done | self.refused:
                return count
        return len(changes)

    def find_change(self, request, body):
        """The exchange, and what is wrong with the request."""
        similar = [e for e in self.said if e["request"].split()[0] == request.split()[0] and
                   self.pattern(e["request"]).fullmatch(request)]
        exact = [e for e in similar if body is None and "body" not in e or body is not None and
                 ("body" in e and (e["body"] == "*" or
                                   self.pattern(canonical(e["body"]), True).fullmatch(canonical(body))))]
        for found, word in ((exact, ""), (similar, "BODY ")):
            fresh = [e for e in found if e["number"] not in self.done]
            if fresh:
                return fresh[0], word
            if found:
                return found[-1], word
        return None, "UNEXPECTED "

    def find_state(self, request):
        entries = [e for e in self.said if self.pattern(e["request"]).fullmatch(request)]
        if not entries:
            return None, "UNEXPECTED "
        at, epoch = self.at.get(request, -1), self.epoch()
        ahead = [(i, e) for i, e in enumerate(entries) if i > at and e["epoch"] <= epoch]
        if ahead:
            newest = max(e["epoch"] for _, e in ahead)
            at = next(i for i, e in ahead if e["epoch"] == newest)
        elif at < 0:
            at = 0
        self.at[request] = at
        return entries[at], ""

    def rule(self, request):
        for rule in self.rules:
            if not re.search(rule["match"], request):
                continue
            rule["seen"] = rule.get("seen", 0) + 1
            first = rule.get("skip", 0)
            times = rule.get("times", 1)
            if rule["seen"] > first and (times == 0 or rule["seen"] <= first + times):
                return rule
        return {}

    def filled(self, value):
        text = value if isinstance(value, str) else json.dumps(value)
        return text.replace("{run}", self.run).replace("{run7}", self.run[:7])

    def answer(self, handler, body):
        request = handler.command + " " + handler.path
        with self.lock:
            content = parsed(body)
            self.learn(handler.path)
            self.learn(json.dumps(content))
            if handler.headers.get("Content-Type", "").startswith("application/octet-stream"):
                content = "*"
            rule = self.rule(request)
            untouched = rule and "set" not in rule and not rule.get("done")
            change = handler.command in CHANGES
            exchange, word = self.find_change(request, redacted(content)) if change else self.find_state(request)
            if exchange and change:
                (self.refused if untouched else self.done).add(exchange["number"])
                if handler.command == "DELETE" and not untouched:
                    self.deleted.add(exchange["request"].rsplit("/", 1)[1])
            status, headers, data = self.compose(exchange, rule)
            shown = "dropped" if rule.get("drop") else status
            self.log.write(f"{'' if rule else word}{shown} {request}{' ' + canonical(content) if word else ''}\n")
            self.log.flush()
        time.sleep(rule.get("delay", 0))
        if rule.get("drop"):
            handler.close_connection = True
            handler.connection.shutdown(2)
            return
        handler.reply(status, headers, data, rule.get("cut"))

    def present(self, answer):
        """What was recorded without what this run has not made, or has removed already."""
        if isinstance(answer, dict):
            return {key: self.present(value) for key, value in answer.items()}
        if isinstance(answer, list):
            return [self.present(item) for item in answer if not any(
                id in self.deleted or self.made_by.get(id, -1) not in self.done | {-1} for id in ids({"": item}))]
        return answer

    def compose(self, exchange, rule):
        if not exchange and not rule:
            return 404, {}, b'{"message": "not in the dialogue"}'
        exchange = exchange or {"status": 404}
        status = rule.get("status", exchange["status"])
        recorded = {} if "status" in rule and "set" not in rule else exchange.get("headers", {})
        headers = {"Content-Type": "application/json", **recorded, **rule.get("headers", {})}
        answer = self.present(exchange.get("answer", ""))
        for path, value in rule.get("set", {}).items():
            *way, last = path.split(".")
            place = answer
            try:
                for step in way:
                    place = place[int(step)] if isinstance(place, list) else place[step]
                place[last] = value
            except (IndexError, KeyError, ValueError):
                pass  # nothing there to change
        if rule and "set" not in rule and not rule.get("delay"):
            answer = rule.get("text", rule.get("answer", answer if status == exchange["status"] else ""))
        return status, headers, self.filled(answer).encode()

    def close(self):
        for exchange in self.said:
            if exchange.get("change") and exchange["number"] not in self.done | self.refused:
                self.log.write(f"MISSING {exchange['request']}\n")
        self.log.close()


def main():
    kinds = {"record": Recorder, "play": Player}
    if len(sys.argv) < 4 or sys.argv[1] not in kinds:
        sys.exit(__doc__)
    server = kinds[sys.argv[1]](*sys.argv[2:])
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    server.serve_forever(poll_interval=0.05)
    server.close()


main()
