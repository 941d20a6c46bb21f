# SPDX-License-Identifier: Apache-2.0
# A gmond for tests: says what a file holds to everybody who connects, and closes the connection.
#
#   gmond.py READY FEED [--address ADDRESS] [--log FILE]
#
# FEED is read anew for each connection: a test changes what is told by replacing it. READY gets the port once it
# listens. A file FEED.how, when there is one, says how it is told: a word for each connection from then on; the last
# one stays.
#   whole       all of it, at once
#   slow        a byte now and then, for ever
#   silent      nothing, and the connection stays open
#   cut         the first half
#   empty       nothing, and the connection is closed
#   reset       the first half, then the connection is reset
#   endless     FEED again and again, without an end
#   deep        elements inside of each other, without an end
#   tag         one tag without an end
# The log has the time of each connection in seconds.
import argparse
import os
import socket
import struct
import threading
import time

PART = 1 << 16


def pieces(how, feed):
    if how == "cut":
        yield feed[:len(feed) // 2]
    elif how == "reset":
        yield feed[:len(feed) // 2]
    elif how == "slow":
        for i in range(len(feed)):
            yield feed[i:i + 1]
            time.sleep(0.2)
        while True:
            yield b" "
            time.sleep(0.2)
    elif how == "endless":
        while True:
            yield feed
    elif how == "deep":
        yield b"<GANGLIA_XML>"
        while True:
            yield b"<GRID>" * (PART // 6)
    elif how == "tag":
        yield b"<GANGLIA_XML><HOST NAME='"
        while True:
            yield b"x" * PART
    elif how == "silent":
        while True:
            time.sleep(1)
            yield b""
    elif how != "empty":
        yield feed


def serve(connection, how, feed):
    try:
        for piece in pieces(how, feed):
            connection.sendall(piece)
        if how == "reset":
            time.sleep(0.3)  # what was sent has arrived
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    except OSError:
        pass
    finally:
        connection.close()


def next_how(path):
    if not os.path.exists(path):
        return "whole"
    with open(path) as source:
        words = source.read().split()
    if len(words) > 1:
        with open(path, "w") as out:
            out.write(" ".join(words[1:]))
    return words[0]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("ready")
    parser.add_argument("feed")
    parser.add_argument("--address", default="127.0.0.1")
    parser.add_argument("--log")
    args = parser.parse_args()

    family = socket.AF_INET6 if ":" in args.address else socket.AF_INET
    listener = socket.create_server((args.address, 0), family=family)
    with open(args.ready + ".new", "w") as out:
        out.write(str(listener.getsockname()[1]))
    os.rename(args.ready + ".new", args.ready)
    while True:
        connection, _ = listener.accept()
        if args.log:
            with open(args.log, "a") as log:
                log.write("%.2f\n" % time.monotonic())
        how = next_how(args.feed + ".how")
        with open(args.feed, "rb") as source:
            feed = source.read()
        threading.Thread(target=serve, args=(connection, how, feed), daemon=True).start()


main()
