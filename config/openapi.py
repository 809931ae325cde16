"""Puts right what the generated OpenAPI document says and JSON Schema means otherwise."""

from typing import Any

from config.examples import give_examples
from config.failures import EXAMPLES
from config.problem_codes import CODES

ANYTHING_OR_NULL = [{}, {"type": "null"}]


def null_is_anything(result: Any, **_: Any) -> Any:
    """A value of any type may be null: `oneOf` would count null twice, and so refuse it."""
    _mend(result)
    return result


def with_examples(result: Any, **_: Any) -> Any:
    """Of bodies, and of the problem documents that operations show; and all codes with what they mean."""
    give_examples(result)
    result["components"]["examples"] |= {name: {"value": value} for name, value in EXAMPLES.items()}
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
