"""Which variables are submitted with a job?"""

from __future__ import annotations

import pytest

from shoal_cli.jobs.environment import LONGEST, read

SHELL = {"HOME": "/home/a", "PATH": "/bin", "DATA": "/data", "OMP_NUM_THREADS": "4", "AWS_PROFILE": "x", "EMPTY": ""}


def test_named_variables_are_exported_with_the_shells_values() -> None:
    found = read(["DATA, OMP_NUM_THREADS", "EMPTY"], None, SHELL)
    assert (found.variables, found.problems) == ({"DATA": "/data", "OMP_NUM_THREADS": "4", "EMPTY": ""}, ())


def test_a_value_of_its_own_is_taken_whole_with_its_commas_and_signs() -> None:
    assert read(["LEVELS=1,2=3", "DATA"], None, SHELL).variables == {"LEVELS": "1,2=3", "DATA": "/data"}


def test_all_leaves_out_the_blacklist_and_what_is_reserved() -> None:
    shell = {**SHELL, "BASH_FUNC_f%%": "() { :; }", "UID": "0", "PCLUSTER_X": "1", "SHOAL_CLUSTER": "g", "_": "/bin/x"}
    assert set(read(["all"], None, shell).variables) == {"DATA", "OMP_NUM_THREADS", "EMPTY"}


def test_a_blacklist_of_ones_own_takes_the_place_of_the_usual_one() -> None:
    assert set(read(["all"], "DATA, EMPTY", SHELL).variables) == {"HOME", "PATH", "OMP_NUM_THREADS"}


def test_what_is_named_is_exported_though_it_is_on_the_blacklist() -> None:
    assert read(["all", "PATH"], None, SHELL).variables["PATH"] == "/bin"


@pytest.mark.parametrize(
    ("asked", "problem"),
    [
        ("NOPE", "--env NOPE is not set here; set it, or write --env NOPE=value"),
        ("AWS_PROFILE", "--env AWS_PROFILE is set by Batch, the cluster or bash itself; leave it out"),
        ("aws_batch_x=1", "--env aws_batch_x is set by Batch, the cluster or bash itself; leave it out"),
        ("SHOAL_JOB_S3_URL=x", "--env SHOAL_JOB_S3_URL is set by Batch, the cluster or bash itself; leave it out"),
        ("UID=3", "--env UID is set by Batch, the cluster or bash itself; leave it out"),
        ("1X=3", "--env 1X is no name of a variable; write letters, digits and underscores"),
        ("DATA,", "--env (nothing) is no name of a variable; write letters, digits and underscores"),
        ("=3", "--env (nothing) is no name of a variable; write letters, digits and underscores"),
    ],
)
def test_what_cannot_be_exported_is_named(asked: str, problem: str) -> None:
    assert read([asked], None, SHELL).problems == (problem,)


def test_a_blacklist_without_all_is_refused() -> None:
    problems = read(["DATA"], "HOME", SHELL).problems
    assert problems == ("--env-blacklist leaves variables out of --env all; write that as well",)


@pytest.mark.parametrize(("length", "fits"), [(LONGEST - len("BIG=") - 1, True), (LONGEST - len("BIG="), False)])
def test_a_variable_that_no_program_could_be_started_with_is_refused(length: int, fits: bool) -> None:
    assert (read(["BIG"], None, {"BIG": "x" * length}).problems == ()) is fits


def test_how_long_nodes_wait_for_each_other_may_be_said() -> None:
    assert read(["SHOAL_NODES_TIMEOUT=30"], None, {}).problems == ()
