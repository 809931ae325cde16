"""Every code that a problem document can have stands in one table, which the documentation and the schema show."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from django import forms
from rest_framework import exceptions, serializers

from config.failures import EXAMPLES
from config.problem_codes import CODES
from people.views import LoginSerializer

CHECKOUT = Path(__file__).parents[2]
APPS = ("people", "suppliers", "contracts", "policies", "alerts", "config")
ELSEWHERE = {"migrations", "management", "admin"}
"""What answers no request of the REST interface."""
PLACES = {
    "refuse": 0, "_refused": 0, "_JsonError": 0, "Fault": 1, "Problem": 1, "ErrorDetail": 1, "Unsuitable": 1,
    "permission_denied": 2,
}  # fmt: skip
"""Which argument of what makes an error is its code."""


def written(tree: ast.AST) -> Iterator[ast.expr]:
    """What stands where codes do: arguments, attributes and defaults; in (path, code, detail) the second."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in PLACES:
                yield from node.args[PLACES[name] : PLACES[name] + 1]
            yield from (keyword.value for keyword in node.keywords if keyword.arg == "code")
        elif isinstance(node, ast.Tuple) and len(node.elts) == 3 and isinstance(node.elts[0], ast.Tuple):
            yield node.elts[1]
        elif isinstance(node, ast.Assign) and {getattr(one, "id", "") for one in node.targets} & {
            "code",
            "default_code",
        }:
            yield node.value
        elif isinstance(node, ast.arguments):
            defaults = zip(node.kwonlyargs, node.kw_defaults, strict=True)
            yield from (default for argument, default in defaults if argument.arg == "code" and default is not None)


def codes_in_the_source() -> set[str]:
    found = set()
    for app in APPS:
        for file in (CHECKOUT / app).rglob("*.py"):
            if not ELSEWHERE & set(file.relative_to(CHECKOUT).parts):
                values = written(ast.parse(file.read_text("utf-8")))
                found |= {one.value for one in values if isinstance(one, ast.Constant) and isinstance(one.value, str)}
    return found


def codes_of_the_framework() -> set[str]:
    """Of its exceptions, of the one form that is read by it alone, and of the filters of lists."""
    kinds = [kind for kind in vars(exceptions).values() if isinstance(kind, type)]
    found = {kind.default_code for kind in kinds if issubclass(kind, exceptions.APIException)}
    for field in LoginSerializer().fields.values():
        found |= {*field.error_messages, *(one.code for one in field.validators if hasattr(one, "code"))}
    found |= {*serializers.Serializer.default_error_messages, *forms.CharField().error_messages}
    for kind in (forms.ChoiceField, forms.DateField):
        found |= {*kind.default_error_messages, *kind().error_messages}
    return found - {"min_length"}  # nothing has one


def test_every_code_in_the_source_is_in_the_table():
    found = codes_in_the_source()
    assert len(found) > 70
    assert found - CODES.keys() == set()


def test_every_code_of_the_framework_is_in_the_table():
    assert codes_of_the_framework() - CODES.keys() == set()


def test_the_table_has_no_code_that_nothing_gives():
    outside = {"bad_request", "internal_server_error", "not_found"}
    validators = {"null_characters_not_allowed", "surrogate_characters_not_allowed", "max_length"}
    assert CODES.keys() - codes_in_the_source() - codes_of_the_framework() - outside - validators == set()


def test_the_examples_have_codes_of_the_table():
    assert {error["code"] for example in EXAMPLES.values() for error in example["errors"]} <= CODES.keys()


def test_the_documentation_has_the_table():
    lines = (CHECKOUT / "docs" / "erp.md").read_text("utf-8").split("| code | when |", 1)[1].split("\n\n", 1)[0]
    assert dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", lines, re.MULTILINE)) == CODES
