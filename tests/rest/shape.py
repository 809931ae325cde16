"""What a caller of the REST interface can rely on, taken from its OpenAPI document and kept in openapi_v1.json.

After an addition, `python manage.py spectacular --format openapi-json | python -m tests.rest.shape` takes it into the
file; where something is gone or has another meaning it says so, and leaves the file alone.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("openapi_v1.json")
METHODS = ("get", "put", "post", "patch", "delete")
COMPONENTS = "#/components/schemas/"
Fields = dict[str, str]


class Reader:
    """Schemas as fields by path, each with its types and values in order, and `required` before them.

    `lines[]` is what stands in a list, `lines{}` what stands under any key. Schemas with a name are told once for what
    is sent and once for what is answered, for the two are bound by different promises.
    """

    def __init__(self, document: Any) -> None:
        self._known = document["components"]["schemas"]
        self.schemas: dict[str, dict[str, Fields]] = {"sent": {}, "answered": {}}

    def fields(self, schema: Any, side: str, path: str = "", required: bool = False) -> Fields:
        found: Fields = {}
        types = set(self._types(schema, side, path, found))
        return {path: ("required " if required else "") + " | ".join(sorted(types)), **found}

    def _types(self, schema: Any, side: str, path: str, found: Fields) -> Iterator[str]:
        """The types that a value may have; of what is in it the fields are put beside those that are found already."""
        if "$ref" in schema:
            name = schema["$ref"].removeprefix(COMPONENTS)
            if "properties" not in self._known[name]:  # a set of values, whose name means nothing
                yield from self._types(self._known[name], side, path, found)
                return
            yield name
            if name not in self.schemas[side]:
                self.schemas[side][name] = {}
                self.schemas[side][name] = self.fields(self._known[name], side)
            return
        for choice in ("oneOf", "anyOf", "allOf"):
            for one in schema.get(choice, ()):
                yield from self._types(one, side, path, found)
            if choice in schema:
                return
        if "enum" in schema:
            yield from map(json.dumps, schema["enum"])
            return
        kinds = schema.get("type", "anything")
        for kind in [kinds] if isinstance(kinds, str) else kinds:
            yield f"{kind}:{schema['format']}" if "format" in schema and kind != "null" else kind
        if "items" in schema:
            found |= self.fields(schema["items"], side, f"{path}[]")
        if isinstance(schema.get("additionalProperties"), dict):
            found |= self.fields(schema["additionalProperties"], side, f"{path}{{}}")
        for name, inner in schema.get("properties", {}).items():
            found |= self.fields(inner, side, f"{path}/{name}", name in schema.get("required", ()))


def shape(document: Any) -> dict[str, Any]:
    reader = Reader(document)
    operations = {}
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                operations[f"{method.upper()} {path}"] = _operation(item[method], reader)
    return {"operations": operations, **reader.schemas}


def _operation(operation: Any, reader: Reader) -> dict[str, Any]:
    body = operation.get("requestBody", {})
    return {
        "parameters": {
            f"{one['in']} {one['name']}": reader.fields(one["schema"], "sent", required=one.get("required", False))[""]
            for one in operation.get("parameters", ())
        },
        "sent": _bodies(body, reader, "sent", required=body.get("required", False)),
        "answered": {code: _bodies(one, reader, "answered") for code, one in operation["responses"].items()},
    }


def _bodies(body: Any, reader: Reader, side: str, *, required: bool = False) -> dict[str, Fields]:
    content = body.get("content", {})
    return {media_type: reader.fields(one.get("schema", {}), side, "", required) for media_type, one in content.items()}


def broken(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """What `before` promises and `now` does not keep."""
    faults: list[str] = []
    for name, old in before["operations"].items():
        new = now["operations"].get(name)
        if new is None:
            faults.append(f"{name}: is gone")
            continue
        faults += _sent(f"{name}: parameter", old["parameters"], new["parameters"])
        faults += _all(f"{name}: body", old["sent"], new["sent"], _sent)
        if not old["sent"] and any(body[""].startswith("required ") for body in new["sent"].values()):
            faults.append(f"{name}: body: has become required")
        for code, bodies in old["answered"].items():
            if code not in new["answered"]:
                faults.append(f"{name}: {code}: is gone")
            else:
                faults += _all(f"{name}: {code}:", bodies, new["answered"][code], _answered)
    faults += _all("sent:", before["sent"], now["sent"], _sent)
    faults += _all("answered:", before["answered"], now["answered"], _answered)
    return faults


def _all(about: str, old: Any, new: Any, compare: Any) -> Iterator[str]:
    for name, fields in old.items():
        if name not in new:
            yield f"{about} {name}: is gone"
        else:
            yield from compare(f"{about} {name}", fields, new[name])


def _sent(about: str, old: Fields, new: Fields) -> Iterator[str]:
    """Of what is sent, all that was taken is taken, and nothing is demanded that was not."""
    for path, was in old.items():
        if path not in new:
            yield f"{about} {path}: is gone"
        elif lost := _types(was) - _types(new[path]):
            yield f"{about} {path}: is not {' or '.join(sorted(lost))} any more"
    for path, is_now in new.items():
        if is_now.startswith("required ") and not old.get(path, "").startswith("required "):
            yield f"{about} {path}: has become required"


def _answered(about: str, old: Fields, new: Fields) -> Iterator[str]:
    """Of what is answered, all is still there and of no other type; sets of values may grow."""
    for path, was in old.items():
        if path not in new:
            yield f"{about} {path}: is gone"
            continue
        if was.startswith("required ") and not new[path].startswith("required "):
            yield f"{about} {path}: may be missing now"
        old_types, new_types = _types(was), _types(new[path])
        if lost := old_types - new_types:
            yield f"{about} {path}: is not {' or '.join(sorted(lost))} any more"
        grows = any(one.startswith('"') for one in old_types)
        if added := {one for one in new_types - old_types if not (grows and one.startswith('"'))}:
            yield f"{about} {path}: may be {' or '.join(sorted(added))} now"


def _types(field: str) -> set[str]:
    return set(field.removeprefix("required ").split(" | "))


def written(found: dict[str, Any]) -> str:
    """A line for each operation and each schema, in order."""
    parts = []
    for part, entries in sorted(found.items()):
        lines = (f"{json.dumps(name)}: {json.dumps(entries[name], sort_keys=True)}" for name in sorted(entries))
        parts.append(f"{json.dumps(part)}: {{\n" + ",\n".join(lines) + "\n}")
    return "{" + ",\n".join(parts) + "}\n"


if __name__ == "__main__":
    found = shape(json.load(sys.stdin))
    if FILE.exists() and (faults := broken(json.loads(FILE.read_text("utf-8")), found)):
        sys.exit("\n".join(faults))
    FILE.write_text(written(found), "utf-8")
