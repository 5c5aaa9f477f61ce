"""Every state machine obeys the rules of the house; the rules are derived from the files, so no state can miss them."""

from __future__ import annotations

import json
import re
import subprocess
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import pytest

from shoal import errors
from tests.support import definitions
from tools.documentation import machines

ROOT = Path(__file__).resolve().parents[2]
MACHINES = definitions.NAMES
STATES = [(machine, name) for machine in MACHINES for name, _ in definitions.states(definitions.definition(machine))]
TASKS = [(machine, name) for machine in MACHINES for name in definitions.tasks(definitions.definition(machine))]
LAMBDA_RETRY = {
    "ErrorEquals": [
        "RetryableError",
        "Lambda.ServiceException",
        "Lambda.AWSLambdaException",
        "Lambda.SdkClientException",
        "Lambda.TooManyRequestsException",
        "Lambda.ClientExecutionTimeoutException",
    ],
    "IntervalSeconds": 2,
    "BackoffRate": 2,
    "MaxAttempts": 6,
    "MaxDelaySeconds": 60,
    "JitterStrategy": "FULL",
}
CATCH = {
    "ErrorEquals": ["States.ALL"],
    "Assign": {
        "failure": {
            "state": "{% $states.context.State.Name %}",
            "error": "{% $states.errorOutput.Error %}",
            "cause": "{% $states.errorOutput.Cause %}",
        }
    },
    "Output": "{% $states.input %}",
}


RECORDER = "Explain Failure"
"""Writes the root cause down; what it fails with itself is all that can be said."""


def covered_by_a_branch(machine: str, name: str) -> bool:
    """Whether a task stands in a Parallel or Map state that catches for it."""
    for _, outer in definitions.states(definitions.definition(machine)):
        branches = [*outer.get("Branches", []), *([outer["ItemProcessor"]] if "ItemProcessor" in outer else [])]
        if any(name in branch["States"] for branch in branches):
            return bool(outer.get("Catch"))
    return False


UNDOING = ("create_cluster", "Roll Back")
"""Why the create failed stays the failure when undoing it fails as well."""
CATCHING = [(m, n) for m, n in TASKS if n != RECORDER and (m, n) != UNDOING and not covered_by_a_branch(m, n)]


def state(machine: str, name: str) -> dict[str, Any]:
    return dict(definitions.states(definitions.definition(machine)))[name]


@pytest.mark.parametrize("machine", MACHINES)
def test_a_definition_is_json_before_its_substitutions_are_filled_in(machine: str) -> None:
    assert isinstance(json.loads(definitions.text(machine)), dict)


@pytest.mark.parametrize("machine", MACHINES)
def test_a_machine_says_what_it_does_in_which_language_and_for_how_long(machine: str) -> None:
    definition = definitions.definition(machine)
    assert list(definition) == ["Comment", "QueryLanguage", "TimeoutSeconds", "StartAt", "States"]
    assert definition["QueryLanguage"] == "JSONata"
    assert "{" in definition["Comment"], "the comment has an input to paste"


@pytest.mark.parametrize("machine", MACHINES)
def test_a_machine_is_small_enough_to_be_read(machine: str) -> None:
    assert len(definitions.definition(machine)["States"]) <= 15


@pytest.mark.parametrize("machine", MACHINES)
def test_the_validator_finds_nothing_in_a_machine(machine: str, tmp_path: Path) -> None:
    rendered = tmp_path / f"{machine}.json"
    rendered.write_text(json.dumps(definitions.definition(machine)))
    validator = ROOT / ".tools/node/node_modules/.bin/asl-validator"
    done = subprocess.run([validator, "--json-path", rendered], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(("machine", "name"), STATES)
def test_a_state_says_why_it_is_there(machine: str, name: str) -> None:
    comment = state(machine, name).get("Comment", "")
    assert len(comment.split()) >= 4
    assert "\n" not in comment


@pytest.mark.parametrize(("machine", "name"), STATES)
def test_a_state_is_named_in_title_case_and_a_choice_asks(machine: str, name: str) -> None:
    assert re.fullmatch(r"[A-Z0-9][\w']*( [A-Z0-9][\w']*)*\??", name)
    assert name.endswith("?") == (state(machine, name)["Type"] == "Choice")


@pytest.mark.parametrize(("machine", "name"), TASKS)
def test_a_task_has_a_timeout_in_seconds(machine: str, name: str) -> None:
    assert isinstance(state(machine, name)["TimeoutSeconds"], int)


@pytest.mark.parametrize(("machine", "name"), TASKS)
def test_a_task_is_tried_again_after_named_errors_with_a_cap_and_jitter(machine: str, name: str) -> None:
    task = state(machine, name)
    (retry,) = task["Retry"]
    named = retry["ErrorEquals"]
    assert named
    assert not set(named) & {"States.ALL", "States.TaskFailed"}
    assert {**retry, "ErrorEquals": []} == {**LAMBDA_RETRY, "ErrorEquals": []}
    if task["Resource"].endswith("lambda:invoke"):
        assert retry == LAMBDA_RETRY


@pytest.mark.parametrize(("machine", "name"), CATCHING)
def test_whatever_else_a_task_fails_with_is_caught_and_remembered(machine: str, name: str) -> None:
    *narrow, last = state(machine, name)["Catch"]
    assert {key: value for key, value in last.items() if key != "Next"} == CATCH
    assert all("States.ALL" not in block["ErrorEquals"] for block in narrow)


def test_what_undoes_a_create_catches_everything_and_keeps_the_cause() -> None:
    (block,) = state(*UNDOING)["Catch"]
    assert block["ErrorEquals"] == ["States.ALL"]
    assert block["Assign"]["failure"]["error"] == "{% $failure.error %}"
    assert block["Assign"]["failure"]["cause"].startswith("{% $failure.cause & ")


@pytest.mark.parametrize(("machine", "name"), TASKS)
def test_a_task_keeps_the_input_for_the_states_after_it(machine: str, name: str) -> None:
    task = state(machine, name)
    ends = task.get("End", False)
    followed_by_the_end = task.get("Next") and state(machine, task["Next"])["Type"] in {"Succeed", "Choice"}
    assert ends or task.get("Output") == "{% $states.input %}" or followed_by_the_end


@pytest.mark.parametrize("machine", MACHINES)
def test_retry_and_catch_blocks_stand_on_one_line_each(machine: str) -> None:
    lines = definitions.text(machine).splitlines()
    blocks = [line for line in lines if re.match(r'\s+"(Retry|Catch)": ', line)]
    assert blocks
    assert all(re.search(r"\}\],?$", line) for line in blocks)


def test_machines_name_one_error_of_our_own() -> None:
    ours = {name for name, value in vars(errors).items() if isinstance(value, type) and issubclass(value, Exception)}
    named = {
        error
        for machine, name in TASKS
        for block in [*state(machine, name)["Retry"], *state(machine, name).get("Catch", [])]
        for error in block["ErrorEquals"]
        if "." not in error
    }
    assert named == {"RetryableError"}
    assert named <= ours


@pytest.mark.parametrize("machine", MACHINES)
def test_every_failure_ends_in_a_fail_state_that_says_why(machine: str) -> None:
    fails = [item for _, item in definitions.states(definitions.definition(machine)) if item["Type"] == "Fail"]
    assert fails
    assert all(item.get("Error") and item.get("Cause") for item in fails)


COUNTED = {
    ("build_image", "What Became Of It?"): "once for each image",
    ("update_cluster", "What Next?"): "one change set, one round of builds",
    ("delete_cluster", "Empty Next Store"): "once for each store that was found",
    ("delete_cluster", "Try Once More?"): "one second lap",
}
"""States that lead back without a wait, and what bounds them."""


@pytest.mark.parametrize("machine", MACHINES)
def test_a_machine_goes_round_only_by_waiting_or_by_counting(machine: str) -> None:
    blocks = [definitions.definition(machine)]
    blocks += [branch for _, outer in definitions.states(blocks[0]) for branch in outer.get("Branches", [])]
    for block in blocks:
        graph = {
            name: set(following(item)) if item["Type"] != "Wait" and (machine, name) not in COUNTED else set()
            for name, item in block["States"].items()
        }
        TopologicalSorter(graph).prepare()  # fails when there is a circle


def following(item: dict[str, Any]) -> list[str]:
    """The states that a state leads to."""
    ways = [item, *item.get("Choices", []), *item.get("Catch", [])]
    return [way[key] for way in ways for key in ("Next", "Default") if key in way]


def test_the_documentation_draws_every_machine() -> None:
    assert set(machines.ORDER) == set(MACHINES)


@pytest.mark.parametrize(("machine", "name"), TASKS)
def test_an_expression_is_one_line_and_defines_no_function(machine: str, name: str) -> None:
    written = json.dumps(state(machine, name))
    assert "function(" not in written
    assert "\\n" not in written
