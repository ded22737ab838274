"""http: posts of 60 KB a second through the frame, each a durable transaction with one insert; beside the
same insert by pgbench on the same cluster, which receives no bytes and speaks no HTTP (the limit), and
small answers from memory a second. Rounds are interleaved; medians.
"""
import json
import os
import pathlib
import re
import statistics
import subprocess
import tempfile

from tests.lib.lab import ROOT, free_base_port, take_base_port

NAME = "http"
UNIT = "posts of 60 KB/s"
BODY = 60 * 1024
SECONDS = float(os.environ.get("BENCH_SECONDS", "5"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))
THREADS = 4
PLACE = 9  # the service's in the port plan
O = ROOT / os.environ.get("BENCH_BUILD", "build/release")


class Bench:
    """A private cluster with fsync on, the service on it, and the two programs that load them."""

    def __enter__(self):
        out = O.relative_to(ROOT)
        subprocess.run(["make", "-s", f"O={out}", f"{out}/bench/post-service", f"{out}/bench/http-load"],
                       cwd=ROOT, check=True)
        self.temporary = tempfile.TemporaryDirectory(prefix="trien-bench-")
        self.dir = pathlib.Path(self.temporary.name)
        self.env = dict(os.environ, TRIEN_PG_STATE=str(self.dir / "pg"), PG_FSYNC="on")
        self.socket = subprocess.run([ROOT / "tests/lib/pg.sh", "start"], env=self.env, capture_output=True,
                                     text=True, check=True).stdout.strip()
        self.base_port = take_base_port(1)
        self.make_database()
        self.service = subprocess.Popen([O / "bench/post-service", "--config", self.write_config()],
                                        stdout=subprocess.PIPE, text=True)
        for line in self.service.stdout:
            if '"event":"started"' in line:
                break
        return self

    def __exit__(self, *_):
        self.service.terminate()
        self.service.wait(15)
        free_base_port(self.base_port)
        subprocess.run([ROOT / "tests/lib/pg.sh", "stop"], env=self.env, check=False)
        self.temporary.cleanup()

    def psql(self, *arguments, database="trien_bench"):
        subprocess.run(["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-v", "role=postgres", "-h", self.socket,
                        "-U", "postgres", "-d", database, *arguments], check=True, stdout=subprocess.DEVNULL)

    def make_database(self):
        self.psql("-c", "ALTER SYSTEM SET max_wal_size = '8GB'", "-c", "SELECT pg_reload_conf()", "-c",
                  "CREATE DATABASE trien_bench", database="postgres")
        plan = (ROOT / "migrations/frame/sqitch.plan").read_text()
        for change in re.findall(r"^([a-z_]+) ", plan, re.M):
            self.psql("-f", ROOT / f"migrations/frame/deploy/{change}.sql")
        self.psql("-c", "CREATE TABLE post (at timestamptz NOT NULL, body bytea NOT NULL)",
                  "-c", "ALTER TABLE post ALTER COLUMN body SET STORAGE EXTERNAL",
                  "-c", "CREATE TABLE source (LIKE post INCLUDING STORAGE)",
                  "-c", f"INSERT INTO source SELECT now(), string_agg(sha256(i::text::bytea), ''::bytea) "
                        f"FROM generate_series(1, {BODY // 32}) i")

    def write_config(self):
        subprocess.run([O / "bench/post-service", "--make-keys", self.dir / "secret", self.dir / "public"], check=True)
        (self.dir / "peers").touch()
        config = self.dir / "bench.conf"
        config.write_text(
            f"base_port = {self.base_port}\n"
            f"bus\n    secret_key = {self.dir}/secret\n    public_key = {self.dir}/public\n    peer_keys = {self.dir}/peers\n"
            f"database\n    host = {self.socket}\n    user = postgres\n"
            f"http\n    threads = {THREADS}\n"
            f"log\n    messages = failures\n")
        return config

    def load(self, path, *body):
        done = subprocess.run([O / "bench/http-load", str(self.base_port + PLACE), path, str(THREADS), str(SECONDS), *map(str, body)],
                              capture_output=True, text=True, check=True)
        result = json.loads(done.stdout)
        assert result["failed"] == 0, result
        return result

    def raw_insert(self):
        script = self.dir / "insert.sql"
        script.write_text("INSERT INTO post SELECT now(), body FROM source;\n")
        done = subprocess.run(["pgbench", "-n", "-h", self.socket, "-U", "postgres", "-M", "prepared", "-f", script,
                               "-c", str(THREADS), "-j", "1", "-T", str(max(1, round(SECONDS))), "trien_bench"],
                              capture_output=True, text=True, check=True)
        return float(re.search(r"tps = ([\d.]+)", done.stdout)[1])

    def resident_mib(self):
        status = pathlib.Path(f"/proc/{self.service.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024


def median(results, key):
    return statistics.median(r[key] for r in results)


def run(say):
    posts, small, static, raw = [], [], [], []
    with Bench() as bench:
        for number in range(ROUNDS):
            bench.psql("-c", "TRUNCATE post", "-c", "CHECKPOINT")
            posts.append(bench.load("/post", BODY))
            bench.psql("-c", "TRUNCATE post", "-c", "CHECKPOINT")
            raw.append(bench.raw_insert())
            small.append(bench.load("/post", 100))
            static.append(bench.load("/static"))
            say(f"round {number + 1}: {posts[-1]['rate']:,} posts/s of 60 KB (raw insert {raw[-1]:,.0f}), "
                f"{small[-1]['rate']:,} of 100 bytes, {static[-1]['rate']:,} answers/s from memory")
        resident = bench.resident_mib()
    return {"ours": median(posts, "rate"), "peers": {}, "limit": statistics.median(raw),
            "p50_ms": median(posts, "p50_ms"), "p99_ms": median(posts, "p99_ms"),
            "small_posts": median(small, "rate"), "answers_from_memory": median(static, "rate"),
            "resident_mib": round(resident, 1)}
