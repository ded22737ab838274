"""What does the edge let through, keep and refuse? The real nginx with compose/nginx/*.conf as they are (but for
addresses and paths) in front of a laboratory's services; no containers.
"""
import concurrent.futures
import datetime as dt
import http.client
import http.server
import json
import select
import socket
import ssl
import subprocess
import threading
import time
import urllib.parse

import jsonschema
import pytest
import yaml
from cryptography import x509
from cryptography.x509 import ocsp

from tests.lib import requests
from tests.lib.edge import Edge
from tests.lib.lab import PLAN, ROOT, wait_until
from tests.lib.public import ask, authority, get
from tests.lib.scan import free_ports

PROBLEM = yaml.safe_load((ROOT / "docs/openapi.yaml").read_text())["components"]["schemas"]["Problem"]
NOBODY = "127.0.0.1:9"


@pytest.fixture(scope="module")
def empty_lab(template, request):
    with template.lab(replicas=1) as made:
        yield made
        made.failed = request.session.testsfailed > 0


@pytest.fixture(scope="module")
def lab(empty_lab, slow_clients):
    """Its services start while the slow clients are at their work already."""
    empty_lab.start("signer", wait=False)
    empty_lab.start("intake", "validation", "signing", "revocation", "status", "audit")
    empty_lab.add_client()
    empty_lab.add_agency()
    return empty_lab


@pytest.fixture(scope="module")
def edge(empty_lab):
    https, plain = free_ports(2)
    behind = {s: f"127.0.0.1:{empty_lab.base_port + PLAN[s]}" for s in ("intake", "status", "audit")}
    with Edge(empty_lab.dir / "edge", behind | {"courier": NOBODY, "notification": NOBODY}, https_port=https, http_port=plain) as made:
        yield made


@pytest.fixture(scope="module", autouse=True)
def slow_clients(edge):
    """Clients that never come to an end, begun with the first test and looked at by the last."""
    begun = SlowClients(edge)
    yield begun
    begun.close()


@pytest.fixture(scope="module")
def certificate(lab):
    """One that status calls good."""
    request = lab.wait_request(lab.post(lab.pdf(requests.form03()))["request_id"])
    found = x509.load_der_x509_certificate(lab.certificate(request["request_id"], request["certificates"][0]["serial"]))
    wait_until("a good answer", lambda: says(lab.process("status"), lab, found) == ocsp.OCSPCertStatus.GOOD)
    return found


def exchange(edge, method, path, body=None, headers=None, secure=True):
    connection = edge.door() if secure else edge.public()
    try:
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


def check_problem(answer, status, code):
    """The same shape, texts included, as the services' own refusals."""
    said, headers, body = answer
    assert said == status and headers["Content-Type"] == "application/problem+json", (said, body)
    document = json.loads(body)
    jsonschema.validate(document, PROBLEM)
    assert document["status"] == status and document["code"] == code and document["type"] == f"urn:trien:error:{code}"
    assert document["text"]["en"] == document["title"] and document["text"]["vi"] != document["text"]["en"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    return headers


# --- TLS ---------------------------------------------------------------------------------------------------

def handshake(edge, *options):
    done = subprocess.run(["openssl", "s_client", "-connect", f"{edge.address}:{edge.https_port}", *options], text=True,
                          stdin=subprocess.DEVNULL, capture_output=True, errors="replace", timeout=30)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("version", ["tls1", "tls1_1"])
def test_old_tls_is_refused(edge, version):
    status, said = handshake(edge, f"-{version}", "-cipher", "DEFAULT@SECLEVEL=0")
    assert status != 0 and "alert protocol version" in said, said


def test_modern_tls_with_forward_secrecy_alone(edge):
    for version in ("tls1_2", "tls1_3"):
        status, said = handshake(edge, f"-{version}", "-alpn", "h2")
        assert status == 0 and "Server Temp Key" in said and "ALPN protocol: h2" in said, said
    status, said = handshake(edge, "-tls1_2", "-cipher", "AES128-SHA:ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0")
    assert status != 0 and "handshake failure" in said, said
    _, headers, _ = exchange(edge, "GET", "/ca/root.cer")
    assert headers["Strict-Transport-Security"].startswith("max-age=") and headers["X-Content-Type-Options"] == "nosniff"
    assert "Strict-Transport-Security" not in exchange(edge, "GET", "/ca/root.cer", secure=False)[1]


# --- what there is, and what there is not ------------------------------------------------------------------

def test_the_services_answer_through_it(edge, lab):
    status, _, body = exchange(edge, "GET", "/v1/requests?limit=1", headers={"Authorization": f"Bearer {lab.token}"})
    assert status == 200 and "requests" in json.loads(body)
    wait_until("the first checkpoint", lambda: exchange(edge, "GET", "/v1/journal/checkpoint")[0] == 200)
    mine = exchange(edge, "GET", "/v1/requests/none", headers={"Authorization": f"Bearer {lab.token}"})
    its = lab.http("GET", "/v1/requests/none")
    assert mine[0] == its[0] and mine[2] == its[2], "a service's own refusal passes as it is"
    assert json.loads(mine[2]).keys() == json.loads(exchange(edge, "GET", "/nothing")[2]).keys()


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/", "/v2/requests", "/healthz", "/metrics", "/v1/requestsX", "/problem/not_found",
                                  "/v1/requests/../../metrics", "/ca", "/crlX/issuing1.crl", "/v1/%2e%2e/etc/passwd"])
def test_unknown_paths_end_here(edge, path):
    for secure in (True, False):
        check_problem(exchange(edge, "GET", path, secure=secure), 404, "not_found")


@pytest.mark.parametrize("path", ["/v1/requests", "/v1/edxml", "/v1/feed", "/v1/journal/checkpoint", "/v1/receipts",
                                  "/v1/tracking-events"])
def test_the_portal_wants_tls(edge, path):
    check_problem(exchange(edge, "GET", path, secure=False), 404, "not_found")


def raw(edge, request: bytes):
    with socket.create_connection((edge.address, edge.http_port), timeout=10) as s:
        s.sendall(request)
        answer = http.client.HTTPResponse(s)
        answer.begin()
        return answer.status, answer.headers, answer.read()


def test_what_is_no_http_is_malformed(edge):
    check_problem(raw(edge, b"GET /ca/root.cer HTTP/1.1\r\n\r\n"), 400, "malformed")  # no Host
    check_problem(raw(edge, b"GET /ca/root.cer HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 9000 + b"\r\n\r\n"), 400, "malformed")
    check_problem(raw(edge, b"GET /ca/" + b"x" * 9000 + b" HTTP/1.1\r\nHost: a\r\n\r\n"), 413, "too_large")
    with socket.create_connection((edge.address, edge.https_port), timeout=10) as s:  # not even TLS
        s.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert s.recv(4096).startswith(b"HTTP/1.1 400 ")


# --- limits ------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("path, size, secure", [("/v1/requests", (20 << 20) + 1, True), ("/ocsp", (8 << 10) + 1, False),
                                                ("/v1/tracking-events", (256 << 10) + 1, True), ("/v1/receipts", 2 << 10, True),
                                                ("/v1/journal/entries", 2 << 10, True), ("/crl/issuing1.crl", 2 << 10, False)])
def test_a_body_that_is_too_large_is_refused_before_it_is_sent(edge, path, size, secure):
    connection = edge.door() if secure else edge.public()
    connection.putrequest("POST", path)
    connection.putheader("Content-Length", str(size))
    connection.endheaders()
    answer = connection.getresponse()
    check_problem((answer.status, answer.headers, answer.read()), 413, "too_large")
    connection.close()


def test_the_largest_post_reaches_its_service(edge, lab):
    before = b'--b\r\nContent-Disposition: form-data; name="document"; filename="a.pdf"\r\n\r\n'
    body = before + bytes((20 << 20) - len(before) - 9) + b"\r\n--b--\r\n"
    headers = {"Content-Type": "multipart/form-data; boundary=b", "Authorization": f"Bearer {lab.token}"}
    status, _, said = exchange(edge, "POST", "/v1/requests", body, headers)
    assert len(body) == 20 << 20 and status == 202, said
    assert lab.wait_request(json.loads(said)["request_id"])["state"] == "rejected"
    check_problem(exchange(edge, "POST", "/v1/requests", body + b"x", headers), 413, "too_large")


def test_who_asks_too_fast_is_told_to_wait(edge):
    """150 connections at a time: 100 a second, 200 at once beyond that; the next is told when to come again."""
    answers, enough = [], threading.Event()

    def hurry():
        connection = edge.door()
        while not enough.is_set():
            connection.request("GET", "/v1/journal/checkpoint")
            answer = connection.getresponse()
            answers.append((answer.status, answer.headers, answer.read()))
            if answer.status != 200 or len(answers) > 2000:
                enough.set()
        connection.close()

    with concurrent.futures.ThreadPoolExecutor(150) as pool:
        for job in [pool.submit(hurry) for _ in range(150)]:
            job.result()
    refused = [a for a in answers if a[0] != 200]
    assert refused and len(answers) - len(refused) >= 200
    for answer in refused:
        assert check_problem(answer, 429, "too_many_requests")["Retry-After"] == "1"
    assert exchange(edge, "GET", "/ca/root.cer")[0] == 200, "the public has a measure of its own"
    wait_until("its turn", lambda: exchange(edge, "GET", "/v1/journal/checkpoint")[0] == 200, 3, every=0.1)


# --- a service that is away --------------------------------------------------------------------------------

def test_a_service_that_is_away(edge, lab):
    for path in ("/v1/tracking-events", "/v1/receipts"):  # nobody listens
        assert check_problem(exchange(edge, "GET", path), 503, "peer_unavailable")["Retry-After"] == "2"
    lab.process("audit").stop()
    assert check_problem(exchange(edge, "GET", "/v1/journal/checkpoint"), 503, "peer_unavailable")["Retry-After"] == "2"
    assert exchange(edge, "GET", "/ca/root.cer")[0] == 200
    lab.start("audit")
    assert exchange(edge, "GET", "/v1/journal/checkpoint")[0] == 200


# --- what may be kept ----------------------------------------------------------------------------------------

def says(whom, lab, certificate, get_path=True):
    answer, _ = ask(whom, certificate, authority(lab, "issuing1"), get_path=get_path)
    return answer.certificate_status if answer.response_status == ocsp.OCSPResponseStatus.SUCCESSFUL else answer.response_status


def test_ocsp_passes_with_its_headers(edge, lab, certificate):
    for get_path in (True, False):
        mine, headers = ask(edge, certificate, authority(lab, "issuing1"), get_path=get_path)
        its, original = ask(lab.process("status"), certificate, authority(lab, "issuing1"), get_path=get_path)
        assert mine.certificate_status == ocsp.OCSPCertStatus.GOOD and mine.signature == its.signature
        for name in ("Cache-Control", "Expires", "ETag", "Last-Modified"):
            assert headers[name] == original[name], name
        assert "X-Cache" not in headers


def test_a_revocation_is_seen_by_the_next_question(edge, lab, certificate):
    """Whatever the edge was asked before: no answer is kept in it that status would not give now."""
    assert [says(edge, lab, certificate, way) for way in (True, False)] == [ocsp.OCSPCertStatus.GOOD] * 2
    lab.trienctl("revoke", f"{certificate.serial_number:x}", "--cause", "lo_mat_khau", "--note", "Gọi lại số đã đăng ký")
    wait_until("status to know", lambda: says(lab.process("status"), lab, certificate) == ocsp.OCSPCertStatus.REVOKED)
    assert [says(edge, lab, certificate, way) for way in (True, False)] == [ocsp.OCSPCertStatus.REVOKED] * 2


@pytest.mark.parametrize("path", ["/crl/root1.crl", "/ca/issuing1.cer", "/ca/issuing.pem"])
def test_files_are_kept_with_their_date(edge, lab, path):
    first, second = get(edge, path), exchange(edge, "GET", path)  # kept for both doors
    assert [a[0] for a in (first, second)] == [200, 200] and second[1]["X-Cache"] == "HIT"
    for name in ("Date", "Cache-Control", "Expires", "ETag", "Last-Modified"):
        assert first[1][name] == second[1][name], name
    assert second[2] == get(lab.process("status"), path)[2]
    assert get(edge, path, {"If-None-Match": first[1]["ETag"]})[0] == 304
    assert exchange(edge, "HEAD", path)[2] == b""
    check_problem(exchange(edge, "POST", path, b"x"), 405, "method_not_allowed")


class Publisher(http.server.BaseHTTPRequestHandler):
    """What status never says within a test's time: answers that grow old. The path is the header to send."""
    asked = {}

    def do_GET(self):
        name = self.path.rsplit("/", 1)[-1]
        self.asked[name] = self.asked.get(name, 0) + 1
        body = f"{self.asked[name]}".encode()
        self.send_response(200)
        header, _, value = urllib.parse.unquote(name).removesuffix(".crl").partition("=")
        if header == "Expires":
            value = (dt.datetime.now(dt.timezone.utc) + dt.timedelta(seconds=int(value))).strftime("%a, %d %b %Y %H:%M:%S GMT")
        if header != "nothing":
            self.send_header(header, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def aging(tmp_path_factory):
    """An edge before a publisher whose answers grow old."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Publisher)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    https, plain = free_ports(2)
    nobody = {s: NOBODY for s in ("intake", "courier", "notification", "audit")}
    with Edge(tmp_path_factory.mktemp("aging") / "edge", nobody | {"status": f"127.0.0.1:{server.server_port}"}, https_port=https,
              http_port=plain) as made:
        yield made, server
    server.server_close()


def seen(edge, header):
    _, headers, body = get(edge, f"/crl/{urllib.parse.quote(header)}.crl")
    return headers["X-Cache"], body


@pytest.mark.parametrize("header", ["Cache-Control=no-store", "Cache-Control=private, max-age=60", "Cache-Control=max-age=0",
                                    "Expires=-1", "nothing"])
def test_what_may_not_be_kept_is_not(aging, header):
    assert [seen(aging[0], header)[1] for _ in range(3)] == [b"1", b"2", b"3"]


@pytest.mark.parametrize("header", ["Cache-Control=max-age=1", "Expires=1"])
def test_what_has_grown_old_is_asked_for_again(aging, header):
    assert seen(aging[0], header) == ("MISS", b"1")
    assert wait_until("it to grow old", lambda: seen(aging[0], header), 4, every=0.1, until=lambda s: s[1] == b"2")[0] == "EXPIRED"


def test_what_has_grown_old_is_not_given_when_nobody_answers(aging):
    edge, server = aging
    assert seen(edge, "Cache-Control=max-age=1, public") == ("MISS", b"1")
    server.shutdown()
    server.socket.close()
    gone = wait_until("it to grow old", lambda: get(edge, "/crl/" + urllib.parse.quote("Cache-Control=max-age=1, public") + ".crl"), 4,
                      every=0.1, until=lambda answer: answer[0] != 200)
    check_problem(gone, 503, "peer_unavailable")


# --- slow clients --------------------------------------------------------------------------------------------

class SlowClients:
    """One gives a byte of its header now and then, the other stops in the middle of its body."""

    def __init__(self, edge):
        self.begun = time.monotonic()
        self.drip = [socket.create_connection((edge.address, edge.http_port), timeout=1) for _ in range(50)]
        self.stall = socket.create_connection((edge.address, edge.http_port), timeout=1)
        self.stall.sendall(b"POST /ocsp HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n" + bytes(10))
        self.closed, self.ended = {}, threading.Event()
        self.thread = threading.Thread(target=self._work, daemon=True)
        self.thread.start()

    def _work(self):
        text = iter((b"GET /ca/root.cer HTTP/1.1\r\n" + b"X: y\r\n" * 1000)[i:i + 1] for i in range(6000))
        waiting = set(self.drip) | {self.stall}
        while waiting and not self.ended.is_set():
            byte = next(text)
            for s in self.drip:
                if s in waiting:
                    try:
                        s.send(byte)
                    except OSError:
                        pass
            for s in select.select(list(waiting), [], [], 0.2)[0]:
                self.closed[s] = time.monotonic() - self.begun
                waiting.discard(s)

    def close(self):
        self.ended.set()
        self.thread.join()
        for s in (*self.drip, self.stall):
            s.close()


def test_slow_clients_are_hung_up(slow_clients):
    closed = wait_until("the edge to hang up", lambda: slow_clients.closed, 13, every=0.1,
                        until=lambda c: len(c) == len(slow_clients.drip) + 1)
    assert all(4.5 < closed[s] < 9 for s in slow_clients.drip)
    assert 9.5 < closed[slow_clients.stall] < 13
