"""How requests and answers look: an example of each schema, in the words of docs/erp.md.

examples.json has them by the name of the schema, or by that of the operation where an answer is just an object; pages
and lists are made of what they hold. Companies, people and secrets in it are invented.
"""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

_FILE = Path(__file__).with_suffix(".json")
_REFERENCE = "#/components/schemas/"
_SHOWN = re.compile(r"application/(merge-patch\+)?json|application/x-www-form-urlencoded")
"""The types of bodies of which one is given; problem documents have theirs, and lines of JSON are those of its list."""


def give_examples(result: Any) -> None:
    """Every body of a request and of an answer gets its example; each stands in the document once."""
    known: Mapping[str, Mapping[str, Any]] = json.loads(_FILE.read_text("utf-8"))
    used: dict[str, Any] = {}
    for operation in _operations(result):
        bodies = [("requests", operation["requestBody"])] if "requestBody" in operation else []
        bodies += [("answers", answer) for answer in operation["responses"].values()]
        for side, body in bodies:
            for media_type, content in body.get("content", {}).items():
                if _SHOWN.fullmatch(media_type):
                    name, value = _example(known[side], content["schema"], operation["operationId"])
                    used[f"{side}.{name}"] = {"value": value}
                    content["examples"] = {name: {"$ref": f"#/components/examples/{side}.{name}"}}
    result["components"]["examples"] = dict(sorted(used.items()))


def _operations(result: Any) -> Iterator[dict[str, Any]]:
    for path in result["paths"].values():
        yield from path.values()


def _example(known: Mapping[str, Any], schema: Mapping[str, Any], operation: str) -> tuple[str, Any]:
    if schema.get("type") == "array":
        name, value = _example(known, schema["items"], operation)
        return f"{name}List", [value]
    name = schema["$ref"].removeprefix(_REFERENCE) if "$ref" in schema else operation
    if page := re.fullmatch("Paginated(.+)List", name):
        return name, {"next": None, "results": [known[page[1]]]}
    return name, known[name]
