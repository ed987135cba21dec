#!/usr/bin/env python3
"""A fleet on one machine: three mirrors on a real PostgreSQL before a strict key service, and nginx.

Usage: fleet_test.py EXTREQ. $EXTREQ_FLEET_HOSTS says how many certificates (default 80). Exits 77,
with a line that says so, where PostgreSQL or nginx is missing.
"""

import concurrent.futures
import http.client
import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import time

from servers import (DEADLINE, Nginx, Postgres, Program, StrictService, get, nginx_program,
                     wait_until)

TOKEN = "0123456789abcdef0123456789abcdef"
INTERVAL = 0.02  # of the scaled-down service: AMD's is 10 s
LEASE = 60       # longer than a live mirror needs for a fetch, also while the database is down

failures = []


def check(what, found, wanted):
    if found != wanted:
        failures.append(f"{what}: found {found!r}, wanted {wanted!r}")


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


class Mirrors:
    """Three mirrors on one database; one that is killed gets a successor."""

    def __init__(self, extreq, folder, postgres, service, trust):
        self.postgres = postgres
        self.service = service
        self.layout = f"{folder}/layout"
        self.command = [extreq, "kds", "mirror", "--database", postgres.connection, "--trust", trust,
                        "--port", "0", "--interval", INTERVAL, "--lease", LEASE, "--route",
                        "shared=proxy:none", "--patience", 30, "--layout", self.layout,
                        "--report-tokens", f"{folder}/tokens"]
        self.started = 0
        self.names = [None] * 3
        self.programs = [None] * 3
        self.urls = [None] * 3
        for place in range(3):
            self.start(place)

    def start(self, place):
        self.started += 1
        self.names[place] = f"mirror{self.started}"
        self.programs[place] = Program(*self.command, "--kds-url",
                                       f"{self.service.url}/{self.names[place]}")
        self.urls[place] = self.programs[place].url
        check("healthz", get(self.urls[place] + "/healthz")[0], 200)
        check("readyz", get(self.urls[place] + "/readyz")[0], 200)

    def owner(self, place):
        return f"owner LIKE '%:{self.programs[place].process.pid}:%'"

    def claims(self, place):
        """On leaves; one on a CRL stays until that is due again."""
        return self.postgres.query(f"SELECT item FROM claim WHERE {self.owner(place)}"
                                   " AND item NOT LIKE '%/crl'")

    def kill(self, place):
        self.programs[place].end(signal.SIGKILL)
        # Its leases end: time that the test need not wait for.
        self.postgres.query(f"UPDATE claim SET until_ms = 0 WHERE {self.owner(place)}")
        self.start(place)

    def kill_between_fetches(self, place):
        while True:
            self.programs[place].process.send_signal(signal.SIGSTOP)
            if not self.claims(place):
                break
            self.programs[place].process.send_signal(signal.SIGCONT)
            time.sleep(0.005)
        self.kill(place)

    def kill_in_flight(self, place):
        """Killed while the service has its request and it has no answer. Returns the path."""
        hold = self.service.hold_next(self.names[place])
        wait_until("a fetch to be held", lambda: hold.path)
        check("what the killed one has claimed", self.claims(place), [hold.path])
        self.kill(place)
        hold.release()
        return hold.path


def three_mirrors(mirrors, paths):
    """Every certificate is asked for once upstream, whatever dies; but a request that was out when
    its mirror was killed is asked once more, by the heir: nobody else has its answer."""
    service, postgres = mirrors.service, mirrors.postgres
    with concurrent.futures.ThreadPoolExecutor(24) as clients:
        wanted = paths * 2
        random.Random(1).shuffle(wanted)
        results = [(path, clients.submit(fetch_through, mirrors.urls, path)) for path in wanted]

        def reached(share):
            wait_until("certificates", lambda: len(service.asked) > share * len(paths))

        reached(0.2)
        mirrors.kill_between_fetches(0)
        reached(0.4)
        victim = mirrors.names[1]
        in_flight = mirrors.kill_in_flight(1)
        reached(0.6)
        postgres.crash()
        postgres.start()
        results = [(path, result.result()) for path, result in results]
    wrong = [path for path, body in results if body != service.bodies.get(path)]
    check("wrong or lost certificates", wrong, [])
    check("certificates asked for", sorted(service.asked), sorted(paths))
    twice = {path: names for path, names in service.asked.items() if len(names) > 1}
    check("asked for twice: what the killed mirror had in flight", list(twice), [in_flight])
    check("who asked for it", [name == victim for name in twice.get(in_flight, [])], [True, False])
    check("claims left", [mirrors.claims(place) for place in range(3)], [[], [], []])
    print(f"{len(paths)} certificates, {sum(map(len, service.asked.values()))} requests for them, "
          f"{service.limited} times 429")


class Lists:
    """The CRLs of both kinds. The service has yesterday's first, then today's, which replaces it at
    every mirror, then yesterday's again, which replaces nothing."""

    def __init__(self, mirrors, paths, extreq, folder):
        self.mirrors = mirrors
        product = paths[0].split("/")[3]
        self.paths = [f"/{kind}/v1/{product}/crl" for kind in ("vcek", "vlek")]
        yesterday = Program(extreq, "kds", "serve", "--platform", f"{folder}/platform", "--fault",
                            "older*0@crl")
        self.older = get(yesterday.url + self.paths[0])[2]
        yesterday.end()
        self.newer = get(mirrors.service.model_url + self.paths[0])[2]
        check("two lists", self.older != self.newer, True)

    def publish(self, crl):
        mirrors = self.mirrors
        with mirrors.service.lock:
            mirrors.service.bodies.update({path: crl for path in self.paths})

    def served(self):
        return [fetch_through([url], path) for url in self.mirrors.urls for path in self.paths]

    def everywhere(self, crl):
        return [crl] * len(self.mirrors.urls) * len(self.paths)

    def first(self):
        self.publish(self.older)
        check("the first CRLs", self.served(), self.everywhere(self.older))
        check("who asked for them", self.mirrors.service.lists,
              {path: [self.mirrors.names[0]] for path in self.paths})
        self.publish(self.newer)

    def renewed(self):
        """After kills and the database's crash: whoever inherits the claim has fetched the new one."""
        wait_until("today's CRLs", lambda: self.served() == self.everywhere(self.newer))

    def never_older(self):
        service, postgres = self.mirrors.service, self.mirrors.postgres
        before = {path: len(names) for path, names in service.lists.items()}
        self.publish(self.older)
        postgres.query("UPDATE claim SET until_ms = 0 WHERE item LIKE '%/crl'")
        self.mirrors.kill(0)  # the successor asks at once, and claims for an hour when it is done
        wait_until("yesterday's CRLs to be fetched", lambda: all(
            len(service.lists[path]) > before[path] for path in self.paths))
        wait_until("yesterday's CRLs to be judged", lambda: len(postgres.query(
            "SELECT item FROM claim WHERE item LIKE '%/crl' AND"
            " until_ms > 1000 * extract(epoch FROM now() + interval '30 minutes')")) == 2)
        check("an older CRL", self.served(), self.everywhere(self.newer))
        check("the CRLs in the database", postgres.query("SELECT encode(der, 'hex') FROM crl"),
              [self.newer.hex()] * 2)
        self.publish(self.newer)


def same_answers(mirrors, paths):
    service, url = mirrors.service, mirrors.urls[0]
    chain = paths[0].rsplit("/", 1)[0] + "/cert_chain"
    check("chain", get(url + chain)[2], get(service.model_url + chain)[2])
    status, headers, body = get(url + paths[0])
    check("leaf", (status, body), (200, service.bodies[paths[0]]))
    check("leaf's type", headers["Content-Type"], "application/octet-stream")
    check("leaf's caching", headers["Cache-Control"], "public, max-age=31536000, immutable")
    check("a wrong parameter", get(url + paths[0].replace("ucodeSPL", "ucodSPL"))[0], 400)
    check("another path", get(url + "/etc/passwd")[0], 404)
    other = paths[0].replace(paths[0].split("/")[4][:8], "00000000")
    check("another chip", get(url + other)[0], 404)
    check("another chip again", get(url + other)[0], 404)
    check("asked for it again", len(service.asked[other]), 1)
    metrics = get(url + "/metrics")[2].decode()
    check("metrics", "extreq_mirror_hits_total" in metrics, True)


def curl(options, url, folder):
    """What AMD's document 57230 tells people to run, with another base URL."""
    answer = pathlib.Path(folder, "answer")
    answer.unlink(missing_ok=True)
    code = subprocess.run(["curl", *options, url, "-o", answer], check=False,
                          env={**os.environ, "no_proxy": "*"}).returncode
    return code, answer.read_bytes() if answer.exists() else b""


def whole_answer(method, url, folder):
    """Status, the headers that say what the body is and when to come again, and the body."""
    lines = pathlib.Path(folder, "headers")
    how = ["--head"] if method == "HEAD" else []
    code, body = curl(["-sS", "--path-as-is", *how, "-D", lines], url, folder)
    first, *rest = lines.read_text(encoding="ascii").splitlines()
    headers = sorted(line.lower() for line in rest
                     if line.lower().startswith(("content-", "retry-after:", "location:", "warning:")))
    return code, first.split()[1], headers, b"" if how else body


def same_as_the_model(folder, mirror_url, service, paths):
    """Each object and each refusal, by GET and HEAD: from the mirror as from the key service."""
    leaf = paths[0].replace("blSPL=04", "blSPL=08")
    chip = leaf.split("?")[0]
    product = leaf.split("/")[3]
    there = [leaf] + [f"/{kind}/v1/{product}/{thing}" for kind in ("vcek", "vlek")
                      for thing in ("cert_chain", "crl")]
    other_product = "Genoa" if product != "Genoa" else "Milan"
    absent = [leaf.replace("/v1/", "/v2/"), "/", "/vcek", f"/vcek/v1/{product}/crl/", chip + "/x",
              leaf.replace(product, "Bergamo"), leaf.replace(product, product.lower()),
              leaf.replace(chip[-8:], "00000000"), f"/vcek/v1/{other_product}/crl",
              f"/vlek/v1/{other_product}/cert_chain"]
    wrong = [chip, chip + "?", leaf + "&x=1", leaf + "&blSPL=08", leaf.replace("ucodeSPL", "ucodSPL"),
             leaf.replace("ucodeSPL", "ucodespl"), leaf.replace("&teeSPL=00", ""), leaf[:-2] + "256",
             leaf[:-2] + "-1", leaf[:-2] + "x", leaf.replace(chip[-8:], ""),
             leaf.replace(chip[-8:], "zzzzzzzz")]
    for status, some in (("200", there), ("404", absent), ("400", wrong)):
        for path in some:
            for method in ("GET", "HEAD"):
                from_mirror = whole_answer(method, mirror_url + path, folder)
                from_model = whole_answer(method, service.model_url + path, folder)
                # Also when the model's day has ended since the mirror asked it for its list.
                if method == "GET" and path.endswith("/crl"):
                    from_model = (*from_model[:3], service.bodies.get(path, from_model[3]))
                check(f"{method} {path}: status", from_model[:2], (0, status))
                check(f"{method} {path}: length", sum(
                    line.startswith("content-length: ") for line in from_model[2]), 1)
                check(f"{method} {path}", from_mirror, from_model)


def foreign_client(folder, front, mirror_url, service, paths):
    """The same bytes from the model's key service, from the mirror, and through nginx with TLS."""
    plain = ["-sSf"]
    tls = ["--proto", "=https", "--tlsv1.2", "-sSf", "--cacert", front.certificate]
    chain = paths[0].rsplit("/", 1)[0] + "/cert_chain"
    from_model = curl(plain, service.model_url + chain, folder)
    check("PEM from the model", (from_model[0], from_model[1].count(b"-----BEGIN")), (0, 2))
    check("PEM from the mirror", curl(plain, mirror_url + chain, folder), from_model)
    check("PEM through TLS", curl(tls, front.tls_url + chain, folder), from_model)
    # Certificates that the model has just issued: it signs older ones anew, as AMD's may.
    for path in [path.replace("blSPL=04", "blSPL=07") for path in paths[:3]]:
        from_mirror = curl(plain, mirror_url + path, folder)
        check("DER from the mirror", from_mirror, (0, service.bodies[path]))
        check("DER from the model", curl(plain, service.model_url + path, folder), from_mirror)
        check("DER through TLS", curl(tls, front.tls_url + path, folder), from_mirror)
        query = path.split("?")[1]
        turned = path.split("?")[0] + "?" + "&".join(reversed(query.split("&")))
        check("DER, parameters turned", curl(tls, front.tls_url + turned, folder), from_mirror)


def post(url, body, token, folder):
    """The status that curl gets for a report."""
    pathlib.Path(folder, "report").write_bytes(body)
    done = subprocess.run(["curl", "-s", "--cacert", f"{folder}/front.pem", "-o", os.devnull, "-w",
                           "%{http_code}", "-H", f"Authorization: Bearer {token}", "--data-binary",
                           f"@{folder}/report", url + "/fleet/v1/hosts"], check=False, text=True,
                          stdout=subprocess.PIPE, env={**os.environ, "no_proxy": "*"})
    return done.stdout


def nothing_but_leaves(folder, front, mirror_url, paths):
    """What is no leaf's name is answered by the mirror, whatever file is there."""
    secret = pathlib.Path(folder, "secret")
    secret.write_text("secret", encoding="ascii")
    products = pathlib.Path(folder, "layout/vcek/v1")
    product = paths[0].split("/")[3]
    (products / product / ".hidden").write_text("secret", encoding="ascii")
    (products / "secret").write_text("secret", encoding="ascii")
    up = "/.." * 4 + "/secret"
    leaf, chip = paths[0], paths[0].split("?")[0]
    for path in [f"/vcek/v1/{product}?{up}", f"/vcek/v1/{product}/?{up}", f"/vcek/v1/?{up}",
                 f"/vcek/v1/{product}?{up[1:]}", f"/vcek/v1/{product}/?{up[1:]}", leaf + up,
                 leaf + "/.." + up, f"/vcek/v1/{product}/%3f{up}", f"/vcek/v1/x%2f..?{up[1:]}",
                 f"/vcek/v1/{product}/.hidden", f"/vcek/v1/{product}/.hidden?", "/vcek/v1/secret",
                 "/vcek/v1/secret?", f"/vcek/v1/{product}", f"/vcek/v1/{product}/", "/vcek/v1/?",
                 leaf + "%00", leaf + "/", leaf.replace("?", "%3f"), chip,
                 leaf + "&" + "x" * 300, leaf + "&" + "x/" * 3000]:
        front_says, mirror_says = (whole_answer("GET", url + path, folder)
                                   for url in (front.url, mirror_url))
        check(f"through nginx: {path[:200]}", front_says, mirror_says)
        check(f"no leaf: {path[:200]}", front_says[1] in ("400", "404"), True)
    # Other spellings of what is there: the mirror's business.
    bare = leaf.replace("=0", "=")
    upper = leaf.replace(chip[-128:], chip[-128:].upper())
    for path in (bare, upper, leaf + "&"):
        check(f"another spelling: {path}", whole_answer("GET", front.url + path, folder),
              whole_answer("GET", mirror_url + path, folder))


def host_reports(extreq, folder, front, mirrors, paths):
    """A host tells the mirror about itself through TLS; the rollout's list has it then."""
    database = ["--database", mirrors.postgres.connection]
    list_hosts = [extreq, "fleet", "hosts", "--json", *database]

    def listed():
        return json.loads(subprocess.run(list_hosts, check=True, stdout=subprocess.PIPE).stdout)

    product, chip = paths[0].split("/")[3], paths[0].split("/")[4].split("?")[0]
    tcb = "bl=1,tee=0,snp=1,ucode=1"
    line = f"{product} {chip} {tcb} {tcb}\n".encode()
    check("a wrong token", post(front.tls_url, line, "x" * 40, folder), "401")
    check("a token without TLS", post(front.url, line, TOKEN, folder), "403")
    check("no report", post(front.tls_url, b"hello", TOKEN, folder), "400")
    check("a huge report", post(front.tls_url, b"a" * 1000000, TOKEN, folder), "413")
    check("a huge report without a front", post(mirrors.urls[0], b"a" * 1000000, TOKEN, folder),
          "413")
    check("nobody was noted", listed(), [])
    subprocess.run([extreq, "kds", "url", "--platform", f"{folder}/other"], check=True,
                   stdout=subprocess.DEVNULL)
    host = subprocess.Popen([extreq, "host", "serve", "--platform", f"{folder}/other", "--blob",
                             f"{folder}/blob", "--report-to", front.tls_url, "--report-token",
                             f"{folder}/tokens", "--tls-ca", front.certificate, "--proxy", "none"],
                            stderr=subprocess.DEVNULL)
    try:
        wait_until("the host's report", listed)
        noted = listed()[0]
        check("a chip of its own", len(noted["chip_id"]) == 128 and noted["chip_id"] != chip, True)
        ready = subprocess.run([extreq, "fleet", "ready", "--json", *database, "--from-store",
                                "--to-tcb", f"{noted['product']}:bl=9,tee=0,snp=22,ucode=9"],
                               check=False, stdout=subprocess.PIPE)
        missing = {one["chip_id"] for one in json.loads(ready.stdout)["missing"]}
        check("not ready without them", (ready.returncode, missing), (3, {chip, noted["chip_id"]}))
    finally:
        host.terminate()
        check("the host's end", host.wait(timeout=60), 0)


def nginx_in_front(extreq, folder, mirrors, paths):
    service, mirror = mirrors.service, mirrors.programs[1]
    front = Nginx(folder, mirror.url, mirrors.layout)
    try:
        chain = paths[0].rsplit("/", 1)[0] + "/cert_chain"
        check("chain through nginx", get(front.url + chain)[0], 200)
        check("strict through nginx", get(front.url + paths[0] + "&x=1")[0], 400)
        new = paths[0].replace("blSPL=04", "blSPL=05")
        check("a miss through nginx", get(front.url + new)[0], 200)
        foreign_client(folder, front, mirror.url, service, paths)
        nothing_but_leaves(folder, front, mirror.url, paths)
        host_reports(extreq, folder, front, mirrors, paths)
        mirror.end()
        for path in [*paths, new]:  # the files alone
            status, headers, body = get(front.url + path)
            check(f"nginx {path[-40:]}", (status, body), (200, service.bodies[path]))
        check("nginx' caching", headers["Cache-Control"], "public, max-age=31536000, immutable")
        check("without the mirror", get(front.url + chain)[0], 502)
    finally:
        front.end()


def prefetch_and_ready(extreq, folder, mirrors, paths, trust):
    chip = paths[0].split("/")[4].split("?")[0]
    product = paths[0].split("/")[3]
    hosts = pathlib.Path(folder, "hosts")
    hosts.write_text(f"# the fleet\n{product} {chip}\n", encoding="utf-8")
    common = ["--database", mirrors.postgres.connection, "--hosts", hosts, "--to-tcb",
              f"{product}:bl=6,tee=0,snp=22,ucode=7"]
    ready = [extreq, "fleet", "ready", "--json", *common]
    before = subprocess.run(ready, check=False, stdout=subprocess.PIPE)
    check("ready before", (before.returncode, len(json.loads(before.stdout)["missing"])), (3, 1))
    fetched = subprocess.run([extreq, "kds", "prefetch", *common, "--kds-url",
                              f"{mirrors.service.url}/prefetch", "--trust", trust, "--route",
                              "shared=proxy:none", "--interval", str(INTERVAL)], check=False,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    check("prefetch", fetched.returncode, 0)
    check("its last line", json.loads(fetched.stdout.splitlines()[-1])["done"], 1)
    check("ready after", subprocess.run(ready, check=False, stdout=subprocess.PIPE).returncode, 0)


def whole_test(extreq, folder, postgres, programs):
    count = int(os.environ.get("EXTREQ_FLEET_HOSTS", "80"))
    paths = leaf_paths(extreq, f"{folder}/platform", count)
    model = Program(extreq, "kds", "serve", "--platform", f"{folder}/platform")
    programs.append(model)
    service = StrictService(model.url, INTERVAL)
    chain = get(model.url + paths[0].rsplit("/", 1)[0] + "/cert_chain")[2]
    trust = f"{folder}/ark.pem"
    pathlib.Path(trust).write_bytes(b"-----BEGIN" + chain.split(b"-----BEGIN")[2])
    pathlib.Path(folder, "tokens").touch(mode=0o600)
    pathlib.Path(folder, "tokens").write_text(TOKEN + "\n", encoding="utf-8")
    mirrors = Mirrors(extreq, folder, postgres, service, trust)
    try:
        lists = Lists(mirrors, paths, extreq, folder)
        lists.first()
        three_mirrors(mirrors, paths)
        same_answers(mirrors, paths)
        same_as_the_model(folder, mirrors.urls[0], service, paths)
        prefetch_and_ready(extreq, folder, mirrors, paths, trust)
        # What a killed mirror stored and had not laid out yet is laid out by whoever serves it.
        for path in paths:
            get(mirrors.urls[1] + path)
        lists.renewed()
        lists.never_older()
        nginx_in_front(extreq, folder, mirrors, paths)
        check("graceful end", mirrors.programs[0].end(), 0)
    finally:
        programs += mirrors.programs


def main():
    if not nginx_program():
        print("*** SKIPPED, NOT TESTED: no nginx to test with")
        return 77
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as cluster:
        os.chmod(folder, 0o755)
        try:
            postgres = Postgres(cluster)
        except (FileNotFoundError, KeyError, subprocess.CalledProcessError) as problem:
            print(f"*** SKIPPED, NOT TESTED: no PostgreSQL to test with: {problem}")
            return 77
        programs = []
        try:
            whole_test(sys.argv[1], folder, postgres, programs)
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
