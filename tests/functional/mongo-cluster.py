# SPDX-License-Identifier: Apache-2.0
"""mongo-cluster.py replica-set|sharded DIRECTORY: what a driver sees of a cluster, on 127.0.0.1.

Speaks as much of MongoDB's wire protocol (OP_MSG, OP_QUERY for the first hello, BSON) as inserts need; keeps nothing.
replica-set: two servers, the first a secondary, the second the primary. sharded: two mongos. The ports go into
DIRECTORY/ports; each command, as JSON with the number of the server that got it, is a line of DIRECTORY/commands. When
DIRECTORY/step-down exists, the first insert is answered as by a primary that steps down, once: NotWritablePrimary.
"""
import json
import os
import socket
import struct
import sys
import threading

kind, directory = sys.argv[1], sys.argv[2]
lock = threading.Lock()


def decode(data, at=0, array=False):
    (size,) = struct.unpack_from("<i", data, at)
    end, at, out = at + size - 1, at + 4, {}
    while at < end:
        type_, at = data[at], at + 1
        stop = data.index(0, at)
        name, at = data[at:stop].decode(), stop + 1
        if type_ == 1:
            (value,), at = struct.unpack_from("<d", data, at), at + 8
        elif type_ == 2:
            (n,) = struct.unpack_from("<i", data, at)
            value, at = data[at + 4:at + 3 + n].decode(), at + 4 + n
        elif type_ in (3, 4):
            value = decode(data, at, type_ == 4)
            at += struct.unpack_from("<i", data, at)[0]
        elif type_ == 5:
            (n,) = struct.unpack_from("<i", data, at)
            value, at = data[at + 5:at + 5 + n].hex(), at + 5 + n
        elif type_ == 7:
            value, at = data[at:at + 12].hex(), at + 12
        elif type_ == 8:
            value, at = bool(data[at]), at + 1
        elif type_ == 10:
            value = None
        elif type_ == 16:
            (value,), at = struct.unpack_from("<i", data, at), at + 4
        elif type_ in (9, 17, 18):
            (value,), at = struct.unpack_from("<q", data, at), at + 8
        else:
            raise ValueError(f"type {type_} of {name}")
        out[name] = value
    return list(out.values()) if array else out


def encode(document):
    body = b""
    for name, value in document.items():
        key = name.encode() + b"\0"
        if isinstance(value, bool):
            body += b"\x08" + key + bytes([value])
        elif isinstance(value, int):
            body += b"\x10" + key + struct.pack("<i", value)
        elif isinstance(value, float):
            body += b"\x01" + key + struct.pack("<d", value)
        elif isinstance(value, str):
            text = value.encode() + b"\0"
            body += b"\x02" + key + struct.pack("<i", len(text)) + text
        elif isinstance(value, list):
            body += b"\x04" + key + encode({str(i): v for i, v in enumerate(value)})
        else:
            body += b"\x03" + key + encode(value)
    return struct.pack("<i", len(body) + 5) + body + b"\0"


def hello(number):
    answer = {"maxBsonObjectSize": 16777216, "maxMessageSizeBytes": 48000000, "maxWriteBatchSize": 100000,
              "minWireVersion": 0, "maxWireVersion": 17, "readOnly": False, "logicalSessionTimeoutMinutes": 30,
              "ok": 1.0}
    if kind == "sharded":
        return {"ismaster": True, "isWritablePrimary": True, "msg": "isdbgrid", **answer}
    hosts = [f"127.0.0.1:{port}" for port in ports]
    primary = number == 1
    return {"setName": "rs0", "setVersion": 1, "ismaster": primary, "isWritablePrimary": primary,
            "secondary": not primary, "hosts": hosts, "primary": hosts[1], "me": hosts[number], **answer}


def answer_to(number, command):
    word = next(iter(command))
    with lock, open(f"{directory}/commands", "a") as log:
        log.write(json.dumps({"server": number, **command}) + "\n")
    if word.lower() in ("hello", "ismaster"):
        return hello(number)
    if word == "insert" and os.path.exists(f"{directory}/step-down"):
        os.remove(f"{directory}/step-down")
        return {"ok": 0.0, "code": 10107, "codeName": "NotWritablePrimary", "errmsg": "not primary"}
    return {"ok": 1.0, "n": 1}


def receive(connection, n):
    data = b""
    while len(data) < n:
        more = connection.recv(n - len(data))
        if not more:
            raise EOFError
        data += more
    return data


def read_sections(body):
    command, at = {}, 4
    while at < len(body):
        section, at = body[at], at + 1
        (size,) = struct.unpack_from("<i", body, at)
        if section == 0:
            command.update(decode(body, at))
        else:
            stop = body.index(0, at + 4)
            name, inside, documents = body[at + 4:stop].decode(), stop + 1, []
            while inside < at + size:
                documents.append(decode(body, inside))
                inside += struct.unpack_from("<i", body, inside)[0]
            command[name] = documents
        at += size
    return command


def serve(number, connection):
    try:
        while True:
            size, request, _, opcode = struct.unpack("<iiii", receive(connection, 16))
            body = receive(connection, size - 16)
            if opcode == 2004:  # OP_QUERY
                reply = encode(answer_to(number, decode(body, body.index(0, 4) + 9)))
                reply = struct.pack("<iqii", 8, 0, 0, 1) + reply
                opcode = 1
            else:
                reply = struct.pack("<iB", 0, 0) + encode(answer_to(number, read_sections(body)))
            connection.sendall(struct.pack("<iiii", 16 + len(reply), 1, request, opcode) + reply)
    except (EOFError, OSError):
        connection.close()


def accept(number):
    while True:
        connection, _ = sockets[number].accept()
        threading.Thread(target=serve, args=(number, connection), daemon=True).start()


sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
ports = [s.getsockname()[1] for s in sockets]
with open(f"{directory}/ports.new", "w") as file:
    file.write(" ".join(map(str, ports)) + "\n")
os.rename(f"{directory}/ports.new", f"{directory}/ports")
for i in (0, 1):
    threading.Thread(target=accept, args=(i,), daemon=True).start()
threading.Event().wait()
