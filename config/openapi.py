"""Puts right what the generated OpenAPI document says and JSON Schema means otherwise."""

from typing import Any

from config.failures import EXAMPLES
from config.problem_codes import CODES

ANYTHING_OR_NULL = [{}, {"type": "null"}]


def null_is_anything(result: Any, **_: Any) -> Any:
    """A value of any type may be null: `oneOf` would count null twice, and so refuse it."""
    _mend(result)
    return result


def with_problems(result: Any, **_: Any) -> Any:
    """The problem documents that operations show as examples, each once, and all codes with what they mean."""
    result["components"]["examples"] = {name: {"value": value} for name, value in EXAMPLES.items()}
    result["components"]["schemas"]["ProblemError"]["properties"]["code"]["x-codes"] = CODES
    return result


def _mend(node: Any) -> None:
    if isinstance(node, dict):
        if node.get("oneOf") == ANYTHING_OR_NULL:
            del node["oneOf"]
        for part in node.values():
            _mend(part)
    elif isinstance(node, list):
        for part in node:
            _mend(part)
