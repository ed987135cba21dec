"""What the boot tests share: booting guests, and finding what a machine leaves behind."""

import json
import lzma
import os
import pathlib
import shutil
import subprocess
import tempfile

# Far more than any machine needs: for those that would otherwise never end.
START_TIMEOUT_S = 900
END_TIMEOUT_S = 1500


class Place:
    """Where the tests run: the program, the kernels, and a folder for everything that is written."""

    def __init__(self, program, kernel, backports, work):
        self.program, self.kernel, self.backports, self.work = program, kernel, backports, work

    def path(self, name):
        return os.path.join(self.work, name)

    def run(self, *arguments, check=True):
        with subprocess.Popen([self.program, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True, cwd=self.work) as process:
            try:
                output, errors = process.communicate(timeout=END_TIMEOUT_S)
                ended = f"status {process.returncode}"
            except subprocess.TimeoutExpired:
                process.kill()
                output, errors = process.communicate()
                ended = f"no end within {END_TIMEOUT_S} s"
                check = True
        if check and process.returncode != 0:
            raise AssertionError(f"{' '.join(arguments)}: {ended}\n{output}{errors}")
        return subprocess.CompletedProcess(arguments, process.returncode, output, errors)

    def boot_arguments(self, *arguments, image=None):
        return ["boot", "--kernel", image or self.kernel, "--platform", self.platform(),
                "--timeout", str(START_TIMEOUT_S), *arguments]

    def platform(self):
        """A platform of its own, with the keys of the first: machines that share one would have to share
        the lock on its certificates, too, for one of them changes the TCB."""
        if not os.path.exists(self.path("platform")):
            return self.path("platform")
        copy = os.path.join(tempfile.mkdtemp(dir=self.work), "platform")
        shutil.copytree(self.path("platform"), copy)
        return copy

    def boot(self, *arguments, image=None, status=0):
        """A guest that has ended, with this status of its command."""
        done = self.run(*self.boot_arguments(*arguments, image=image), check=False)
        if done.returncode != status:
            raise AssertionError(f"{' '.join(done.args)}: status {done.returncode}, not {status}\n"
                                 f"{done.stdout}{done.stderr}")
        return Guest(done)

    def boot_with(self, named, *arguments, image=None, last="", status=0):
        """A guest in which these commands ran, one after the other, and then the last one."""
        return self.boot(*arguments, "--run", shell_text({**named, **KERNEL_SAYS}) + "\n" + last,
                         image=image, status=status)

    def module(self, name):
        """A file with this module of the first kernel."""
        found = next(pathlib.Path(self.kernel).parents[1].glob(f"lib/modules/*/**/{name}*"))
        path = pathlib.Path(tempfile.mkdtemp(dir=self.work), name)
        path.write_bytes(lzma.open(found).read() if found.suffix == ".xz" else found.read_bytes())
        return path

    def lines(self, *lines):
        """A file with these lines."""
        descriptor, path = tempfile.mkstemp(dir=self.work)
        with os.fdopen(descriptor, "w") as file:
            file.write("".join(line + "\n" for line in lines))
        return path


def shell_text(named):
    return "\n".join(f"echo '== {name}'; ( {text} ) 2>&1; echo \"== {name} $?\"" for name, text in named.items())


# For whoever reads why a test has failed.
KERNEL_SAYS = {"kernel_says": "dmesg | tail -n 30"}


class Guest:
    """What a guest has said: all of it and, of commands of shell_text(), each one's output with errors
    and its status."""

    def __init__(self, done):
        self.done = done
        self.status, self.text = {}, {}
        name = None
        for line in done.stdout.splitlines():
            words = line.split()
            if line.startswith("== ") and len(words) == 3:
                self.status[words[1]] = int(words[2])
            elif line.startswith("== "):
                name = words[1]
                self.text[name] = ""
            elif name is not None:
                self.text[name] += line + "\n"

    def json(self, name=None):
        """The JSON that a command has printed, or that extreq has printed at the end."""
        return json.loads(self.done.stdout if name is None else self.text[name])

    def transcript(self):
        return f"{self.done.stdout}{self.done.stderr}(status {self.done.returncode})\n"


def processes_with(tag):
    """The processes whose environment has this, whoever their parent is now."""
    found = set()
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            if tag.encode() in (entry / "environ").read_bytes().split(b"\0"):
                found.add(int(entry.name))
        except OSError:
            continue
    return found


def emulator_of(process):
    """The process id of the emulator that this process has started."""
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            stat = (entry / "stat").read_text()
            command = (entry / "cmdline").read_bytes()
        except OSError:
            continue
        if int(stat.rsplit(")", 1)[1].split()[1]) == process and b"memdev=private,addr=" in command:
            return int(entry.name)
    return None


def count_in_memory(process, text):
    """How often the text occurs in what this process has mapped of the machine's two memories."""
    counts = {"extreq-shared": 0, "extreq-private": 0}
    for line in pathlib.Path(f"/proc/{process}/maps").read_text().splitlines():
        name = next((name for name in counts if name in line), None)
        if name is None:
            continue
        start, end = (int(part, 16) for part in line.split()[0].split("-"))
        with open(f"/proc/{process}/mem", "rb", buffering=0) as memory:
            memory.seek(start)
            left, tail = end - start, b""
            while left > 0:
                part = memory.read(min(left, 1 << 24))
                if not part:
                    break
                counts[name] += (tail + part).count(text)
                tail = part[-len(text) + 1 :]
                left -= len(part)
    return counts
