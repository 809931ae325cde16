"""The worked examples: the core and the slow reference both give exactly the flags that each one expects."""

import pytest

from alerts.screening import compile_policies
from tests.screening import bundles, reference


def brief(flag) -> dict[str, object]:
    return {
        "contract": flag.contract,
        "measure": flag.measure,
        "kind": flag.kind,
        "certainty": flag.certainty,
        "basis": flag.basis,
        "lines": list(flag.lines),
    }


@pytest.mark.parametrize("path", bundles.CASES, ids=lambda path: path.stem)
def test_the_reference_gives_what_the_example_expects(path):
    case = bundles.read(path)
    bundle = case["bundle"]
    flags = reference.screen(bundles.policies(bundle), bundles.contracts(bundle), bundles.calendar(case))
    assert [brief(flag) for flag in flags] == case["expect"]


@pytest.mark.parametrize("path", bundles.CASES, ids=lambda path: path.stem)
def test_the_core_gives_what_the_example_expects(path):
    case = bundles.read(path)
    bundle, calendar = case["bundle"], bundles.calendar(case)
    verdicts = compile_policies(bundles.policies(bundle), calendar).screen(bundles.contracts(bundle))
    assert [brief(verdict) for verdict in verdicts] == case["expect"]


def test_all_the_examples_are_here():
    assert len(bundles.CASES) == 38
