#!/usr/bin/env python3
"""A fleet on one machine: three mirrors on a real PostgreSQL before a strict key service, and nginx.

Usage: fleet_test.py EXTREQ. $EXTREQ_FLEET_HOSTS says how many certificates (default 80). Exits 77,
with a line that says so, where PostgreSQL or nginx is missing.
"""

import concurrent.futures
import http.client
import http.server
import json
import os
import pathlib
import pwd
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

SOURCE = pathlib.Path(__file__).parents[2]
INTERVAL = 0.02  # of the scaled-down service: AMD's is 10 s
DEADLINE = 240

failures = []


def check(what, found, wanted):
    if found != wanted:
        failures.append(f"{what}: found {found!r}, wanted {wanted!r}")


def get(url, timeout=60):
    """Status, headers, body; nothing is retried."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=timeout) as answer:
            return answer.status, dict(answer.headers), answer.read()
    except urllib.error.HTTPError as error:
        return error.code, dict(error.headers), error.read()


def wait_until(what, condition):
    end = time.monotonic() + DEADLINE
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(what)
        time.sleep(0.02)


class Postgres:
    """A cluster in `folder`, reached by a Unix socket in it. PostgreSQL refuses to run as root."""

    def __init__(self, folder):
        self.folder = folder
        newest = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/initdb"))
        if not newest:
            raise FileNotFoundError("PostgreSQL")
        self.bin = newest[-1].parent
        self.as_user = []
        if os.geteuid() == 0:
            self.as_user = ["runuser", "-u", "postgres", "--"]
            user = pwd.getpwnam("postgres")
            os.chown(folder, user.pw_uid, user.pw_gid)
        self.run("initdb", "-D", f"{folder}/data", "-A", "trust", "-U", "extreq", "--no-sync")
        self.start()
        self.run("createdb", "-h", folder, "-U", "extreq", "fleet")
        self.connection = f"host={folder} user=extreq dbname=fleet"

    def run(self, program, *arguments):
        command = [*self.as_user, self.bin / program, *arguments]
        subprocess.run(command, cwd=self.folder, check=True, stdout=subprocess.DEVNULL)

    def start(self):
        options = f"-k {self.folder} -h '' -F"
        self.run("pg_ctl", "-D", f"{self.folder}/data", "-w", "-l", f"{self.folder}/log", "-o",
                 options, "start")

    def crash(self):
        self.run("pg_ctl", "-D", f"{self.folder}/data", "-m", "immediate", "-w", "stop")


class StrictService:
    """AMD's limit before a model's key service; counts what it gave out, and to whom it said 429."""

    def __init__(self, model_url):
        self.model_url = model_url
        self.lock = threading.Lock()
        self.given = {}
        self.bodies = {}
        self.limited = 0
        self.next = 0.0
        service = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                status, headers, body = service.answer(self.path)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                try:
                    self.wfile.write(body)
                except OSError:  # the mirror that asked was killed
                    pass

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, path):
        leaf = "?" in path
        with self.lock:
            now = time.monotonic()
            # One ahead: a scheduler's delay on this machine is not the mirror's fault.
            if leaf and self.next > now + INTERVAL:
                self.limited += 1
                return 429, {"Retry-After": "1"}, b""
            if leaf:
                self.next = max(self.next, now) + INTERVAL
        status, headers, body = get(self.model_url + path)
        with self.lock:
            if status == 200:
                body = self.bodies.setdefault(path, body)
                self.given[path] = self.given.get(path, 0) + 1
        return status, {"Content-Type": headers["Content-Type"]}, body


class Program:
    """A verb that prints its URL and serves until it is ended."""

    def __init__(self, *command):
        self.process = subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, text=True)
        self.url = self.process.stdout.readline().strip()
        if not self.url.startswith("http"):
            raise RuntimeError(f"{command[1:4]} did not start")

    def end(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        return self.process.wait(timeout=60)


def leaf_paths(extreq, platform, count):
    out = subprocess.run([extreq, "kds", "url", "--platform", platform], check=True, text=True,
                         stdout=subprocess.PIPE).stdout.split()
    path = out[0][out[0].index("/vcek/"):]
    chip = path.split("?")[0]
    return [f"{chip}?blSPL=04&teeSPL=00&snpSPL={16 + i // 250:02}&ucodeSPL={i % 250:02}"
            for i in range(count)]


def fetch_through(urls, path):
    """As a client would: any mirror, another one after a failure, Retry-After capped for the test."""
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:
        try:
            status, _, body = get(random.choice(urls) + path)
        except (OSError, http.client.HTTPException):  # killed
            time.sleep(0.05)
            continue
        if status == 200:
            return body
        if status != 503:
            return b"status %d" % status
        time.sleep(0.1)
    return b"never"


def three_mirrors(extreq, folder, postgres, service, paths, trust):
    layout = f"{folder}/layout"
    mirrors = [
        Program(extreq, "kds", "mirror", "--database", postgres.connection, "--kds-url",
                service.url, "--trust", trust, "--port", "0", "--interval", INTERVAL, "--lease", 3,
                "--route", "shared=proxy:none", "--patience", 2, "--layout", layout)
        for _ in range(3)
    ]
    urls = [mirror.url for mirror in mirrors]
    for url in urls:
        check("healthz", get(url + "/healthz")[0], 200)
        check("readyz", get(url + "/readyz")[0], 200)
    with concurrent.futures.ThreadPoolExecutor(24) as clients:
        wanted = paths * 2
        random.Random(1).shuffle(wanted)
        results = [(path, clients.submit(fetch_through, urls, path)) for path in wanted]
        wait_until("a third", lambda: len(service.given) > len(paths) // 3)
        mirrors[0].end(signal.SIGKILL)
        wait_until("two thirds", lambda: len(service.given) > 2 * len(paths) // 3)
        postgres.crash()
        postgres.start()
        results = [(path, result.result()) for path, result in results]
    wrong = [path for path, body in results if body != service.bodies.get(path)]
    check("wrong or lost certificates", wrong, [])
    check("certificates given out", len([p for p in service.given if "?" in p]), len(paths))
    twice = {path: count for path, count in service.given.items() if count > 1 and "?" in path}
    # What the killed instance had on its way when it was killed, and had not stored, is lost.
    check("fetched twice, beside what the killed one had on its way", max(len(twice) - 1, 0), 0)
    print(f"{len(paths)} certificates, {len(twice)} fetched twice, {service.limited} times 429")
    return mirrors[1:], layout


def same_answers(mirror, service, paths):
    chain = paths[0].rsplit("/", 1)[0] + "/cert_chain"
    check("chain", get(mirror.url + chain)[2], get(service.url + chain)[2])
    status, headers, body = get(mirror.url + paths[0])
    check("leaf", (status, body), (200, service.bodies[paths[0]]))
    check("leaf's type", headers["Content-Type"], "application/octet-stream")
    check("leaf's caching", headers["Cache-Control"], "public, max-age=31536000, immutable")
    curl = subprocess.run(["curl", "-sf", "--noproxy", "*", mirror.url + paths[1]], check=False,
                          stdout=subprocess.PIPE)
    check("curl", (curl.returncode, curl.stdout), (0, service.bodies[paths[1]]))
    check("a wrong parameter", get(mirror.url + paths[0].replace("ucodeSPL", "ucodSPL"))[0], 400)
    check("another path", get(mirror.url + "/etc/passwd")[0], 404)
    other = paths[0].replace(paths[0].split("/")[4][:8], "00000000")
    check("another chip", get(mirror.url + other)[0], 404)
    asked = len(service.given)
    check("another chip again", get(mirror.url + other)[0], 404)
    check("asked for it again", len(service.given), asked)
    metrics = get(mirror.url + "/metrics")[2].decode()
    check("metrics", "extreq_mirror_hits_total" in metrics, True)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def nginx_in_front(folder, mirror, layout, service, paths):
    port = free_port()
    text = (SOURCE / "packaging/nginx/extreq-kds.conf").read_text(encoding="utf-8")
    text = text.replace("listen 8080", f"listen 127.0.0.1:{port}")
    text = text.replace("/var/lib/extreq/kds-layout", layout)
    text = text.replace("127.0.0.1:8010", mirror.url[len("http://"):])
    config = pathlib.Path(folder, "nginx.conf")
    temporary = "".join(f"{name}_temp_path {folder}/{name};\n"
                        for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    user = "user root;\n" if os.geteuid() == 0 else ""
    config.write_text(f"{user}daemon off;\npid {folder}/nginx.pid;\nerror_log {folder}/error.log;\n"
                      f"events {{}}\nhttp {{\naccess_log off;\n{temporary}{text}}}\n",
                      encoding="utf-8")
    nginx = shutil.which("nginx") or "/usr/sbin/nginx"
    process = subprocess.Popen([nginx, "-c", config, "-e", f"{folder}/error.log"])
    url = f"http://127.0.0.1:{port}"
    try:
        def up():
            try:
                return get(url + "/healthz")[0] == 200
            except OSError:
                return False
        wait_until("nginx", up)
        chain = paths[0].rsplit("/", 1)[0] + "/cert_chain"
        check("chain through nginx", get(url + chain)[0], 200)
        check("strict through nginx", get(url + paths[0] + "&x=1")[0], 400)
        new = paths[0].replace("blSPL=04", "blSPL=05")
        check("a miss through nginx", get(url + new)[0], 200)
        mirror.end()
        for path in [*paths, new]:  # the files alone
            status, headers, body = get(url + path)
            check(f"nginx {path[-40:]}", (status, body), (200, service.bodies[path]))
        check("nginx' caching", headers["Cache-Control"], "public, max-age=31536000, immutable")
        check("without the mirror", get(url + chain)[0], 502)
    finally:
        process.terminate()
        process.wait(timeout=60)


def prefetch_and_ready(extreq, folder, postgres, service, paths, trust):
    chip = paths[0].split("/")[4].split("?")[0]
    product = paths[0].split("/")[3]
    hosts = pathlib.Path(folder, "hosts")
    hosts.write_text(f"# the fleet\n{product} {chip}\n", encoding="utf-8")
    common = ["--database", postgres.connection, "--hosts", hosts, "--to-tcb",
              f"{product}:bl=6,tee=0,snp=22,ucode=7"]
    ready = [extreq, "fleet", "ready", "--json", *common]
    before = subprocess.run(ready, check=False, stdout=subprocess.PIPE)
    check("ready before", (before.returncode, len(json.loads(before.stdout)["missing"])), (3, 1))
    fetched = subprocess.run([extreq, "kds", "prefetch", *common, "--kds-url", service.url,
                              "--trust", trust, "--route", "shared=proxy:none", "--interval",
                              str(INTERVAL)], check=False, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE)
    check("prefetch", fetched.returncode, 0)
    check("its last line", json.loads(fetched.stdout.splitlines()[-1])["done"], 1)
    check("ready after", subprocess.run(ready, check=False, stdout=subprocess.PIPE).returncode, 0)


def main():
    extreq = sys.argv[1]
    count = int(os.environ.get("EXTREQ_FLEET_HOSTS", "80"))
    if not shutil.which("nginx") and not os.path.exists("/usr/sbin/nginx"):
        print("SKIPPED: no nginx to test with")
        return 77
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as cluster:
        os.chmod(folder, 0o755)
        try:
            postgres = Postgres(cluster)
        except (FileNotFoundError, KeyError, subprocess.CalledProcessError) as problem:
            print(f"SKIPPED: no PostgreSQL to test with: {problem}")
            return 77
        programs = []
        try:
            paths = leaf_paths(extreq, f"{folder}/platform", count)
            model = Program(extreq, "kds", "serve", "--platform", f"{folder}/platform")
            programs.append(model)
            service = StrictService(model.url)
            chain = get(model.url + paths[0].rsplit("/", 1)[0] + "/cert_chain")[2]
            trust = f"{folder}/ark.pem"
            pathlib.Path(trust).write_bytes(b"-----BEGIN" + chain.split(b"-----BEGIN")[2])
            mirrors, layout = three_mirrors(extreq, folder, postgres, service, paths, trust)
            programs += mirrors
            same_answers(mirrors[0], service, paths)
            prefetch_and_ready(extreq, folder, postgres, service, paths, trust)
            # What the killed mirror stored and had not laid out yet is laid out by whoever serves it.
            for path in paths:
                get(mirrors[1].url + path)
            nginx_in_front(folder, mirrors[1], layout, service, paths)
            check("graceful end", mirrors[0].end(), 0)
        finally:
            for program in programs:
                if program.process.poll() is None:
                    program.process.kill()
            postgres.crash()
    for failure in failures:
        print(failure, file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
