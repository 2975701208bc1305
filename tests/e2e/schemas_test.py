#!/usr/bin/env python3
"""The JSON Schemas in docs/schemas: they take every good document of tests/data, refuse the malformed ones of
tests/data/refusals.json that a schema can see, and admit that they cannot see the others."""
import copy
import json
import os
import pathlib
import subprocess
import sys
import unittest
import warnings

try:
    import jsonschema
except ImportError:
    # Debian's package belongs to Debian's Python; the build may have found another one.
    debian = "/usr/bin/python3"
    found = os.path.exists(debian) and subprocess.run([debian, "-c", "import jsonschema"], stderr=subprocess.DEVNULL).returncode == 0
    if found and os.path.realpath(sys.executable) != os.path.realpath(debian):
        os.execv(debian, [debian, os.path.abspath(__file__), *sys.argv[1:]])
    print("skipped: python3-jsonschema is not installed")
    sys.exit(77)

# The newer way to resolve references is not in Debian 12's package.
warnings.filterwarnings("ignore", message=".*RefResolver is deprecated", category=DeprecationWarning)

SOURCE = pathlib.Path(os.environ.get("DSN_SOURCE", pathlib.Path(__file__).resolve().parents[2]))
SCHEMAS = SOURCE / "docs" / "schemas"
DATA = SOURCE / "tests" / "data"

# Which schema a document belongs to: the first row whose beginning fits.
KINDS = [
    ("public/pipeline", "pipeline-public.json"),
    ("public/node_create", "node_create-public.json"),
    ("private/pipeline.json", "pipeline-private.json"),
    ("private/pipeline-extended.json", "pipeline-private.json"),
    ("private/node_create", "node_create-private.json"),
    ("private/", "command.json"),
    ("t45/task", "t45-task-list.json"),
    ("t45/distributor", "t45-distributor.json"),
    ("t45/transcoder", "t45-transcoder.json"),
    ("t45/storage", "t45-storage.json"),
    ("bus/", "bus-message.json"),
    ("beat/", "beat.json"),
]

# The same for the documents of the seed's programs, where their folder is at hand.
SEED = pathlib.Path(os.environ.get("DSN_SEED", SOURCE.parent / "shared" / "seed"))
SEED_KINDS = [
    ("public/pipeline", "pipeline-public.json"),
    ("public/node_create", "node_create-public.json"),
    ("api/node_create-private", "node_create-private.json"),
    ("api/node_create-public", "node_create-public.json"),
    ("api/pipeline-internal", "pipeline-private.json"),
    ("api/pipeline-with-commands-internal", "pipeline-private.json"),
    ("api/pipeline", "pipeline-public.json"),
    ("expected/pipeline-private", "pipeline-private.json"),
    ("t45/task", "t45-task-list.json"),
    ("t45/command2distr", "t45-distributor.json"),
    ("t45/command2trascoder", "t45-transcoder.json"),
    ("t45/command2storage", "t45-storage.json"),
]


def load(path):
    return json.loads(path.read_text(encoding="utf-8"))


def schema_of(name, kinds=KINDS):
    return next(schema for begins, schema in kinds if name.startswith(begins))


def validator(name):
    schema = load(SCHEMAS / name)
    resolver = jsonschema.RefResolver(base_uri=(SCHEMAS / name).as_uri(), referrer=schema)
    return jsonschema.Draft202012Validator(schema, resolver=resolver)


def spoil(document, path, row):
    at = document
    for key in path[:-1]:
        at = at[int(key)] if isinstance(at, list) else at[key]
    last = int(path[-1]) if isinstance(at, list) else path[-1]
    if "value" not in row:
        del at[last]
    elif isinstance(at, list) and last == len(at):
        at.append(row["value"])
    else:
        at[last] = row["value"]


class Schemas(unittest.TestCase):
    def test_they_are_schemas(self):
        for path in sorted(SCHEMAS.glob("*.json")):
            with self.subTest(path.name):
                jsonschema.Draft202012Validator.check_schema(load(path))

    def test_examples_and_defaults_are_what_they_stand_for(self):
        def each(schema, place):
            if isinstance(schema, dict):
                for value in [*schema.get("examples", ()), *([schema["default"]] if "default" in schema else [])]:
                    yield place, schema, value
                for key, inner in schema.items():
                    yield from each(inner, f"{place}/{key}")
            elif isinstance(schema, list):
                for index, inner in enumerate(schema):
                    yield from each(inner, f"{place}/{index}")

        seen = 0
        for path in sorted(SCHEMAS.glob("*.json")):
            whole = validator(path.name)
            for place, schema, value in each(load(path), "#"):
                with self.subTest(path.name, place=place, value=value):
                    self.assertEqual([e.message for e in whole.evolve(schema=schema).iter_errors(value)], [])
                seen += 1
        self.assertGreater(seen, 20)

    def test_every_schema_has_a_document(self):
        used = {schema for _, schema in KINDS} | {"common.json"} | {f"config-{r}.json" for r in ("distributor", "transcoder", "storage")}
        self.assertEqual({p.name for p in SCHEMAS.glob("*.json")}, used)

    def test_good_documents(self):
        names = sorted(str(p.relative_to(DATA)) for k in ("public", "private", "t45", "bus", "beat") for p in (DATA / k).glob("*.json"))
        self.assertGreater(len(names), 20)
        for name in names:
            with self.subTest(name):
                validator(schema_of(name)).validate(load(DATA / name))

    @unittest.skipUnless(SEED.is_dir(), "no folder of seed documents (DSN_SEED)")
    def test_seed_documents(self):
        names = sorted(str(p.relative_to(SEED)) for k in ("public", "api", "expected", "t45") for p in (SEED / k).glob("*.json"))
        self.assertGreater(len(names), 15)
        for name in names:
            with self.subTest(name):
                validator(schema_of(name, SEED_KINDS)).validate(load(SEED / name))

    def test_config_messages_by_role(self):
        for task in load(DATA / "private/pipeline-extended.json")["pipeline"]["tasks"]:
            for role in ("distributor", "transcoder", "storage"):
                with self.subTest(node=task["node_id"], role=role):
                    self.assertEqual(validator(f"config-{role}.json").is_valid(task["msg"]), task["msg"]["type"] == role)

    def test_refusals(self):
        rows = load(DATA / "refusals.json")
        self.assertGreaterEqual(len(rows), 60)
        for number, row in enumerate(rows, 1):
            with self.subTest(row=number, expect=row["expect"]):
                document = copy.deepcopy(load(DATA / row["document"]))
                spoil(document, row["path"], row)
                seen = not validator(schema_of(row["document"])).is_valid(document)
                self.assertEqual(seen, "schema" not in row, "the schema's answer differs from the row's mark")

    def test_values_at_the_edges(self):
        """What tests/unit/api_refusals_test.c gives to the readers: they take and refuse the same."""
        rows = load(DATA / "forms.json")
        self.assertGreaterEqual(len(rows), 30)
        for number, row in enumerate(rows, 1):
            checker, good = validator(schema_of(row["document"])), load(DATA / row["document"])
            for verdict in ("good", "bad"):
                for value in row[verdict]:
                    with self.subTest(row=number, path=row["path"], value=value):
                        document = copy.deepcopy(good)
                        spoil(document, row["path"], {"value": value})
                        self.assertEqual(checker.is_valid(document), verdict == "good")

    def test_values_are_strings(self):
        """A document of API 1.00 with a number in place of its text is refused wherever the number stands."""
        def leaves(value, path=()):
            if isinstance(value, dict):
                for key, member in value.items():
                    if key != "_comments":
                        yield from leaves(member, (*path, key))
            elif isinstance(value, list):
                for index, member in enumerate(value):
                    yield from leaves(member, (*path, str(index)))
            else:
                yield path

        for name in ("public/pipeline-extended.json", "private/pipeline-extended.json", "t45/storage.json", "bus/command.json", "beat/beat.json"):
            good = load(DATA / name)
            for path in leaves(good):
                with self.subTest(name=name, path=path):
                    document = copy.deepcopy(good)
                    spoil(document, path, {"value": 1935})
                    self.assertFalse(validator(schema_of(name)).is_valid(document))


if __name__ == "__main__":
    unittest.main()
