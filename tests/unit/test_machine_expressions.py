"""Does the in-process interpreter evaluate expressions as Step Functions does?"""

from __future__ import annotations

import pytest

from tests.support.execution import START
from tests.support.expressions import QueryEvaluationError, evaluate


def test_an_expression_inside_a_value_is_evaluated_and_text_is_left_alone() -> None:
    assert evaluate({"a": ["{% $x + 1 %}", "plain"]}, {"x": 1}, 0) == {"a": [2, "plain"]}


def test_an_undefined_result_is_an_error() -> None:
    with pytest.raises(QueryEvaluationError, match="undefined"):
        evaluate("{% $x.absent %}", {"x": {}}, 0)


def test_null_is_a_value_and_exists() -> None:
    assert evaluate({"v": "{% $x.a %}", "e": "{% $exists($x.a) %}"}, {"x": {"a": None}}, 0) == {"v": None, "e": True}


def test_an_undefined_part_of_a_text_is_empty() -> None:
    assert evaluate("{% 'a' & $x.absent %}", {"x": {}}, 0) == "a"


def test_a_list_of_one_stays_a_list() -> None:
    assert evaluate("{% $x.tags %}", {"x": {"tags": [{"Key": "k"}]}}, 0) == [{"Key": "k"}]


def test_an_empty_list_stays_a_list() -> None:
    assert evaluate({"l": "{% $x.l %}", "n": "{% $count($x.l) %}"}, {"x": {"l": []}}, 0) == {"l": [], "n": 0}


def test_a_fault_in_an_expression_is_an_evaluation_error() -> None:
    with pytest.raises(QueryEvaluationError):
        evaluate("{% $toMillis(1) %}", {}, 0)


def test_the_clock_is_the_virtual_one() -> None:
    assert evaluate("{% $fromMillis($millis() + 1000) %}", {}, START) == "2026-11-24T10:00:01.000Z"
    assert evaluate("{% $now() %}", {}, START) == "2026-11-24T10:00:00.000Z"


def test_the_functions_of_step_functions_are_there() -> None:
    assert evaluate("{% $parse('{\"a\": null}') %}", {}, 0) == {"a": None}
    assert evaluate("{% $hash('a', 'SHA-256') %}", {}, 0).startswith("ca978112ca1bbdcafac231b39a23dc4d")
    assert evaluate("{% $uuid() %}", {}, 0) != evaluate("{% $uuid() %}", {}, 0)
