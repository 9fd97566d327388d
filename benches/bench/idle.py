"""What clients cost that are connected and idle."""

import contextlib
import resource
import socket
import time

from .servers import memory_kb

CLIENTS = 5_000


def idle_memory(target, clients=CLIENTS):
    """Connects clients that each ask once and then are idle; what each costs, in words."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    room = hard if hard != resource.RLIM_INFINITY else clients + 100
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(room, clients + 100)), hard))
    clients = min(clients, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 100)
    before = memory_kb(target.pid)
    with contextlib.ExitStack() as stack:
        for _ in range(clients):
            client = stack.enter_context(socket.create_connection(("127.0.0.1", target.port), timeout=10))
            client.sendall(b"GET filled\r\n")
            client.recv(64)
        time.sleep(0.5)
        after = memory_kb(target.pid)
    return f"{clients:,} idle clients cost {(after - before) / clients:.2f} KB each"
