"""Does the in-process interpreter do what Step Functions does, where the tests of the machines rely on it?"""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.execution import START, Execution, StateError
from tests.support.machine import LIMIT, Lasting, Machine

END = {"Type": "Pass", "End": True}
RETRY = {"ErrorEquals": ["Busy"], "IntervalSeconds": 2, "BackoffRate": 2, "MaxAttempts": 6, "MaxDelaySeconds": 20}
CAUGHT = {"Type": "Pass", "End": True, "Output": "caught"}


def fails(name: str, cause: str = "") -> Any:
    def answer(_task: str, _arguments: Any) -> Any:
        raise StateError(name, cause)

    return answer


def answers(*results: Any) -> Any:
    rest = list(results)

    def answer(_task: str, _arguments: Any) -> Any:
        result = rest.pop(0)
        if isinstance(result, StateError):
            raise result
        return result

    return answer


def run(states: dict[str, Any], data: Any = None, answer: Any = None, **top: Any) -> Execution:
    """Run a machine whose first state is the first one given."""
    definition = {"StartAt": next(iter(states)), "States": states, **top}
    return Machine(definition).run(data, answer or answers())


def task(**fields: Any) -> dict[str, Any]:
    return {"Type": "Task", "Resource": "any", "End": True} | fields


# ---- choice, pass, wait


@pytest.mark.parametrize(("number", "end"), [(1, "One"), (2, "Two"), (3, "Other")])
def test_the_first_rule_that_is_true_decides(number: int, end: str) -> None:
    choices = [
        {"Condition": "{% $states.input = 1 %}", "Next": "One"},
        {"Condition": "{% $states.input < 3 %}", "Next": "Two"},
    ]
    states = {
        "Which?": {"Type": "Choice", "Choices": choices, "Default": "Other"},
        "One": END,
        "Two": END,
        "Other": END,
    }
    assert run(states, number).path == ["Which?", end]


def test_a_choice_without_a_match_fails() -> None:
    choice = {"Type": "Choice", "Choices": [{"Condition": "{% false %}", "Next": "End"}]}
    assert run({"Which?": choice, "End": END}).error == "States.NoChoiceMatched"


def test_a_condition_that_is_neither_true_nor_false_fails() -> None:
    choice = {"Type": "Choice", "Choices": [{"Condition": "{% 1 %}", "Next": "End"}], "Default": "End"}
    assert run({"Which?": choice, "End": END}).error == "States.QueryEvaluationError"


def test_a_rule_assigns_and_hands_on_and_so_does_the_default() -> None:
    rule = {"Condition": "{% $states.input %}", "Assign": {"by": "rule"}, "Output": "rule", "Next": "End"}
    choice = {"Type": "Choice", "Choices": [rule], "Default": "End", "Assign": {"by": "default"}}
    states = {"Which?": choice, "End": END | {"Output": ["{% $by %}", "{% $states.input %}"]}}
    assert run(states, True).output == ["rule", "rule"]
    assert run(states, False).output == ["default", False]


def test_assignments_take_effect_in_the_next_state() -> None:
    first = {"Type": "Pass", "Assign": {"a": 1, "b": 2}, "Next": "Swap"}
    swap = {"Type": "Pass", "Assign": {"a": "{% $b %}", "b": "{% $a %}"}, "Output": "{% $a %}", "Next": "End"}
    states = {"First": first, "Swap": swap, "End": END | {"Output": ["{% $states.input %}", "{% $a %}", "{% $b %}"]}}
    assert run(states).output == [1, 2, 1]


def test_a_wait_moves_the_virtual_clock() -> None:
    wait = {"Type": "Wait", "Seconds": "{% $states.input * 60 %}", "Next": "End"}
    assert run({"Wait": wait, "End": END}, 5).clock - START == 300


@pytest.mark.parametrize("seconds", [1.5, -1, "5"])
def test_a_wait_takes_whole_seconds_only(seconds: Any) -> None:
    wait = {"Type": "Wait", "Seconds": "{% $states.input %}", "Next": "End"}
    assert run({"Wait": wait, "End": END}, seconds).error == "States.QueryEvaluationError"


def test_a_fail_state_ends_with_its_error_and_cause() -> None:
    ended = run({"Fail": {"Type": "Fail", "Error": "{% 'E' & $states.input %}", "Cause": "because"}}, 1)
    assert (ended.status, ended.error, ended.cause) == ("FAILED", "E1", "because")


def test_a_type_that_is_not_known_is_not_guessed() -> None:
    with pytest.raises(ValueError, match="Activity"):
        run({"What": {"Type": "Activity", "End": True}})


# ---- retry


def test_retries_wait_longer_and_longer_up_to_their_cap() -> None:
    ended = run({"Task": task(Retry=[RETRY])}, answer=fails("Busy", "still"))
    assert (ended.status, ended.error, ended.cause) == ("FAILED", "Busy", "still")
    assert ended.clock - START == 2 + 4 + 8 + 16 + 20 + 20
    assert ended.retries == [("Task", "Busy")] * 6


def test_a_retry_that_helps_leaves_no_trace_in_the_result() -> None:
    ended = run({"Task": task(Retry=[RETRY])}, answer=answers(StateError("Busy"), {"a": 1}))
    assert (ended.output, len(ended.retries)) == ({"a": 1}, 1)


def test_another_error_is_not_tried_again() -> None:
    assert run({"Task": task(Retry=[RETRY])}, answer=fails("Broken")).retries == []


def test_every_block_counts_its_own_retries() -> None:
    blocks = [{"ErrorEquals": ["A"], "MaxAttempts": 1}, {"ErrorEquals": ["B"], "MaxAttempts": 1}]
    ended = run({"Task": task(Retry=blocks)}, answer=answers(StateError("A"), StateError("B"), 1))
    assert ended.output == 1


def test_three_tries_after_the_first_is_what_no_number_means() -> None:
    assert len(run({"Task": task(Retry=[{"ErrorEquals": ["Busy"]}])}, answer=fails("Busy")).calls) == 4


# ---- catch


def catching(*errors: str, **fields: Any) -> dict[str, Any]:
    block = {"ErrorEquals": list(errors), "Next": "Caught", **fields}
    return {"Task": task(Catch=[block]), "Caught": CAUGHT}


@pytest.mark.parametrize(
    "error", ["OperationError", "States.Timeout", "States.TaskFailed", "States.QueryEvaluationError"]
)
def test_all_catches_what_a_task_fails_with(error: str) -> None:
    assert run(catching("States.ALL"), answer=fails(error)).output == "caught"


@pytest.mark.parametrize("error", ["States.Runtime", "States.DataLimitExceeded"])
def test_all_does_not_catch_what_is_no_failure_of_a_task(error: str) -> None:
    assert run(catching("States.ALL"), answer=fails(error)).error == error


@pytest.mark.parametrize(("error", "status"), [("Any", "SUCCEEDED"), ("States.Timeout", "FAILED")])
def test_task_failed_catches_everything_but_a_time_out(error: str, status: str) -> None:
    assert run(catching("States.TaskFailed"), answer=fails(error)).status == status


def test_the_first_block_that_names_the_error_catches_it() -> None:
    blocks = [{"ErrorEquals": ["Known"], "Next": "End"}, {"ErrorEquals": ["States.ALL"], "Next": "Caught"}]
    states = {"Task": task(Catch=blocks), "Caught": CAUGHT, "End": END}
    assert run(states, answer=fails("Known")).path[-1] == "End"
    assert run(states, answer=fails("Other")).path[-1] == "Caught"


def test_a_catch_hands_on_error_and_cause_unless_it_says_otherwise() -> None:
    states = {"Task": task(Catch=[{"ErrorEquals": ["States.ALL"], "Next": "End"}]), "End": END}
    assert run(states, 1, fails("E", "why")).output == {"Error": "E", "Cause": "why"}
    assigning: dict[str, Any] = {"ErrorEquals": ["States.ALL"], "Next": "End", "Output": "{% $states.input %}"}
    assigning |= {"Assign": {"failure": "{% $states.errorOutput.Cause %}"}}
    states = {"Task": task(Catch=[assigning]), "End": END | {"Output": ["{% $states.input %}", "{% $failure %}"]}}
    assert run(states, 1, fails("E", "why")).output == [1, "why"]


def test_a_catch_that_cannot_be_evaluated_fails_the_execution() -> None:
    states = catching("States.ALL", Output="{% $states.absent %}")
    assert run(states, answer=fails("E")).error == "States.QueryEvaluationError"


def test_retries_come_before_the_catch() -> None:
    states = {"Task": task(Retry=[RETRY], Catch=[{"ErrorEquals": ["States.ALL"], "Next": "Caught"}]), "Caught": CAUGHT}
    ended = run(states, answer=fails("Busy"))
    assert (ended.output, len(ended.retries)) == ("caught", 6)


@pytest.mark.parametrize("field", ["Arguments", "Output", "Assign"])
def test_an_expression_of_a_task_that_fails_is_caught(field: str) -> None:
    value = {"x": "{% $states.absent %}"}
    states = {
        "Task": task(Catch=[{"ErrorEquals": ["States.ALL"], "Next": "Caught"}], **{field: value}),
        "Caught": CAUGHT,
    }
    assert run(states, {}, answers({})).output == "caught"


def test_an_expression_of_a_pass_state_that_fails_is_not() -> None:
    assert run({"Pass": END | {"Output": "{% $states.absent %}"}}, {}).error == "States.QueryEvaluationError"


# ---- time and size


def test_a_task_that_takes_longer_than_it_may_times_out_without_a_cause() -> None:
    late = answers(Lasting(91, lambda _: "late"))
    ended = run({"Task": task(TimeoutSeconds=90)}, answer=late)
    assert (ended.error, ended.cause, ended.clock - START) == ("States.Timeout", "", 90)


def test_a_task_that_takes_its_time_is_answered_at_its_end() -> None:
    ended = run({"Task": task(TimeoutSeconds=90)}, answer=answers(Lasting(30, lambda now: now - START)))
    assert (ended.output, ended.calls[0].until - ended.calls[0].at) == (30, 30)


def test_a_machine_s_time_ends_it_and_no_catch_sees_it() -> None:
    states = {"Wait": {"Type": "Wait", "Seconds": 50, "Next": "Task"}, **catching("States.ALL")}
    ended = run(states, {}, answers(Lasting(60, lambda _: 1)), TimeoutSeconds=100)
    assert (ended.status, ended.error, ended.clock - START) == ("TIMED_OUT", "States.Timeout", 100)


def test_a_machine_that_goes_round_for_ever_ends_with_its_history() -> None:
    ended = run({"Round": {"Type": "Pass", "Next": "Again"}, "Again": {"Type": "Pass", "Next": "Round"}})
    assert (ended.status, ended.error) == ("FAILED", "States.Runtime")
    assert 25_000 < ended.events < 25_010


@pytest.mark.parametrize("field", ["Output", "Assign", "Arguments"])
def test_more_than_a_state_can_carry_ends_the_execution(field: str) -> None:
    states = {"Task": task(Catch=[{"ErrorEquals": ["States.ALL"], "Next": "Caught"}]), "Caught": CAUGHT}
    states["Task"][field] = {"much": "x" * LIMIT}
    assert run(states, answer=answers(1)).error == "States.DataLimitExceeded"


def test_the_largest_value_is_remembered() -> None:
    ended = run({"Pass": {"Type": "Pass", "Assign": {"a": "x" * 1_000}, "Next": "End"}, "End": END})
    assert 1_000 < ended.largest < 1_100


# ---- parallel and map


def side_by_side(*branches: dict[str, Any], **fields: Any) -> dict[str, Any]:
    blocks = [{"StartAt": next(iter(states)), "States": states} for states in branches]
    return {"Type": "Parallel", "Branches": blocks, "End": True} | fields


def by_name(**results: Any) -> Any:
    def answer(name: str, _arguments: Any) -> Any:
        return results[name]

    return answer


def after(seconds: float, result: Any) -> Lasting:
    def end(_now: float) -> Any:
        if isinstance(result, StateError):
            raise result
        return result

    return Lasting(seconds, end)


def test_branches_run_side_by_side_and_answer_in_their_order() -> None:
    ended = run({"Both": side_by_side({"A": task()}, {"B": task()})}, 1, by_name(A=after(60, "a"), B=after(5, "b")))
    assert (ended.output, ended.clock - START) == (["a", "b"], 60)


def test_a_branch_sees_the_variables_around_it_and_keeps_its_own() -> None:
    inner = {"In": END | {"Assign": {"own": "{% $outer + 1 %}"}, "Output": "{% $outer %}"}}
    states = {
        "Begin": {"Type": "Pass", "Assign": {"outer": 1}, "Next": "Both"},
        "Both": side_by_side(inner, inner, Next="After"),
        "After": END | {"Output": ["{% $states.input %}", "{% $exists($own) %}"]},
    }
    del states["Both"]["End"]
    assert run(states).output == [[1, 1], False]


def test_the_first_branch_that_fails_stops_the_others_and_names_the_error() -> None:
    branches = ({"A": task()}, {"B": task(Next="C", End=False), "C": task()})
    both = side_by_side(*branches, Catch=[{"ErrorEquals": ["States.ALL"], "Next": "End"}])
    results = {"A": after(60, StateError("Broken", "why")), "B": after(10, 1), "C": after(100, 1)}
    for state in both["Branches"][1]["States"].values():
        if state["End"] is False:
            del state["End"]
    ended = run({"Both": both, "End": END}, 1, by_name(**results))
    assert ended.output == {"Error": "Broken", "Cause": "why"}
    assert (ended.stopped, ended.clock - START) == (["C"], 60)


def test_what_a_stopped_branch_would_have_done_later_has_not_happened() -> None:
    later = {"Wait": {"Type": "Wait", "Seconds": 100, "Next": "Late"}, "Late": task()}
    ended = run({"Both": side_by_side({"A": task()}, later)}, 1, by_name(A=after(60, StateError("E")), Late=1))
    assert ended.path == ["Both", "A", "Wait"]
    assert [call.name for call in ended.calls] == ["A"]


def test_an_item_selector_says_what_each_item_is_given() -> None:
    mapped = {
        "Type": "Map",
        "Items": "{% $states.input.names %}",
        "ItemSelector": {
            "name": "{% $states.context.Map.Item.Value %}",
            "number": "{% $states.context.Map.Item.Index %}",
            "cluster": "{% $states.input.cluster %}",
        },
        "ItemProcessor": {"StartAt": "Item", "States": {"Item": END}},
        "End": True,
    }
    expected = [{"name": "a", "number": 0, "cluster": "c"}, {"name": "b", "number": 1, "cluster": "c"}]
    assert run({"Map": mapped}, {"names": ["a", "b"], "cluster": "c"}).output == expected


def test_without_an_item_selector_an_iteration_is_given_its_item() -> None:
    mapped = {"Type": "Map", "Items": "{% $states.input %}", "End": True}
    mapped |= {"ItemProcessor": {"StartAt": "Item", "States": {"Item": END | {"Output": "{% $states.input * 2 %}"}}}}
    assert run({"Map": mapped}, [1, 2]).output == [2, 4]
    assert run({"Map": mapped}, []).output == []
