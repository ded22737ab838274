"""The bus as a stranger would speak it: libzmq by ctypes, protobuf by hand. Tests only: it lets one
send what our own code refuses to send (many frames, huge frames, wrong keys)."""
from __future__ import annotations

import ctypes
import time

zmq = ctypes.CDLL("libzmq.so.5", use_errno=True)
zmq.zmq_ctx_new.restype = ctypes.c_void_p
zmq.zmq_socket.restype = ctypes.c_void_p
zmq.zmq_socket.argtypes = [ctypes.c_void_p, ctypes.c_int]
for name in ("zmq_connect", "zmq_bind"):
    getattr(zmq, name).argtypes = [ctypes.c_void_p, ctypes.c_char_p]
zmq.zmq_setsockopt.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t]
zmq.zmq_getsockopt.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p]
zmq.zmq_send.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_int]
zmq.zmq_recv.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
zmq.zmq_close.argtypes = [ctypes.c_void_p]

DEALER, LINGER, ROUTING_ID, RCVTIMEO, SNDTIMEO, IMMEDIATE, RCVHWM = 5, 17, 5, 27, 28, 39, 24
CURVE_PUBLICKEY, CURVE_SECRETKEY, CURVE_SERVERKEY, SNDMORE = 48, 49, 50, 2
_context = zmq.zmq_ctx_new()


def keypair() -> tuple[str, str]:
    """(public, secret) in Z85."""
    public, secret = ctypes.create_string_buffer(41), ctypes.create_string_buffer(41)
    assert zmq.zmq_curve_keypair(public, secret) == 0
    return public.value.decode(), secret.value.decode()


# --- protobuf, as much as is needed ---------------------------------------------------------------------

def varint(value: int) -> bytes:
    out = bytearray()
    value &= (1 << 64) - 1
    while True:
        value, low = value >> 7, value & 0x7F
        out.append(low | (0x80 if value else 0))
        if not value:
            return bytes(out)


def message(*fields: tuple[int, object]) -> bytes:
    """(number, int | str | bytes) pairs, in order; None is left out."""
    out = b""
    for number, value in fields:
        if value is None:
            continue
        if isinstance(value, bool) or isinstance(value, int):
            out += varint(number << 3) + varint(int(value))
        else:
            raw = value.encode() if isinstance(value, str) else value
            out += varint(number << 3 | 2) + varint(len(raw)) + raw
    return out


def fields(raw: bytes) -> dict[int, list]:
    """Every field's values, in order: ints and bytes."""
    at, found = 0, {}

    def take() -> int:
        nonlocal at
        shift = value = 0
        while True:
            byte = raw[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(raw):
        key = take()
        if key & 7 == 0:
            value = take()
        else:
            assert key & 7 == 2, key
            size = take()
            value = raw[at:at + size]
            at += size
        found.setdefault(key >> 3, []).append(value)
    return found


# --- a peer -----------------------------------------------------------------------------------------------

class Peer:
    """A DEALER with any keys one likes."""

    def __init__(self, address: str, server_public: str, own: tuple[str, str], routing_id=None, rcvhwm=None):
        self.socket = zmq.zmq_socket(_context, DEALER)
        self.numbers = 0
        self._int(LINGER, 0)
        self._int(SNDTIMEO, 2000)
        self._int(IMMEDIATE, 1)
        if rcvhwm:
            self._int(RCVHWM, rcvhwm)
        for option, text in ((CURVE_SERVERKEY, server_public), (CURVE_PUBLICKEY, own[0]), (CURVE_SECRETKEY, own[1])):
            assert zmq.zmq_setsockopt(self.socket, option, text.encode(), len(text)) == 0
        if routing_id:
            assert zmq.zmq_setsockopt(self.socket, ROUTING_ID, routing_id, len(routing_id)) == 0
        assert zmq.zmq_connect(self.socket, address.encode()) == 0

    def _int(self, option, value):
        number = ctypes.c_int(value)
        assert zmq.zmq_setsockopt(self.socket, option, ctypes.byref(number), 4) == 0

    def send(self, *frames: bytes) -> bool:
        for i, frame in enumerate(frames):
            if zmq.zmq_send(self.socket, frame, len(frame), SNDMORE if i + 1 < len(frames) else 0) < 0:
                return False
        return True

    def receive(self, seconds: float) -> bytes | None:
        self._int(RCVTIMEO, max(1, int(seconds * 1000)))
        room = ctypes.create_string_buffer(6 * 1024 * 1024)
        n = zmq.zmq_recv(self.socket, room, len(room), 0)
        return None if n < 0 else room.raw[:n]

    def call(self, method: str, payload: bytes = b"", seconds: float = 5, key: str | None = None):
        """(code, payload or detail) of the reply; None when there was none in time."""
        self.numbers += 1
        deadline = int((time.time() + seconds) * 1e6)
        if not self.send(call_frame(self.numbers, method, payload, deadline, key)):
            return None
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            frame = self.receive(left)
            if frame is None:
                return None
            body = fields(frame)
            reply = fields(body[4][0]) if 4 in body else {}
            if reply.get(1) == [self.numbers]:
                code = reply[2][0]
                return code, reply.get(6, [b""])[0] if code == 0 else reply.get(3, [b""])[0].decode()
        return None

    def fetch(self, group: str, positions: list[tuple], wait_ms=1000, max_events=256, seconds=3.0, max_bytes=4 << 20):
        """Fields of EVENTS; positions are (partition, next offset, last id or None, committed)."""
        self.numbers += 1
        if not self.send(fetch_frame(self.numbers, group, positions, wait_ms, max_events, max_bytes)):
            return None
        frame = self.receive(seconds + wait_ms / 1000)
        return None if frame is None else fields(fields(frame)[2][0])

    def close(self):
        zmq.zmq_close(self.socket)


def call_frame(number: int, method: str, payload: bytes, deadline: int, key=None) -> bytes:
    return message((3, message((1, number), (2, method), (3, deadline), (4, key), (6, payload))))


def fetch_frame(number: int, group: str, positions, wait_ms=1000, max_events=256, max_bytes=4 << 20) -> bytes:
    asked = [(3, message((1, p), (2, at), (3, last), (4, committed))) for p, at, last, committed in positions]
    return message((1, message((1, number), (2, group), *asked, (4, max_events), (5, max_bytes), (6, wait_ms))))


def event(raw: bytes) -> dict:
    f = fields(raw)
    return {"partition": f[1][0], "offset": f[2][0], "id": f[3][0], "type": f[4][0].decode(),
            "key": f[5][0].decode(), "payload": f[8][0]}


def partition(key: str) -> int:
    """The same function as common/bus.h."""
    value = 0xCBF29CE484222325
    for byte in key.split("/")[0].encode():
        value = ((value ^ byte) * 0x100000001B3) & ((1 << 64) - 1)
    return value % 64
