"""Does a job of one node start, run and end as it should?"""

from __future__ import annotations

import signal
import sys

import pytest

from tests.support.polling import until
from tests.unit.entry_point.conftest import Container

URL = "s3://bucket/jobs/job-1/"


def test_a_job_starts_in_a_folder_of_its_own(container: Container) -> None:
    done = container.run("pwd", AWS_BATCH_JOB_ID="6f6d-1:3")
    assert done.stdout == f"{container.home}/6f6d-1:3\n"


def test_a_job_may_name_its_folder(container: Container) -> None:
    assert container.run("pwd", SHOAL_WORKDIR=f"{container.home}/a b").stdout == f"{container.home}/a b\n"


def test_a_folder_that_cannot_be_made_ends_the_job_in_one_line(container: Container) -> None:
    done = container.run("pwd", SHOAL_WORKDIR="/proc/here")
    assert done.returncode == 126
    assert done.stderr == "shoal-job: /proc/here: No such file or directory\n"


def test_the_command_that_aws_batch_client_submits_runs(container: Container) -> None:
    command = "mkdir -p job-$AWS_BATCH_JOB_ID && cd job-$AWS_BATCH_JOB_ID && echo 'a  b' > out && cat out"
    assert container.run("/bin/bash", "-c", command, AWS_BATCH_JOB_ID="1").stdout == "a  b\n"


def test_arguments_arrive_as_they_were_given(container: Container) -> None:
    assert container.run("printf", "[%s]", "a b", "", "*").stdout == "[a b][][*]"


def test_the_exit_code_of_the_command_is_the_jobs(container: Container) -> None:
    assert container.run("bash", "-c", "exit 42").returncode == 42


def test_a_command_that_a_signal_ended_is_told_as_a_shell_does(container: Container) -> None:
    assert container.run("bash", "-c", "kill -SEGV $$").returncode == 128 + signal.SIGSEGV


def test_a_job_without_a_command_says_so(container: Container) -> None:
    done = container.run()
    assert done.returncode == 64
    assert done.stderr == "shoal-job: the job has no command; submit it with one\n"


def test_a_program_that_is_not_there_is_named(container: Container) -> None:
    done = container.run("no-such-program")
    assert done.returncode == 127
    assert done.stderr == "shoal-job: no-such-program: the image has no such program\n"


def test_a_file_that_is_no_program_is_named(container: Container) -> None:
    done = container.run("/etc/passwd")
    assert done.returncode == 126
    assert done.stderr == "shoal-job: /etc/passwd cannot be run: Permission denied\n"


def test_the_jobs_files_are_fetched_and_its_launcher_runs_in_place_of_the_command(container: Container) -> None:
    container.put("jobs/job-1/launch.sh", 'echo "$GREETING"; cat data/input; exit 3')
    container.put("jobs/job-1/data/input", "42\n")

    done = container.run("/bin/bash", "-c", "echo fallback", SHOAL_JOB_S3_URL=URL, GREETING="a  b")

    assert (done.stdout, done.returncode) == ("a  b\n42\n", 3)


def test_files_that_s3_refuses_are_told_in_one_line(container: Container) -> None:
    done = container.run(SHOAL_JOB_S3_URL=URL, FOLDER_S3_REFUSES="An error occurred (AccessDenied): Access Denied")

    assert done.returncode == 66
    assert done.stderr == (
        f"shoal-job: {URL} cannot be read: fatal error: An error occurred (AccessDenied): Access Denied\n"
    )


def test_a_folder_without_a_launcher_is_named(container: Container) -> None:
    done = container.run(SHOAL_JOB_S3_URL=URL)

    assert done.returncode == 66
    assert done.stderr == f"shoal-job: {URL} holds no launch.sh: has the job's folder been removed?\n"


def test_an_image_without_the_aws_command_says_so(container: Container) -> None:
    (container.programs / "aws").unlink()
    done = container.run(SHOAL_JOB_S3_URL=URL, PATH=f"{container.programs}:/usr/bin:/bin")

    assert done.returncode == 126
    assert "the image has no `aws` command" in done.stderr


WAITER = f"""#!{sys.executable}
import os, signal, sys

def told(number, _):
    os.write(1, b"told\\n")
    sys.exit(7)

for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1):
    signal.signal(number, told)
os.write(1, b"ready\\n")
signal.pause()
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGUSR1])
def test_a_signal_reaches_the_programs_that_the_command_started(container: Container, number: signal.Signals) -> None:
    container.program("waiter", WAITER)
    job = container.start("bash", "-c", "trap '' TERM INT USR1; waiter; exit $?")
    assert job.stdout
    assert job.stdout.readline() == "ready\n"

    job.send_signal(number)

    assert job.communicate(timeout=30)[0] == "told\n"
    assert job.returncode == 7


def test_a_signal_before_the_command_runs_ends_the_job(container: Container) -> None:
    started = container.home / "started"
    container.program("aws", f"#!/bin/sh\ntouch {started}\nexec tail -f /dev/null\n")
    job = container.start(SHOAL_JOB_S3_URL=URL)
    until(started.exists)

    job.terminate()

    assert job.communicate(timeout=30)[1] == "shoal-job: ended by SIGTERM\n"
    assert job.returncode == 128 + signal.SIGTERM


def test_open_mpi_starts_as_many_processes_as_the_job_has_vcpus(container: Container) -> None:
    done = container.run("bash", "-c", 'cat "$OMPI_MCA_orte_default_hostfile"', SHOAL_SLOTS="4")
    assert done.stdout == "localhost slots=4\n"


def test_what_the_user_says_to_open_mpi_wins(container: Container) -> None:
    variables = {"OMPI_MCA_orte_default_hostfile": "/shared/machines"}
    assert container.run("printenv", *variables, **variables).stdout == "/shared/machines\n"


def test_a_job_of_one_node_runs_without_a_machine_file_where_none_can_be_written(container: Container) -> None:
    (container.home / "hostfile").mkdir()
    assert container.run("echo", "hello").stdout == "hello\n"


def test_slots_that_are_no_number_are_refused(container: Container) -> None:
    done = container.run("true", SHOAL_SLOTS="many")
    assert (done.returncode, done.stderr) == (
        78,
        "shoal-job: the variable SHOAL_SLOTS is 'many'; write a whole number from 1\n",
    )


def test_variables_for_a_jobs_own_python_do_not_reach_the_entry_point(container: Container) -> None:
    done = container.run("printenv", "PYTHONHOME", PYTHONHOME="/nowhere")
    assert done.stdout == "/nowhere\n"
