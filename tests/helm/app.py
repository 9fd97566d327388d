"""An app that writes until it has ended: on SIGTERM it goes on for as long as WORK says, by a connection that it has and by
new ones, as apps do that finish what they have begun. It ends with 0 when every write was acknowledged."""

import os
import signal
import socket
import sys
import time
from urllib.parse import urlsplit

URL = urlsplit(os.environ["REDIS_URL"])
WORK = float(os.environ["WORK"])
ending = []
signal.signal(signal.SIGTERM, lambda *_: ending.append(time.monotonic()))


def connect():
    connection = socket.create_connection((URL.hostname, URL.port), timeout=10)
    return connection, connection.makefile("rb")


def push(connection, value):
    words = ["RPUSH", "written", value]
    request = f"*{len(words)}\r\n" + "".join(f"${len(word)}\r\n{word}\r\n" for word in words)
    connection[0].sendall(request.encode())
    reply = connection[1].readline()
    if not reply.startswith(b":"):
        raise OSError(f"no acknowledgement: {reply!r}")


def main():
    kept, count, told = connect(), 0, 0
    print("started", flush=True)
    while not ending or time.monotonic() < ending[0] + WORK:
        told = told if ending else count
        push(kept, f"{count}")
        count += 1
        if count % 10 == 0:
            push(connect(), f"{count}")
            count += 1
        time.sleep(0.01)
    push(kept, f"{count}")
    push(connect(), f"{count + 1}")
    print(f"acknowledged {count + 2}", flush=True)
    print(f"after SIGTERM {count + 2 - told}", flush=True)


try:
    main()
except OSError as error:
    print(f"lost: {error}", flush=True)
    sys.exit(1)
