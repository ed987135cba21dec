#!/usr/bin/env python3
"""How fast are known certificates served, and what does a million of them take?

Usage: bench-fleet.py EXTREQ [--known 2000] [--stored 50000] [--rounds 5] [--seconds 3] [--json FILE]

Serving, by wrk: nginx with packaging/nginx and our layout, beside the same nginx, with the same cache
of open files, serving the same bytes as plain static files, in turns; the mirror's own server on SQLite and on PostgreSQL. Storing:
the same certificates in a SQLite file, in PostgreSQL and as files; the figures for a million are
scaled. Needs wrk, nginx and PostgreSQL. Writes a table to standard output; --json writes the rounds of
serving as Google Benchmark writes repetitions, for bench-report.py.
"""

import argparse
import hashlib
import os
import pathlib
import re
import sqlite3
import statistics
import subprocess
import sys
import tempfile

import benchmark_json

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "tests" / "fleet"))
from servers import Nginx, Postgres, Program, get  # noqa: E402

MILLION = 1_000_000
# One request after the other out of a list, each formatted once.
WRK = """
local requests, at = {}, 0
wrk.headers["Host"] = "localhost"
for line in io.lines("PATHS") do requests[#requests + 1] = wrk.format("GET", line) end
request = function() at = at % #requests + 1; return requests[at] end
"""


def chip_id(number):
    return hashlib.sha512(str(number).encode()).digest()


class Wrk:
    def __init__(self, folder, seconds):
        self.folder = folder
        self.seconds = seconds

    def run(self, url, paths):
        """Requests, and requests a second; every answer must be 2xx."""
        pathlib.Path(self.folder, "paths").write_text("\n".join(paths) + "\n", encoding="ascii")
        script = pathlib.Path(self.folder, "wrk.lua")
        script.write_text(WRK.replace("PATHS", f"{self.folder}/paths"), encoding="ascii")
        done = subprocess.run(["wrk", "-t1", "-c16", f"-d{self.seconds}s", "-s", script, url],
                              check=True, text=True, stdout=subprocess.PIPE)
        if "Non-2xx" in done.stdout or "Socket errors" in done.stdout:
            raise RuntimeError(done.stdout)
        return (int(re.search(r"(\d+) requests in", done.stdout)[1]),
                float(re.search(r"Requests/sec:\s+([\d.]+)", done.stdout)[1]))


class Fleet:
    """One certificate of the model, stored for as many chips as are wanted: the stores and nginx
    look at keys and bytes only."""

    def __init__(self, extreq, folder, postgres):
        self.extreq = extreq
        self.folder = folder
        self.postgres = postgres
        self.store = f"{folder}/store.db"
        self.layout = pathlib.Path(folder, "layout")
        self.static = pathlib.Path(folder, "static")
        url = subprocess.run([extreq, "kds", "url", "--platform", f"{folder}/platform"], check=True,
                             text=True, stdout=subprocess.PIPE).stdout.split()[0]
        self.path = url[url.index("/vcek/"):]
        self.product = self.path.split("/")[3]
        self.query = self.path.split("?")[1]
        self.service = Program(extreq, "kds", "serve", "--platform", f"{folder}/platform")
        self.trust = f"{folder}/trust.pem"
        chain = get(self.service.url + f"/vcek/v1/{self.product}/cert_chain")[2]
        pathlib.Path(self.trust).write_bytes(chain)
        self.der = None

    def mirror(self, *store):
        mirror = Program(self.extreq, "kds", "mirror", *store, "--kds-url", self.service.url,
                         "--trust", self.trust, "--route", "shared=proxy:none", "--port", "0",
                         "--interval", "0")
        status, _, self.der = get(mirror.url + self.path)
        if status != 200:
            raise RuntimeError(f"the mirror answered {status}")
        return mirror

    def fill(self, count):
        with sqlite3.connect(self.store) as database:
            row = database.execute("SELECT product, kind, tcb, not_after, der FROM leaf").fetchone()
            database.executemany(
                "INSERT INTO leaf (product, kind, tcb, not_after, der, holder) VALUES (?,?,?,?,?,?)",
                ((*row, chip_id(number)) for number in range(count)))
        self.postgres.query("INSERT INTO leaf SELECT product, kind, sha512(number::text::bytea), tcb,"
                            f" not_after, der FROM leaf, generate_series(0, {count - 1}) number")

    def paths(self, count):
        return [f"/vcek/v1/{self.product}/{chip_id(number).hex()}?{self.query}"
                for number in range(count)]

    @staticmethod
    def static_of(path):
        return path.split("?")[0] + ".der"

    def lay_out(self, paths):
        for path in paths:
            for file in (f"{self.layout}{path}", f"{self.static}{self.static_of(path)}"):
                pathlib.Path(file).parent.mkdir(parents=True, exist_ok=True)
                pathlib.Path(file).write_bytes(self.der)


def cpu_seconds(pid):
    """Of a process and of its children."""
    total = 0
    children = subprocess.run(["pgrep", "-P", str(pid)], check=False, text=True,
                              stdout=subprocess.PIPE).stdout.split()
    for one in [str(pid), *children]:
        fields = pathlib.Path(f"/proc/{one}/stat").read_text(encoding="ascii").rsplit(")")[1].split()
        total += int(fields[11]) + int(fields[12])
    return total / os.sysconf("SC_CLK_TCK")


def checked(url, path, wanted):
    status, _, body = get(url + path)
    if (status, body) != (200, wanted):
        raise RuntimeError(f"{url}{path}: status {status}, {len(body)} bytes")


# Names of the benchmarks, by the ways of serving.
NAMES = {"nginx, plain static files": "NginxStaticFiles",
         "nginx with packaging/nginx and --layout": "NginxWithLayout",
         "built-in server, SQLite": "BuiltInServerOnSqlite",
         "built-in server, PostgreSQL": "BuiltInServerOnPostgres"}


def serving(fleet, folder, mirrors, known, rounds, seconds):
    paths = fleet.paths(known)
    fleet.lay_out(paths)
    files = [fleet.static_of(path) for path in paths]
    front = Nginx(folder, mirrors["SQLite"].url, fleet.layout, fleet.static)
    wrk = Wrk(folder, seconds)
    nginx = front.process.pid
    ways = {
        "nginx, plain static files": (front.static_url, files, nginx),
        "nginx with packaging/nginx and --layout": (front.url, paths, nginx),
        "built-in server, SQLite": (mirrors["SQLite"].url, paths, mirrors["SQLite"].process.pid),
        "built-in server, PostgreSQL": (mirrors["PostgreSQL"].url, paths,
                                        mirrors["PostgreSQL"].process.pid),
    }
    rates = {way: [] for way in ways}
    costs = {way: [] for way in ways}  # microseconds of CPU for one answer
    try:
        for url, some, _ in ways.values():
            checked(url, some[-1], fleet.der)
        for _ in range(rounds):
            for way, (url, some, pid) in ways.items():
                before = cpu_seconds(pid)
                requests, rate = wrk.run(url, some)
                costs[way].append((cpu_seconds(pid) - before) / requests * 1e6)
                rates[way].append(rate)
    finally:
        front.end()
    static = rates["nginx, plain static files"]
    static_cost = statistics.median(costs["nginx, plain static files"])
    print(f"| {known} known certificates, wrk -t1 -c16, {rounds} rounds of {seconds} s |"
          " requests/s, median | of static | CPU for one | of static, by CPU |")
    print("|---|---|---|---|---|")
    for way, found in rates.items():
        ratio = statistics.median(a / b for a, b in zip(found, static))
        cost = statistics.median(costs[way])
        print(f"| {way} | {statistics.median(found):,.0f} | {ratio:.2f} | {cost:.0f} µs |"
              f" {static_cost / cost:.2f} |")
    # One item is one answer; CPU time is that of the server's processes.
    return [one for way in ways for one in benchmark_json.repetitions(
        NAMES[way], "us", [(1e6 / rate, cost, {"answers_a_second": rate})
                           for cost, rate in zip(costs[way], rates[way])])]


def resident(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) * 1024


def storing(fleet, stored, mirrors):
    def size(relation):
        return int(fleet.postgres.query(f"SELECT pg_total_relation_size('{relation}')")[0])

    with sqlite3.connect(fleet.store) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    blocks = [file.stat().st_blocks for file in fleet.layout.rglob("*") if file.is_file()]
    each = {
        "SQLite file": os.path.getsize(fleet.store) / stored,
        "PostgreSQL, table and index": size("leaf") / stored,
        "files of --layout (blocks)": sum(blocks) * 512 / len(blocks),
    }
    print(f"\n| {stored} certificates of {len(fleet.der)} bytes | bytes each | a million |")
    print("|---|---|---|")
    for place, bytes_each in each.items():
        print(f"| {place} | {bytes_each:,.0f} | {bytes_each * MILLION / 1e9:.2f} GB |")
    for name, mirror in mirrors.items():
        print(f"| memory of the mirror on {name}, after all of the above |"
              f" | {resident(mirror.process.pid) / 1e6:.0f} MB, whatever is stored |")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("extreq")
    parser.add_argument("--known", type=int, default=2000)
    parser.add_argument("--stored", type=int, default=50000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--json", type=pathlib.Path)
    options = parser.parse_args()
    context = benchmark_json.context()
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as cluster:
        os.chmod(folder, 0o755)
        postgres = Postgres(cluster)
        fleet = Fleet(options.extreq, folder, postgres)
        mirrors = {"SQLite": fleet.mirror("--store", fleet.store),
                   "PostgreSQL": fleet.mirror("--database", postgres.connection)}
        try:
            fleet.fill(options.stored)
            benchmarks = serving(fleet, folder, mirrors, options.known, options.rounds, options.seconds)
            storing(fleet, options.stored, mirrors)
        finally:
            for program in [*mirrors.values(), fleet.service]:
                program.process.kill()
            postgres.crash()
    if options.json:
        benchmark_json.write(options.json, context, benchmarks)


if __name__ == "__main__":
    main()
