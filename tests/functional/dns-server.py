# SPDX-License-Identifier: Apache-2.0
"""dns-server.py ADDRESS FILE: a name server on ADDRESS, port 53, that knows the records of FILE, one a line: a name and

    A ADDRESS      SRV PORT TARGET      TXT TEXT      MUTE (it never answers for this name)

The file is read at each question. Other names do not exist. It is ready when it prints a line.
"""
import socket
import struct
import sys

TYPES = {'A': 1, 'TXT': 16, 'SRV': 33}


def name_of(data, at):
    labels = []
    while data[at]:
        labels.append(data[at + 1:at + 1 + data[at]].decode('ascii', 'replace').lower())
        at += 1 + data[at]
    return '.'.join(labels), at + 1


def packed(name):
    return b''.join(bytes([len(label)]) + label.encode() for label in name.split('.')) + b'\0'


def value_of(kind, words):
    if kind == 'A':
        return socket.inet_aton(words[0])
    if kind == 'SRV':
        return struct.pack('>HHH', 0, 0, int(words[0])) + packed(words[1])
    return bytes([len(words[0])]) + words[0].encode()


def answer_to(question, records):
    name, end = name_of(question, 12)
    (kind,) = struct.unpack_from('>H', question, end)
    known = [words for words in records if words[0] == name]
    if any(words[1] == 'MUTE' for words in known):
        return None
    values = [value_of(words[1], words[2:]) for words in known if TYPES[words[1]] == kind]
    head = question[:2] + struct.pack('>HHHHH', 0x8580 | (0 if known else 3), 1, len(values), 0, 0)
    return head + question[12:end + 4] + b''.join(
        b'\xc0\x0c' + struct.pack('>HHIH', kind, 1, 60, len(value)) + value for value in values)


server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind((sys.argv[1], 53))
print('ready', flush=True)
while True:
    packet, client = server.recvfrom(2000)
    with open(sys.argv[2], encoding='ascii') as file:
        reply = answer_to(packet, [line.split() for line in file if line.strip()])
    if reply:
        server.sendto(reply, client)
