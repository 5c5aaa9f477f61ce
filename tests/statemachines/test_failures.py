"""What does a machine do when one of its Tasks fails: once, for ever, or together with the failure path?

Tasks and their retried errors are read from the files, so a new Task is tested, or fails for want of a scenario.
"""

from __future__ import annotations

import pytest

from tests.statemachines import checks
from tests.statemachines.checks import Subject
from tests.statemachines.scenario import Fault
from tests.statemachines.scenarios import paths
from tests.support import definitions
from tests.support.execution import StateError

SUBJECTS = {machine: Subject.of(machine) for machine in definitions.NAMES}
TASKS = [(machine, task) for machine, subject in SUBJECTS.items() for task in definitions.tasks(subject.definition)]
every_task = pytest.mark.parametrize(("machine", "task"), TASKS)


@every_task
def test_a_task_is_entered_by_a_scenario(machine: str, task: str) -> None:
    assert next(SUBJECTS[machine].entering(task), None)


@every_task
def test_an_error_that_passes_costs_one_retry_and_changes_nothing(machine: str, task: str) -> None:
    assert not list(checks.passing_error_problems(SUBJECTS[machine], task))


@every_task
def test_an_error_that_never_passes_is_given_up_after_seven_tries(machine: str, task: str) -> None:
    assert not list(checks.endless_error_problems(SUBJECTS[machine], task))


@every_task
def test_any_other_error_fails_the_machine_by_its_failure_path(machine: str, task: str) -> None:
    assert not list(checks.lasting_error_problems(SUBJECTS[machine], task))


@every_task
def test_a_task_without_an_answer_fails_the_machine_before_its_own_time_is_over(machine: str, task: str) -> None:
    assert not list(checks.hanging_problems(SUBJECTS[machine], task))


@every_task
def test_a_failure_path_that_fails_still_fails_the_machine_and_undoes_what_was_done(machine: str, task: str) -> None:
    assert not list(checks.double_failure_problems(SUBJECTS[machine], task))


@pytest.mark.parametrize("machine", definitions.NAMES)
def test_a_task_whose_failure_is_survived_really_is(machine: str) -> None:
    subject = SUBJECTS[machine]
    for task in paths(machine).survives:
        ends = [
            subject.run(scenario, Fault(task, StateError("States.TaskFailed", "{}"))).status
            for scenario, usual in subject.entering(task)
            if usual.status == "SUCCEEDED"
        ]
        assert "SUCCEEDED" in ends


@pytest.mark.parametrize("machine", definitions.NAMES)
def test_failure_paths_name_states_that_there_are(machine: str) -> None:
    way, known = paths(machine), {name for name, _ in definitions.states(SUBJECTS[machine].definition)}
    named = {
        *way.usual,
        *way.others,
        *way.survives,
        *way.tolerated,
        *(name for after in way.others.values() for name in after),
    }
    assert named <= known
    assert way.compensation is None or way.compensation in known
