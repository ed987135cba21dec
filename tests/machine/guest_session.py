"""What the boot tests share: booting guests, and finding what a machine leaves behind."""

import json
import os
import pathlib
import shutil
import subprocess
import tempfile

BOOT_TIMEOUT = 300


class Place:
    """Where the tests run: the program, the kernels, and a folder for everything that is written."""

    def __init__(self, program, kernel, backports, work):
        self.program, self.kernel, self.backports, self.work = program, kernel, backports, work

    def path(self, name):
        return os.path.join(self.work, name)

    def run(self, *arguments, check=True):
        done = subprocess.run(
            [self.program, *arguments], capture_output=True, text=True, timeout=BOOT_TIMEOUT, cwd=self.work
        )
        if check and done.returncode != 0:
            raise AssertionError(f"{arguments}: status {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def boot_arguments(self, *arguments, image=None):
        return ["boot", "--kernel", image or self.kernel, "--platform", self.platform(), *arguments]

    def platform(self):
        """A platform of its own, with the keys of the first: machines that share one would have to share
        the lock on its certificates, too, for one of them changes the TCB."""
        if not os.path.exists(self.path("platform")):
            return self.path("platform")
        copy = os.path.join(tempfile.mkdtemp(dir=self.work), "platform")
        shutil.copytree(self.path("platform"), copy)
        return copy

    def boot(self, *arguments, image=None, check=True):
        return self.run(*self.boot_arguments(*arguments, image=image), check=check)

    def boot_with(self, named, *arguments, image=None):
        """Answers of a guest in which these commands ran, one after the other."""
        return Answers(self.boot(*arguments, "--run", shell_text(named), image=image))

    def lines(self, *lines):
        """A file with these lines."""
        descriptor, path = tempfile.mkstemp(dir=self.work)
        with os.fdopen(descriptor, "w") as file:
            file.write("".join(line + "\n" for line in lines))
        return path


def shell_text(named):
    return "\n".join(f"echo '== {name}'; ( {text} ) 2>&1; echo \"== {name} $?\"" for name, text in named.items())


class Answers:
    """Output, with errors, and status of each command of shell_text()."""

    def __init__(self, done):
        self.host_says = done.stderr
        self.status, self.text = {}, {}
        name = None
        for line in done.stdout.splitlines():
            words = line.split()
            if not line.startswith("== "):
                self.text[name] += line + "\n"
            elif len(words) == 3:
                self.status[words[1]] = int(words[2])
            else:
                name = words[1]
                self.text[name] = ""

    def json(self, name):
        return json.loads(self.text[name])


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
