#!/usr/bin/env python3
"""Validate JSON lines against the schemas in a folder.

    validate-json.py SCHEMADIR --schemas          the schemas themselves
    validate-json.py SCHEMADIR --words FILE...    every schema word in C sources has its file
    validate-json.py SCHEMADIR --documented PAGE  every key of every schema is in its section of the man page
    validate-json.py SCHEMADIR FILE...            every object in the files (lines, or one object a file)

Each object says which schema it has ("schema":"audio-metrics/1" is audio-metrics-1.json).
Prints the words met on one line; what is wrong goes to standard error, status 1.
"""
import json
import pathlib
import re
import sys

import jsonschema

bad = 0


def wrong(text):
    global bad
    bad += 1
    print(text, file=sys.stderr)


def not_json(text):
    raise ValueError(f"{text} is not JSON")


def no_twins(pairs):
    keys = [k for k, _ in pairs]
    if len(set(keys)) != len(keys):
        raise ValueError(f"a key is there twice in {keys}")
    return dict(pairs)


def load(text):
    """Strict JSON: no NaN, no Infinity, no key twice, all of it an object."""
    value = json.loads(text, parse_constant=not_json, object_pairs_hook=no_twins)
    if not isinstance(value, dict):
        raise ValueError("not an object")
    return value


def objects(name):
    data = pathlib.Path(name).read_bytes().decode("utf-8")
    try:
        yield name, load(data)  # one object, over as many lines as it likes
        return
    except ValueError:
        pass
    for number, line in enumerate(data.splitlines(), 1):
        try:
            yield f"{name}:{number}", load(line)
        except ValueError as error:
            wrong(f"{name}:{number}: {error}")


def validator(folder, word, known={}):
    if word not in known:
        path = folder / (word.replace("/", "-") + ".json")
        known[word] = jsonschema.Draft202012Validator(load(path.read_text("utf-8"))) if path.exists() else None
        if not known[word]:
            wrong(f"there is no {path.name} for '{word}'")
    return known[word]


def check_schemas(folder):
    for path in sorted(folder.glob("*.json")):
        schema = load(path.read_text("utf-8"))
        word = re.sub(r"-(\d+)\.json$", r"/\1", path.name)
        try:
            jsonschema.Draft202012Validator.check_schema(schema)
        except jsonschema.SchemaError as error:
            wrong(f"{path.name}: {error.message}")
        if schema.get("$schema") != "https://json-schema.org/draft/2020-12/schema":
            wrong(f"{path.name}: $schema is not that of 2020-12")
        if schema.get("title") != word or schema.get("properties", {}).get("schema") != {"const": word}:
            wrong(f"{path.name}: title and properties/schema must say '{word}'")
        if schema.get("type") != "object" or "schema" not in schema.get("required", []):
            wrong(f"{path.name}: must be an object that requires 'schema'")
        if not schema.get("description"):
            wrong(f"{path.name}: has no description")
        yield word


def check_words(folder, names):
    for name in names:
        for word in re.findall(r'"([a-z][a-z0-9-]*/[0-9]+)"', pathlib.Path(name).read_text("utf-8")):
            if not (folder / (word.replace("/", "-") + ".json")).exists():
                wrong(f"{name}: '{word}' has no schema")
            yield word


def keys_of(schema):
    """Names of all properties, at any depth, also of those that are only required."""
    if isinstance(schema, dict):
        for name, value in schema.items():
            if name in ("properties", "required"):
                yield from value
            yield from keys_of(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from keys_of(value)


def check_documented(folder, page):
    section, words = "", {}
    for line in pathlib.Path(page).read_text("utf-8").splitlines():
        if line.startswith((".Sh ", ".Ss ")):
            section = line[4:]
        words.setdefault(section, set()).update(re.findall(r"[a-z0-9_]+", line))
    for path in sorted(folder.glob("*.json")):
        word = re.sub(r"-(\d+)\.json$", r"/\1", path.name)
        missing = set(keys_of(load(path.read_text("utf-8")))) - {"schema", "tool", "version"} - words.get(word, set())
        if word not in words:
            wrong(f"{page}: has no section on {word}")
        elif missing:
            wrong(f"{page}: {word} lacks {', '.join(sorted(missing))}")
        yield word


def check_objects(folder, names):
    for name in names:
        for where, value in objects(name):
            word = value.get("schema")
            if not isinstance(word, str):
                wrong(f"{where}: names no schema")
                continue
            valid = validator(folder, word)
            for error in valid.iter_errors(value) if valid else ():
                wrong(f"{where}: {word}: /{'/'.join(map(str, error.absolute_path))}: {error.message[:300]}")
            yield word


def main():
    folder, rest = pathlib.Path(sys.argv[1]), sys.argv[2:]
    if rest[0] == "--schemas":
        words = check_schemas(folder)
    elif rest[0] == "--documented":
        words = check_documented(folder, rest[1])
    elif rest[0] == "--words":
        words = check_words(folder, rest[1:])
    else:
        words = check_objects(folder, rest)
    print(*sorted(set(words)))
    return bad != 0


sys.exit(main())
