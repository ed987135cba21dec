"""What fleet_test.py starts: PostgreSQL, a strict key service, nginx, and the verbs of extreq."""

import http.server
import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request

SOURCE = pathlib.Path(__file__).parents[2]
DEADLINE = 240


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


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


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
        return subprocess.run(command, cwd=self.folder, check=True, text=True,
                              stdout=subprocess.PIPE).stdout

    def start(self):
        # Without a pipe of ours: the server would keep it open.
        options = f"-k {self.folder} -h '' -F"
        subprocess.run([*self.as_user, self.bin / "pg_ctl", "-D", f"{self.folder}/data", "-w", "-l",
                        f"{self.folder}/log", "-o", options, "start"], cwd=self.folder, check=True,
                       stdout=subprocess.DEVNULL)

    def crash(self):
        self.run("pg_ctl", "-D", f"{self.folder}/data", "-m", "immediate", "-w", "stop")

    def query(self, statement):
        """The first column of each row."""
        return self.run("psql", "-h", self.folder, "-U", "extreq", "-d", "fleet", "-qAtc",
                        statement).splitlines()


class StrictService:
    """AMD's limit before a model's key service. It knows who asks by the path that each one has of
    its own: `url`/NAME."""

    def __init__(self, model_url, interval):
        self.model_url = model_url
        self.interval = interval
        self.lock = threading.Lock()
        self.asked = {}  # path of a leaf: who asked, in order; 429 does not count
        self.lists = {}  # path of a CRL: who asked, in order
        self.bodies = {}  # what is given for a path: the model's first answer, or what a test wants
        self.limited = 0
        self.next = 0.0
        self.hold = None
        service = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                _, name, path = self.path.split("/", 2)
                status, headers, body = service.answer(name, "/" + path)
                try:
                    self.send_response(status)
                    for header, value in headers.items():
                        self.send_header(header, value)
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)
                except OSError:  # the mirror that asked was killed
                    pass

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def hold_next(self, name):
        """The next leaf that `name` asks for is given only after release()."""
        hold = Hold(name)
        with self.lock:
            self.hold = hold
        return hold

    def answer(self, name, path):
        leaf = "?" in path
        held = None
        with self.lock:
            now = time.monotonic()
            # One ahead: a scheduler's delay on this machine is not the mirror's fault.
            if leaf and self.next > now + self.interval:
                self.limited += 1
                return 429, {"Retry-After": "1"}, b""
            if leaf:
                self.next = max(self.next, now) + self.interval
                self.asked.setdefault(path, []).append(name)
            if path.endswith("/crl"):
                self.lists.setdefault(path, []).append(name)
            if leaf and self.hold and self.hold.name == name:
                held, self.hold = self.hold, None
        if held:
            held.path = path
            held.released.wait()
        status, headers, body = get(self.model_url + path)
        with self.lock:
            if status == 200:
                body = self.bodies.setdefault(path, body)
        return status, {"Content-Type": headers["Content-Type"]}, body


class Hold:
    def __init__(self, name):
        self.name = name
        self.path = None  # once it is held
        self.released = threading.Event()

    def release(self):
        self.released.set()


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


class Nginx:
    """packaging/nginx before one mirror, in plain and behind TLS for "localhost"; beside it a
    server of the plain static files in `static`."""

    def __init__(self, folder, mirror_url, layout, static="/nowhere"):
        port, tls_port, static_port = free_port(), free_port(), free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.static_url = f"http://127.0.0.1:{static_port}"
        self.tls_url = f"https://localhost:{tls_port}"
        self.certificate = f"{folder}/front.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                        "-addext", "subjectAltName=DNS:localhost", "-keyout", f"{folder}/front.key",
                        "-out", self.certificate], check=True, stderr=subprocess.DEVNULL)
        text = (SOURCE / "packaging/nginx/extreq-kds.conf").read_text(encoding="utf-8")
        text = text.replace(
            "listen 8080;", f"listen 127.0.0.1:{port}; listen 127.0.0.1:{tls_port} ssl;"
            f"ssl_certificate {self.certificate}; ssl_certificate_key {folder}/front.key;")
        text = text.replace("/var/lib/extreq/kds-layout", str(layout))
        text = text.replace("127.0.0.1:8010", mirror_url[len("http://"):])
        text += (f"server {{ listen 127.0.0.1:{static_port}; root {static}; types {{ }} "
                 "default_type application/octet-stream; "
                 "open_file_cache max=100000 inactive=10m; }")
        temporary = "".join(f"{name}_temp_path {folder}/{name};\n"
                            for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        user = "user root;\n" if os.geteuid() == 0 else ""
        config = pathlib.Path(folder, "nginx.conf")
        config.write_text(f"{user}daemon off;\npid {folder}/nginx.pid;\nevents {{}}\n"
                          f"error_log {folder}/error.log;\n"
                          f"http {{\naccess_log off;\nsendfile on;\n{temporary}{text}}}\n", encoding="utf-8")
        self.process = subprocess.Popen([nginx_program(), "-c", config, "-e", f"{folder}/error.log"])
        wait_until("nginx", self.up)

    def up(self):
        try:
            return get(self.url + "/healthz")[0] == 200
        except OSError:
            return False

    def end(self):
        self.process.terminate()
        self.process.wait(timeout=60)


def nginx_program():
    found = shutil.which("nginx")
    if not found and os.path.exists("/usr/sbin/nginx"):
        found = "/usr/sbin/nginx"
    return found
