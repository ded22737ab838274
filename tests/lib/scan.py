"""Who answers? Plain TCP connections, from wherever the calling thread is."""
from __future__ import annotations

import contextlib
import errno
import resource
import select
import socket
import time


def free_ports(count) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for s in sockets:
            s.bind(("0.0.0.0", 0))
        return [s.getsockname()[1] for s in sockets]


def knock(address, port, seconds=0.3):
    """What a connection meets: 0, an errno, or None for silence."""
    with socket.socket() as s:
        s.settimeout(seconds)
        try:
            return s.connect_ex((address, port))
        except TimeoutError:
            return None


def open_ports(address, batch=4096, seconds=0.4) -> list[int]:
    """Every TCP port that answers a connection, all 65,535 of them asked."""
    batch = may_open(batch)
    return [port for first in range(1, 65536, batch)
            for port in _connect(address, range(first, min(first + batch, 65536)), seconds)]


def may_open(count) -> int:
    """So many files, or as many as this process may have besides its own."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count + 256:
        soft = min(count + 256, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return min(count, soft - 256)


def _connect(address, ports, seconds):
    poll, pending, found = select.epoll(), {}, []
    try:
        for port in ports:
            s = socket.socket()
            s.setblocking(False)
            said = s.connect_ex((address, port))
            if said == errno.EINPROGRESS:
                pending[s.fileno()] = (s, port)
                poll.register(s.fileno(), select.EPOLLOUT | select.EPOLLERR | select.EPOLLHUP)
                continue
            found += [port] if said == 0 else []
            s.close()
        end = time.monotonic() + seconds  # on one machine an answer takes microseconds; what has come by then counts
        while pending:
            left = end - time.monotonic()
            answered = poll.poll(max(left, 0))
            if not answered and left <= 0:
                break
            for fd, _ in answered:
                s, port = pending.pop(fd)
                poll.unregister(fd)
                found += [port] if s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0 else []
                s.close()
        return found
    finally:
        for s, _ in pending.values():
            s.close()
        poll.close()
