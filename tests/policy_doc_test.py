#!/usr/bin/env python3
"""Policy files: reader, schema and page are in step.

usage: policy_doc_test.py EXTREQ SOURCE_FOLDER

The schema is held against `extreq policy check`, which judges: at each object the keys of both are the
same, and each value is taken and refused by both at its edges.
"""

import json
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest
from typing import Any, Dict, Iterator, List, Tuple

EXTREQ = sys.argv[1]
DOC = pathlib.Path(sys.argv[2]) / "doc"
PAGE = (DOC / "policy.md").read_text()
SCHEMA = json.loads((DOC / "policy.schema.json").read_text())
GUID = "63da758d-e664-4564-adc5-f4b93be8accd"

Path = Tuple[str, ...]


def objects(schema: Dict[str, Any], path: Path = ()) -> Iterator[Tuple[Path, Dict[str, Any]]]:
    """Every object with named members, by its place."""
    if schema.get("type") != "object":
        return
    if "properties" in schema:
        yield path, schema["properties"]
    for key, member in schema.get("properties", {}).items():
        yield from objects(member, path + (key,))
    for member in schema.get("patternProperties", {}).values():
        yield from objects(member, path + (GUID,))


def leaves(schema: Dict[str, Any], path: Path = ()) -> Iterator[Tuple[Path, Dict[str, Any]]]:
    if schema.get("type") != "object":
        yield path, schema
        return
    for key, member in schema.get("properties", {}).items():
        yield from leaves(member, path + (key,))
    for member in schema.get("patternProperties", {}).values():
        yield from leaves(member, path + (GUID,))


def document(path: Path, value: Any) -> Dict[str, Any]:
    whole: Dict[str, Any] = {"version": 1}
    if not path:
        return {**whole, **value}
    place = whole
    for key in path[:-1]:
        place = place.setdefault(key, {})
    place[path[-1]] = value
    return whole


def samples(schema: Dict[str, Any]) -> Tuple[List[Any], List[Any]]:
    """Values that the schema takes, and values that it refuses, at its edges."""
    if "const" in schema:
        return [schema["const"]], [schema["const"] + 1, str(schema["const"])]
    if "enum" in schema:
        return list(schema["enum"]), [schema["enum"][0] + "x", "", 1]
    kind = schema["type"]
    if kind == "boolean":
        return [True, False], [1, "true", None]
    if kind == "integer":
        low, high = schema["minimum"], schema["maximum"]
        return [low, high], [low - 1, high + 1, low + 0.5, str(low)]
    if kind == "array":
        good, bad = samples(schema["items"])
        return [[value] for value in good] + [good], [[]] + [[value] for value in bad] + good[:1]
    if "minLength" in schema:
        return ["x" * schema["minLength"]], ["", 1]
    return pattern_samples(schema["pattern"])


def pattern_samples(pattern: str) -> Tuple[List[str], List[Any]]:
    if "\\." in pattern:
        return ["0.0", "1.51", "255.255"], ["1", "1.", ".1", "1.2.3", "v1.2", "1.2 ", 1.51]
    sizes = [int(size) for size in re.findall(r"\{(\d+)\}", pattern)]
    good = ["0123456789abcdefABCDEF"[0] * size for size in sizes] + ["aB" * (size // 2) for size in sizes]
    bad: List[Any] = ["", 1, None]
    for size in sizes:
        bad += ["0" * (size - 1), "0" * (size + 1), "g" * size]
    return good, bad


class InStep(unittest.TestCase):
    def check(self, contents: List[Any]) -> List[str]:
        """For each content nothing if it is a policy, else what is said against it."""
        with tempfile.TemporaryDirectory() as folder:
            files = [pathlib.Path(folder) / f"{number}.json" for number in range(len(contents))]
            for file, content in zip(files, contents):
                file.write_text(json.dumps(content))
            done = subprocess.run([EXTREQ, "policy", "check", *files], capture_output=True, text=True, check=False)
        said = {str(file): "" for file in files}
        for line in done.stderr.splitlines():
            file = re.match(r"extreq policy: (\S+\.json): ", line)
            self.assertTrue(file and file.group(1) in said, line)
            said[file.group(1)] += line
        self.assertEqual(done.returncode, 4 if done.stderr else 0, done.stderr)
        return list(said.values())

    def test_schema_and_reader_know_the_same_keys_at_each_place(self) -> None:
        places = list(objects(SCHEMA))
        complaints = self.check([document(path, {"no such key": 1}) for path, _ in places])
        for (path, properties), complaint in zip(places, complaints):
            known = re.search(r"known are (.*)", complaint)
            self.assertTrue(known, f"{path}: {complaint}")
            self.assertEqual(set(known.group(1).split(", ")), set(properties), path)

    def test_schema_and_reader_take_and_refuse_the_same_values(self) -> None:
        good, bad = [], []
        for path, leaf in leaves(SCHEMA):
            taken, refused = samples(leaf)
            good += [(path, value) for value in taken]
            bad += [(path, value) for value in refused]
        for (path, value), complaint in zip(good, self.check([document(*sample) for sample in good])):
            self.assertEqual(complaint, "", f"{path} {value!r}")
        for (path, value), complaint in zip(bad, self.check([document(*sample) for sample in bad])):
            self.assertIn("/" + "/".join(path), complaint, f"{path} {value!r} was taken")

    def test_the_page_has_every_key(self) -> None:
        for path, properties in objects(SCHEMA):
            for key in properties:
                self.assertIn(f"`{key}`", PAGE, f"{path}")

    def test_the_page_names_no_key_that_is_none(self) -> None:
        keys = {key for _, properties in objects(SCHEMA) for key in properties}
        rows = re.findall(r"^\| ((?:`[a-z_]+`(?:, )?)+) \|", PAGE, re.MULTILINE)
        named = {key for row in rows for key in re.findall(r"`([a-z_]+)`", row)}
        self.assertGreater(len(named), 30)
        self.assertEqual(named - keys, set())

    def test_the_example_of_the_page_is_a_policy(self) -> None:
        examples = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
        self.assertEqual(len(examples), 1)
        self.assertEqual(self.check([json.loads(examples[0])]), [""])


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
