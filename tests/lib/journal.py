"""The journal from outside: RFC 9162 as it reads, leaves by hand, checkpoints by `cryptography`. Nothing
here knows our code."""
import base64
import hashlib
import json
import subprocess
import urllib.request

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.lib.lab import wait_until


def leaf_hash(leaf: bytes) -> bytes:
    return hashlib.sha256(b"\0" + leaf).digest()


def pair(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\1" + left + right).digest()


def split(n: int) -> int:
    return 1 << ((n - 1).bit_length() - 1)


def head(leaves: list[bytes]) -> bytes:
    """Merkle tree head of leaf hashes, 2.1.1."""
    if not leaves:
        return hashlib.sha256().digest()
    if len(leaves) == 1:
        return leaves[0]
    k = split(len(leaves))
    return pair(head(leaves[:k]), head(leaves[k:]))


def path(m: int, leaves: list[bytes]) -> list[bytes]:
    """Audit path, 2.1.3.1."""
    if len(leaves) == 1:
        return []
    k = split(len(leaves))
    if m < k:
        return path(m, leaves[:k]) + [head(leaves[k:])]
    return path(m - k, leaves[k:]) + [head(leaves[:k])]


def root_of_path(leaf: bytes, m: int, size: int, elements: list[bytes]) -> bytes:
    """The head that a path leads to, 2.1.3.2; for trees too large to be built here."""
    if size == 1:
        assert elements == []
        return leaf
    k = split(size)
    *rest, last = elements
    if m < k:
        return pair(root_of_path(leaf, m, k, rest), last)
    return pair(last, root_of_path(leaf, m - k, size - k, rest))


def consistency(m: int, leaves: list[bytes], whole=True) -> list[bytes]:
    """Consistency path, 2.1.4.1 (SUBPROOF)."""
    if m == len(leaves):
        return [] if whole else [head(leaves)]
    k = split(len(leaves))
    if m <= k:
        return consistency(m, leaves[:k], whole) + [head(leaves[k:])]
    return consistency(m - k, leaves[k:], False) + [head(leaves[:k])]


def fields(message: bytes) -> dict:
    """A protobuf message of scalars by number."""
    found, at = {}, 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while at < len(message):
        key = varint()
        if key & 7 == 0:
            found[key >> 3] = varint()
        else:
            assert key & 7 == 2
            n = varint()
            found[key >> 3] = message[at:at + n]
            at += n
    return found


def read_leaf(leaf: bytes) -> dict:
    f = fields(leaf)
    return {"version": f[1], "sequence": f[2], "feed": f[3].decode(), "partition": f[4], "offset": f[5],
            "event_id": f[6].hex(), "type": f[7].decode(), "content_sha256": f[10]}


def open_note(note: str, public_file) -> tuple[str, int, bytes]:
    """(origin, size, root) of a checkpoint that this key has signed; fails when it has not."""
    text, signatures = note.rsplit("\n\n", 1)
    origin, size, root = text.split("\n")
    key = serialization.load_pem_public_key(public_file.read_bytes())
    spki = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    dash, name, signature = signatures.rstrip("\n").split(" ")
    signature = base64.b64decode(signature, validate=True)
    assert (dash, name) == ("\N{EM DASH}", origin)
    assert signature[:4] == hashlib.sha256(spki).digest()[:4]
    key.verify(signature[4:], (text + "\n").encode(), ec.ECDSA(hashes.SHA256()))
    return origin, int(size), base64.b64decode(root, validate=True)


def get(process, path_and_query: str):
    with urllib.request.urlopen(process.url("http", path_and_query), timeout=30) as answer:
        return json.load(answer)


def all_leaves(process) -> list[bytes]:
    """Every public leaf, page by page."""
    leaves = []
    while True:
        page = get(process, f"/v1/journal/entries?from={len(leaves)}")
        if not page["entries"]:
            return leaves
        assert [e["sequence"] for e in page["entries"]] == list(range(len(leaves), len(leaves) + len(page["entries"])))
        leaves += [base64.b64decode(e["leaf"]) for e in page["entries"]]


def say(lab, service: str, each: int, partitions=range(64), payload_bytes=200):
    """So many events in each of these partitions of a service's log, as if it had said them."""
    chosen = ",".join(map(str, partitions))
    lab.sql(service, f"""
        WITH said AS (
            INSERT INTO outbox (segment, partition, event_offset, id, type, key, traceparent, created_at, payload)
            SELECT h.segment, h.partition, h.next_offset + n - 1, gen_random_uuid(), 'RequestSubmitted', 'key ' || n, '',
                   now(), decode(repeat(md5(random()::text), {payload_bytes // 16 + 1}), 'hex')
              FROM outbox_head h, generate_series(1, {each}) n WHERE h.partition IN ({chosen})
            RETURNING partition, event_offset, id)
        UPDATE outbox_head h SET next_offset = s.event_offset + 1, last_id = s.id
          FROM (SELECT DISTINCT ON (partition) * FROM said ORDER BY partition, event_offset DESC) s
         WHERE h.partition = s.partition""")


def say_event(lab, service: str, kind: str, key: str, payload: bytes, partition=7):
    """One event in a service's log, as if it had said it."""
    lab.sql(service, f"""
        WITH said AS (
            INSERT INTO outbox (segment, partition, event_offset, id, type, key, traceparent, created_at, payload)
            SELECT segment, partition, next_offset, gen_random_uuid(), '{kind}', '{key}', '', now(), '\\x{payload.hex()}'
              FROM outbox_head WHERE partition = {partition}
            RETURNING event_offset, id)
        UPDATE outbox_head h SET next_offset = s.event_offset + 1, last_id = s.id FROM said s WHERE partition = {partition}""")


def said(lab, services) -> set:
    """(feed, partition, offset, id, type) of all that stands in the services' logs."""
    rows = set()
    for service in services:
        for partition, offset, uuid, kind in lab.sql(service, "SELECT partition, event_offset, id, type FROM outbox"):
            rows.add((service, int(partition), int(offset), uuid.replace("-", ""), kind))
    return rows


def leaves_in_database(lab) -> list[bytes]:
    """The same from the rows, where no service runs."""
    return [bytes.fromhex(leaf) for leaf, in lab.sql("audit", "SELECT encode(leaf, 'hex') FROM entry ORDER BY sequence")]


def assert_journal_is_exact(lab, leaves, services):
    """Everything that was said is in the journal once, dense, each partition in its order."""
    leaves = [read_leaf(leaf) for leaf in leaves]
    assert [leaf["sequence"] for leaf in leaves] == list(range(len(leaves)))
    rows = [(leaf["feed"], leaf["partition"], leaf["offset"], leaf["event_id"], leaf["type"]) for leaf in leaves]
    assert len(rows) == len(set(rows)), "an event stands in the journal twice"
    # The journal's own word is said after it was read: what is newest there may be in the log alone.
    missing = {row for row in said(lab, services) - set(rows) if row[0] != "audit"}
    assert missing == set() and not {row for row in set(rows) if row[0] != "audit"} - said(lab, services)
    nexts = {}
    for feed, partition, offset, *_ in rows:
        assert offset == nexts.get((feed, partition), 1), (feed, partition, offset)
        nexts[feed, partition] = offset + 1


def wait_signed(lab, events: int):
    """All that was said is signed, and the journal rests: only its own word stands beyond."""
    wait_until(f"{events} events under a checkpoint", lambda: int(lab.value(
        "audit", "SELECT count(*) FROM checkpoint c, journal_head h WHERE c.size >= h.notable AND "
                 f"(SELECT count(*) FROM entry) >= {events}")))


def verify(lab, *arguments, expect=None):
    """What `trienctl audit verify` finds, as JSON."""
    done = subprocess.run([lab.build / "bin/trienctl", "--config", lab.dir / "etc/trienctl.conf", "--json", "audit",
                           "verify", *map(str, arguments)], capture_output=True, text=True, timeout=120)
    assert done.stdout, done.stderr
    document = json.loads(done.stdout)
    assert done.returncode == (0 if document.get("ok") else 1), done.stderr
    if expect:
        first = document["first"]
        assert first and (first["kind"], first["first"]) == expect, document
    return document
