"""`shoal job ...`, `shoal queues` and `shoal hosts` as a user runs them, in moto's account."""

from __future__ import annotations

import io
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from shoal_cli.jobs.cluster import CLIENT_FILE
from tests.support.command_line import Ended, Shoal, command
from tests.support.job_cluster import bucket, log_group, make_stack

BUCKET = bucket("genomics")
UNKNOWN = "01234567-89ab-cdef-0123-456789abcdef"
SCRIPT = "#!/bin/sh\necho hello\n"
FOLDER = r"s3://shoal-genomics-1/jobs/job-[A-Za-z0-9_-]+-\d{8}T\d{6}-[0-9a-f]{8}/"


class Terminal(io.StringIO):
    """Standard input of somebody who sits there."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(scope="module", autouse=True)
def cluster() -> Iterator[None]:
    """Moto's account with a cluster `genomics`, and one of another kind; every test has jobs of its own there."""
    with pytest.MonkeyPatch.context() as environment, mock_aws(config={"batch": {"use_docker": False}}):
        for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "SHOAL_PREFIX"):
            environment.delenv(name, raising=False)
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SECURITY_TOKEN"):
            environment.setenv(name, "testing")
        environment.setenv("AWS_DEFAULT_REGION", "us-east-1")
        make_stack("genomics", "main", "spot")
        make_stack("nodes", kind="slurm")
        yield


@pytest.fixture
def shoal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Shoal:
    """The command, of somebody at a terminal in a folder with a script."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("SHOAL_CLUSTER", "genomics")
    monkeypatch.setattr(sys, "stdin", Terminal())
    (tmp_path / "run.sh").write_text(SCRIPT)
    for key in stored():
        boto3.client("s3").delete_object(Bucket=BUCKET, Key=key)
    return command(monkeypatch, capsys)


def submitted(ended: Ended) -> dict[str, Any]:
    """What a submission answered, which must have worked."""
    assert (ended.code, ended.err) == (0, "")
    answer: dict[str, Any] = json.loads(ended.out)
    return answer


def submit(shoal: Shoal, *arguments: str) -> str:
    """Submit a job; its id."""
    return str(submitted(shoal("job", "submit", "--output", "json", *arguments))["jobId"])


def described(job_id: str) -> dict[str, Any]:
    job: dict[str, Any] = dict(boto3.client("batch").describe_jobs(jobs=[job_id])["jobs"][0])
    return job


def stored() -> dict[str, bytes]:
    """Everything in the cluster's bucket."""
    s3 = boto3.client("s3")
    keys = [item["Key"] for item in s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])]
    return {key: s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() for key in keys}


def test_a_command_is_submitted_to_the_first_queue_and_nothing_is_uploaded(shoal: Shoal) -> None:
    answer = submitted(shoal("job", "submit", "--output", "json", "echo", "-n", "hello"))
    assert answer["queue"] == "main"
    assert answer["jobName"] == "echo"
    assert described(answer["jobId"])["container"]["command"] == ["echo", "-n", "hello"]
    assert stored() == {}


def test_a_script_goes_to_a_folder_of_its_own_with_its_inputs_and_its_launcher(shoal: Shoal, tmp_path: Path) -> None:
    (tmp_path / "data.csv").write_text("1,2\n")
    written = ("-cf", "-if", "data.csv", "-e", "A=it's", "--queue", "spot", "--output", "json", "run.sh", "a b")
    answer = submitted(shoal("job", "submit", *written))
    assert re.fullmatch(FOLDER, answer["files"])
    folder = answer["files"].removeprefix(f"s3://{BUCKET}/")
    launcher = stored()[f"{folder}launch.sh"].decode()
    assert stored() == {
        f"{folder}run.sh": SCRIPT.encode(),
        f"{folder}data.csv": b"1,2\n",
        f"{folder}launch.sh": launcher.encode(),
    }
    assert """export A='it'"'"'s'""" in launcher
    assert launcher.endswith("""exec "$files"/run.sh 'a b'\n""")
    assert answer["queue"] == "spot"
    variables = {item["name"]: item["value"] for item in described(answer["jobId"])["container"]["environment"]}
    assert variables["SHOAL_JOB_S3_URL"] == variables["PCLUSTER_JOB_S3_URL"] == answer["files"]


@pytest.mark.parametrize("words", [(), ("-", "first", "second")])
def test_a_script_may_come_by_standard_input(
    shoal: Shoal, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(SCRIPT.encode())))
    answer = submitted(shoal("job", "submit", "--output", "json", *words))
    found = {key.rpartition("/")[2]: body for key, body in stored().items()}
    assert answer["jobName"] == "STDIN"
    assert found["STDIN.sh"] == SCRIPT.encode()
    assert found["launch.sh"].decode().endswith(" ".join(['exec "$files"/STDIN.sh', *words[1:]]) + "\n")


def test_standard_input_is_left_alone_when_there_is_a_command(shoal: Shoal, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting = io.TextIOWrapper(io.BytesIO(b"for the next program"))
    monkeypatch.setattr(sys, "stdin", waiting)
    submitted(shoal("job", "submit", "--output", "json", "ls"))
    assert waiting.read() == "for the next program"


def test_a_dry_run_shows_the_request_and_submits_nothing(shoal: Shoal) -> None:
    answer = json.loads(shoal("job", "submit", "--dry-run", "-jn", "dry", "-a", "3", "-t", "60", "-cf", "run.sh").out)
    assert answer["request"]["arrayProperties"] == {"size": 3}
    assert answer["files"] == ["launch.sh", "run.sh"]
    assert answer["launch.sh"].startswith("#!/bin/bash\n")
    assert stored() == {}
    assert f'"{answer["request"]["jobName"]}"' not in shoal("job", "list", "-s", "ALL", "--output", "json").out


def test_all_that_is_wrong_is_told_at_once_and_nothing_is_sent(shoal: Shoal, tmp_path: Path) -> None:
    (tmp_path / "launch.sh").write_text("mine")
    wrong = ["-jn", "a b", "-a", "1", "-m", "1", "-e", "NOPE_NOPE", "-if", "none.txt", "-if", str(tmp_path)]
    wrong += ["-if", "launch.sh", "-d", "x", "-w", "a", "-pw", "b", "--queue", "gpu", "--follow", "-cf", "gone.sh"]
    ended = shoal("job", "submit", *wrong)
    assert ended.code == 2
    assert ended.err.splitlines() == [
        "--command-file gone.sh cannot be read: No such file or directory",
        "--env NOPE_NOPE is not set here; set it, or write --env NOPE_NOPE=value",
        "--input-file none.txt is not there; write the path of a file",
        f"--input-file {tmp_path} is a directory; pack it into one file, with tar for example",
        "--input-file launch.sh would lie on another file launch.sh in the job's folder; rename it",
        "--follow shows the output of one job as text; for an array or for programs write --wait",
        "--depends-on x is no id of a job; write a job id, or jobId=ID,type=N_TO_N, several separated by `;`",
        "--job-name a b is no name of a job; write a letter or digit, and at most 127 letters, digits, hyphens and"
        " underscores after it",
        "--array-size 1 is out of range; write 2 to 10000",
        "--memory 1 is out of range; write at least 4",
        "--working-dir and --parent-working-dir exclude each other; write one of them",
        "--queue gpu is not a queue of genomics; write one of main, spot",
    ]
    assert stored() == {}


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ((), "COMMAND is missing; write a command, --command-file FILE, or send a script by standard input"),
        (("-cf", "empty.sh"), "the script empty.sh is empty; write what the job is to run"),
        (("-cf", "launch.sh"), "the script launch.sh has the name of the job's own launcher; rename it"),
        (("-cf", "."), "--command-file . cannot be read: Is a directory"),
        (("-n", "9", "ls"), "--nodes 9 is more than --queue main can have; write at most 8 of 1 vCPUs"),
        (("-n", "2", "--queue", "spot", "ls"), "Batch runs no multi-node jobs on Spot instances"),
        (("-d", UNKNOWN, "ls"), f"--depends-on {UNKNOWN} is unknown to Batch, which forgets jobs a week after"),
        (("-if", "run.sh", "-if", "run.sh", "ls"), "--input-file run.sh would lie on another file run.sh"),
        (("-c", "other", "ls"), "there is no cluster other in us-east-1; see `shoal list`"),
    ],
)
def test_a_job_that_cannot_be_is_refused_in_one_line(
    shoal: Shoal, tmp_path: Path, options: tuple[str, ...], problem: str
) -> None:
    (tmp_path / "empty.sh").write_text(" \n")
    (tmp_path / "launch.sh").write_text("echo")
    ended = shoal("job", "submit", *options)
    assert (ended.code, ended.out) == (2, "")
    assert len(ended.err.splitlines()) == 1
    assert problem in ended.err


def test_waiting_ends_with_the_job(shoal: Shoal) -> None:
    ended = shoal("job", "submit", "--wait", "ls")
    assert (ended.code, ended.out) == (0, "")
    assert ended.err.splitlines()[-1].endswith(" SUCCEEDED")
    assert json.loads(shoal("job", "submit", "--wait", "--output", "json", "ls").out)["status"] == "SUCCEEDED"


def test_jobs_are_listed_by_status_and_queue(shoal: Shoal) -> None:
    ids = {queue: submit(shoal, "--queue", queue, "ls") for queue in ("main", "spot")}
    assert shoal("job", "list").out == ""
    table = shoal("job", "list", "-s", "succeeded").out.splitlines()
    assert table[0].split() == ["jobId", "jobName", "queue", "status", "for", "exit", "parts", "reason"]
    assert {line.split()[0] for line in table[1:]} >= set(ids.values())
    rows = json.loads(shoal("job", "list", "-s", "ALL", "--queue", "spot", "--output", "json").out)
    assert {(row["queue"], row["status"]) for row in rows} == {("spot", "SUCCEEDED")}
    assert ids["spot"] in {row["jobId"] for row in rows}
    assert len(json.loads(shoal("job", "list", "-s", "ALL", "--max-results", "1", "--output", "json").out)) == 1


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (("-s", "DONE"), "--status DONE is unknown; write some of SUBMITTED, PENDING,"),
        (("-s", ","), "--status nothing is unknown"),
        (("--queue", "gpu"), "--queue gpu is not a queue of genomics; write one of main, spot"),
    ],
)
def test_a_list_of_what_is_not_there_is_refused(shoal: Shoal, options: tuple[str, ...], problem: str) -> None:
    ended = shoal("job", "list", *options)
    assert (ended.code, len(ended.err.splitlines())) == (2, 1)
    assert problem in ended.err


def test_everything_about_an_array_is_shown_its_children_included(shoal: Shoal) -> None:
    job_id = submit(shoal, "-a", "3", "-cf", "run.sh")
    (shown,) = json.loads(shoal("job", "show", job_id, "--output", "json").out)
    assert (shown["parts"], shown["queue"], shown["vcpus"], shown["memory"]) == ("array of 3", "main", 1, 512)
    assert [child["jobId"] for child in shown["children"]] == [f"{job_id}:{index}" for index in range(3)]
    assert shown["childrenByStatus"]["SUCCEEDED"] == 3
    assert shown["files"].startswith("s3://")
    assert "why" not in shown
    text = shoal("job", "show", job_id).out
    assert text.startswith("run_sh is SUCCEEDED, for ")
    assert f"{job_id}:2" in text


def test_the_log_of_a_job_is_shown_and_read(shoal: Shoal) -> None:
    job_id = submit(shoal, "ls")
    (shown,) = json.loads(shoal("job", "show", job_id, "--output", "json").out)
    assert shown["logLink"].startswith("https://us-east-1.console.aws.amazon.com/cloudwatch/home")
    assert shown["attempts"][0]["log"] == shown["log"]
    write(shown["log"], "one", "two", "three")
    assert shoal("job", "output", job_id).out == "one\ntwo\nthree\n"
    assert shoal("job", "output", "--tail", "2", job_id).out == "two\nthree\n"
    assert shoal("job", "output", "--head", "1", job_id).out == "one\n"
    assert shoal("job", "output", "--attempt", "1", job_id).out == "one\ntwo\nthree\n"


def write(stream: str, *lines: str) -> None:
    """What the log driver does."""
    logs = boto3.client("logs")
    logs.create_log_stream(logGroupName=log_group("genomics"), logStreamName=stream)
    events: Any = [{"timestamp": 1_795_000_000_000 + number, "message": line} for number, line in enumerate(lines)]
    logs.put_log_events(logGroupName=log_group("genomics"), logStreamName=stream, logEvents=events)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("output", UNKNOWN), f"there is no job {UNKNOWN}; Batch forgets jobs a week after their end"),
        (("output", f"{UNKNOWN}:3"), f"there is no job {UNKNOWN}; Batch forgets"),
        (("show", UNKNOWN), f"there is no job {UNKNOWN}; Batch forgets"),
        (("output", "--head", "1", "--tail", "1", UNKNOWN), "--head excludes --tail and --follow; write one of them"),
        (("output", "--attempt", "1", "--follow", UNKNOWN), "--follow shows the newest attempt; leave --attempt out"),
        (("kill", "-r", "x" * 1025, UNKNOWN), "--reason has 1025 characters; write 1 to 1024"),
    ],
)
def test_a_job_that_is_not_there_is_told_in_one_line(shoal: Shoal, arguments: tuple[str, ...], problem: str) -> None:
    ended = shoal("job", *arguments)
    assert (ended.code, ended.out, len(ended.err.splitlines())) == (2, "", 1)
    assert problem in ended.err


def test_an_array_has_output_only_by_its_children_which_are_named(shoal: Shoal) -> None:
    job_id = submit(shoal, "-a", "3", "ls")
    assert f"is an array; name a child, {job_id}:0 to {job_id}:2" in shoal("job", "output", job_id).err
    assert f"is an array of 3; write {job_id}:0 to {job_id}:2" in shoal("job", "output", f"{job_id}:3").err
    assert f"is an array of 3; write {job_id}:0 to {job_id}:2" in shoal("job", "show", f"{job_id}:3").err
    assert shoal("job", "output", f"{job_id}:1").code == 0


def test_ended_jobs_are_told_as_such_and_unknown_ones_fail_the_command(shoal: Shoal) -> None:
    job_id = submit(shoal, "ls")
    ended = shoal("job", "kill", job_id, UNKNOWN)
    assert ended.out == f"{job_id} (ls) was SUCCEEDED, had ended before\n"
    assert (ended.code, ended.err) == (1, f"there is no job {UNKNOWN}; Batch forgets jobs a week after their end\n")


def test_jobs_that_cannot_be_ended_add_no_line_to_what_is_printed(shoal: Shoal) -> None:
    ended = shoal("job", "kill", UNKNOWN)
    assert (ended.code, ended.out, len(ended.err.splitlines())) == (1, "", 1)
    assert json.loads(shoal("job", "kill", "--output", "json", UNKNOWN).out) == []


def test_a_list_without_jobs_says_so_to_people_only(shoal: Shoal) -> None:
    ended = shoal("job", "list", "-s", "STARTING,RUNNING")
    assert (ended.code, ended.out, ended.err) == (0, "", "no jobs in the states STARTING, RUNNING\n")
    for_programs = shoal("job", "list", "-s", "STARTING", "--output", "json")
    assert (for_programs.out, for_programs.err) == ("[]\n", "")


def test_children_stand_in_the_columns_of_their_jobs(shoal: Shoal) -> None:
    job_id = submit(shoal, "-jn", "columns", "-a", "2", "ls")
    lines = shoal("job", "list", "-s", "ALL", "-e").out.splitlines()
    rows = [line for line in lines if line.startswith(job_id)]
    assert len(rows) == 3
    assert {line.index("columns") for line in rows} == {lines[0].index("jobName")}


def test_queues_and_hosts_are_shown(shoal: Shoal) -> None:
    answer = json.loads(shoal("queues", "--output", "json").out)
    assert [(queue["queue"], queue["default"]) for queue in answer] == [("main", True), ("spot", False)]
    assert answer[1]["environments"][0]["type"] == "SPOT"
    assert shoal("queues").out.splitlines()[1].split()[:4] == ["main", "default", "ENABLED", "VALID"]
    assert shoal("hosts").out == "no hosts run for genomics\n"
    assert json.loads(shoal("hosts", "--output", "json").out) == []


def test_the_file_of_awss_client_is_written_and_gives_the_default_cluster(
    shoal: Shoal, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("SHOAL_CLUSTER")
    assert shoal("queues").code == 2
    answer = json.loads(shoal("job", "configure", "genomics", "--queue", "spot", "--output", "json").out)
    assert answer["file"] == str(tmp_path / CLIENT_FILE)
    assert answer["job_queue"].endswith("shoal-genomics_spot")
    assert answer["compute_environment"].partition(":compute-environment/")[2]
    assert shoal("queues").code == 0


def test_a_cluster_may_be_named_by_its_stack_as_awss_client_names_it(shoal: Shoal) -> None:
    assert shoal("queues", "-c", "shoal-cluster-genomics").code == 0


EVERY_COMMAND = [
    ("queues",),
    ("hosts",),
    ("job", "list"),
    ("job", "submit", "ls"),
    ("job", "show", UNKNOWN),
    ("job", "output", UNKNOWN),
    ("job", "kill", UNKNOWN),
    ("job", "configure", "CLUSTER"),
]


@pytest.mark.parametrize("arguments", EVERY_COMMAND, ids=" ".join)
@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("nodes", "the cluster nodes is of kind slurm: jobs go to it by its own scheduler, on its head node\n"),
        ("none", "there is no cluster none in us-east-1; see `shoal list`\n"),
    ],
)
def test_a_cluster_that_has_no_batch_queues_is_refused_in_one_line(
    shoal: Shoal, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], name: str, told: str
) -> None:
    monkeypatch.setenv("SHOAL_CLUSTER", name)
    ended = shoal(*(name if word == "CLUSTER" else word for word in arguments))
    assert (ended.code, ended.out, ended.err) == (2, "", told)


@pytest.mark.parametrize("name", ["submit", "list", "show", "output", "kill", "configure"])
def test_every_job_command_explains_itself(shoal: Shoal, name: str) -> None:
    ended = shoal("job", name, "--help")
    assert ended.code == 0
    assert f"Usage: shoal job {name}" in ended.out


def test_options_after_the_command_are_its_own(shoal: Shoal) -> None:
    request = json.loads(shoal("job", "submit", "--dry-run", "ls", "-n", "3", "--queue", "x").out)["request"]
    assert request["containerOverrides"]["command"] == ["ls", "-n", "3", "--queue", "x"]


def test_the_blacklist_of_awss_client_counts_when_everything_is_exported(
    shoal: Shoal, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / CLIENT_FILE).parent.mkdir()
    (tmp_path / CLIENT_FILE).write_text("[main]\nenv_blacklist = LEFT_OUT, PATH\n")
    for name in ("LEFT_OUT", "TAKEN_ALONG"):
        monkeypatch.setenv(name, "1")
    launcher = json.loads(shoal("job", "submit", "--dry-run", "-e", "TERM=x,all", "-e", "all", "ls").out)["launch.sh"]
    assert "export TAKEN_ALONG=1" in launcher
    assert "LEFT_OUT" not in launcher


def test_a_file_that_is_announced_and_not_named_is_missed(shoal: Shoal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(SCRIPT.encode())))
    ended = shoal("job", "submit", "-cf")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("COMMAND is missing; ")
