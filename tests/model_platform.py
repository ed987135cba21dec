"""A model platform for the tests of the command line. Making its keys takes seconds: one is made for
all test programs, beside the test keys ($EXTREQ_TEST_KEYS), and each gets a copy.
"""

import os
import pathlib
import shutil
import subprocess
import tempfile


def make(program, folder):
    subprocess.run([program, "kds", "url", "--platform", folder], check=True,
                   stdout=subprocess.DEVNULL, timeout=600)


def copy_to(program, folder):
    """Effect: `folder` is a model platform, made by `program` where there was none to copy."""
    keys = os.environ.get("EXTREQ_TEST_KEYS")
    if not keys:
        make(program, folder)
        return
    common = pathlib.Path(keys, "model-platform")
    if not common.exists():
        common.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=common.parent) as scratch:
            make(program, pathlib.Path(scratch, "platform"))
            try:
                pathlib.Path(scratch, "platform").rename(common)
            except OSError:  # somebody else's is there by now
                if not common.exists():
                    raise
    shutil.copytree(common, folder)
    try:
        make(program, folder)  # opens it
    except subprocess.CalledProcessError:  # another version's
        shutil.rmtree(folder)
        make(program, folder)
