"""The commands that ask the control plane: what they send, how they end, what they say when it cannot be reached."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
import typer
import yaml
from botocore.exceptions import EndpointConnectionError
from botocore.stub import Stubber
from moto import mock_aws

from shoal.operation.request import read_request
from shoal_cli import progress
from shoal_cli.answers import Format, finish
from shoal_cli.application import Application
from shoal_cli.exits import CommandError, Exit
from tests.support.clusters import configuration
from tests.support.command_line import Ended, Shoal, command

REGION = "us-east-1"
FRONT_DOOR = "shoal-run-operation"
EXECUTION = f"arn:aws:states:{REGION}:111111111111:execution:{FRONT_DOOR}:nightly"
NOTHING = {"StartAt": "End", "States": {"End": {"Type": "Succeed"}}}


@pytest.fixture
def shoal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Iterator[Shoal]:
    monkeypatch.chdir(tmp_path)
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "SHOAL_PREFIX"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SECURITY_TOKEN"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    (tmp_path / "cluster.yaml").write_text(yaml.safe_dump(configuration()))
    with mock_aws():
        yield command(monkeypatch, capsys)


def deploy(name: str = FRONT_DOOR) -> None:
    """A front door that takes inputs; moto lets its executions run for ever."""
    role = "arn:aws:iam::123456789012:role/shoal/shoal-run-operation"
    states = boto3.client("stepfunctions")
    states.create_state_machine(name=name, definition=json.dumps(NOTHING), roleArn=role)


def sent(ended: Ended) -> dict[str, Any]:
    """What the execution that a command has started was given."""
    arn = json.loads(ended.out)["executionArn"]
    data: dict[str, Any] = json.loads(boto3.client("stepfunctions").describe_execution(executionArn=arn)["input"])
    return data


CHANGING = (
    ("create", "genomics", "cluster.yaml"),
    ("create", "genomics", "cluster.yaml", "--no-rollback", "--deadline", "240"),
    ("create", "genomics", "s3://bucket/genomics.yaml"),
    ("update", "genomics", "cluster.yaml"),
    ("delete", "genomics"),
    ("stop", "genomics"),
    ("start", "genomics", "--deadline", "30"),
    ("build-image", "genomics"),
    ("build-image", "genomics", "--force"),
)


@pytest.mark.parametrize("arguments", CHANGING, ids=" ".join)
def test_what_a_command_sends_is_an_input_that_the_front_door_takes(shoal: Shoal, arguments: tuple[str, ...]) -> None:
    deploy()
    ended = shoal(*arguments, "--output", "json")
    assert ended.code == 0
    request = read_request(sent(ended))
    assert (request.operation, request.cluster_name) == (arguments[0], "genomics")


def test_options_arrive(shoal: Shoal) -> None:
    deploy()
    arguments = ("create", "genomics", "cluster.yaml", "--no-rollback", "--deadline", "240", "--output", "json")
    data = sent(shoal(*arguments))
    assert (data["rollbackOnFailure"], data["deadlineMinutes"], data["dryrun"]) == (False, 240, False)


@pytest.mark.parametrize(("option", "forced"), [((), False), (("--force",), True)])
def test_a_build_is_forced_only_when_that_is_asked_for(shoal: Shoal, option: tuple[str, ...], forced: bool) -> None:
    deploy()
    assert sent(shoal("build-image", "genomics", *option, "--output", "json"))["force"] is forced


def test_a_file_in_s3_is_named_and_a_local_one_is_sent(shoal: Shoal) -> None:
    deploy()
    by_address = sent(shoal("update", "genomics", "s3://bucket/genomics.yaml", "--output", "json"))
    by_content = sent(shoal("update", "genomics", "cluster.yaml", "--output", "json"))
    assert by_address["clusterConfigurationUri"] == "s3://bucket/genomics.yaml"
    assert yaml.safe_load(by_content["clusterConfiguration"]) == configuration()


def test_who_does_not_wait_is_told_how_to_come_back(shoal: Shoal) -> None:
    deploy()
    ended = shoal("delete", "genomics")
    started, back = ended.out.splitlines()
    assert started.startswith("delete of genomics has started: arn:")
    assert back == f"come back with: shoal follow {started.split(': ', 1)[1]}"


def test_a_control_plane_with_another_prefix_is_found(shoal: Shoal) -> None:
    deploy("shoal-dev-run-operation")
    assert shoal("delete", "genomics", "--prefix", "shoal-dev").code == 0
    assert shoal("delete", "genomics").code == 3


ASKING = (("list",), ("describe", "genomics"), ("delete", "genomics"), ("plan", "genomics", "cluster.yaml"))


@pytest.mark.parametrize("arguments", ASKING, ids=" ".join)
def test_a_missing_control_plane_is_told_with_the_way_to_deploy_it(shoal: Shoal, arguments: tuple[str, ...]) -> None:
    ended = shoal(*arguments)
    assert (ended.code, ended.out) == (3, "")
    assert "sam build && sam deploy --guided" in ended.err
    assert len(ended.err.splitlines()) == 1


@pytest.mark.parametrize("arguments", ASKING, ids=" ".join)
def test_an_embedded_aws_that_does_not_run_is_told_with_the_way_to_start_it(
    shoal: Shoal, arguments: tuple[str, ...]
) -> None:
    ended = shoal(*arguments, "--local")
    assert (ended.code, ended.out) == (3, "")
    assert ended.err == "no embedded AWS runs here; start one with `shoal local up`\n"


@pytest.mark.parametrize("name", ["status", "env", "deploy"])
def test_the_local_commands_need_a_running_embedded_aws(shoal: Shoal, name: str) -> None:
    assert shoal("local", name).code == 3


def test_stopping_what_does_not_run_is_no_failure(shoal: Shoal) -> None:
    ended = shoal("local", "down")
    assert (ended.code, ended.out) == (0, "no embedded AWS runs here\n")


def test_a_process_that_only_has_the_servers_old_id_is_left_alone(shoal: Shoal, tmp_path: Path) -> None:
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as other:
        state = tmp_path / "build/embedded-aws/server.json"
        state.parent.mkdir(parents=True)
        state.write_text(json.dumps({"pid": other.pid, "port": 1, "started": "2026-01-01T00:00:00+00:00"}))
        assert shoal("local", "down").out == "no embedded AWS runs here\n"
        assert other.poll() is None


def test_an_unknown_profile_is_told_in_one_line(shoal: Shoal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    ended = shoal("list")
    assert ended.code == 3
    assert ended.err == "AWS cannot be reached: The config profile (nobody) could not be found\n"


@pytest.mark.parametrize("name", ["create", "update", "plan"])
def test_a_file_of_300_kb_is_refused_before_anything_is_asked_of_aws(shoal: Shoal, tmp_path: Path, name: str) -> None:
    (tmp_path / "large.yaml").write_text(yaml.safe_dump(configuration()) + "# padding\n" * 30_000)
    ended = shoal(name, "genomics", "large.yaml")
    assert ended.code == 2
    assert "clusterConfigurationUri" in ended.err
    assert len(ended.err.splitlines()) == 1


def test_a_wrong_configuration_is_refused_with_every_problem(shoal: Shoal, tmp_path: Path) -> None:
    (tmp_path / "wrong.yaml").write_text(yaml.safe_dump({**configuration(), "Regoin": "x", "Tags": 1}))
    ended = shoal("create", "genomics", "wrong.yaml")
    assert ended.code == 2
    assert ended.err.splitlines()[0] == "wrong.yaml: 2 problems"


@pytest.mark.parametrize("name", ["Genomics", "1st", "a" * 32, "ä", "a_b"])
def test_a_name_that_no_cluster_can_have_is_refused(shoal: Shoal, name: str) -> None:
    ended = shoal("describe", name)
    assert ended.code == 2
    assert "must be 1 to 31 characters of a-z, 0-9 and -" in ended.err


def test_a_deadline_of_a_minute_is_refused_naming_the_field(shoal: Shoal) -> None:
    ended = shoal("delete", "genomics", "--deadline", "1")
    assert ended.code == 2
    assert ended.err.startswith("deadlineMinutes: ")


@pytest.mark.parametrize("arn", ["nonsense", EXECUTION])
def test_following_what_is_not_there_is_bad_input(shoal: Shoal, arn: str) -> None:
    deploy()
    ended = shoal("follow", arn)
    assert (ended.code, ended.err) == (2, f"there is no execution {arn}\n")


def test_following_an_execution_that_was_stopped_fails(shoal: Shoal) -> None:
    deploy()
    arn = json.loads(shoal("delete", "genomics", "--output", "json").out)["executionArn"]
    boto3.client("stepfunctions").stop_execution(executionArn=arn, error="Stopped", cause="by hand")
    ended = shoal("follow", arn, "--output", "json")
    assert ended.code == 1
    assert json.loads(ended.out)["executionArn"] == arn


@dataclass(frozen=True)
class Scripted(Application):
    """A control plane whose Step Functions client is given."""

    states: Any = None

    def client(self, service: str) -> Any:
        assert service == "stepfunctions"
        return self.states


@pytest.fixture
def states() -> Iterator[Stubber]:
    client = boto3.client("stepfunctions", REGION, aws_access_key_id="x", aws_secret_access_key="x")
    with Stubber(client) as stubber:
        yield stubber


def application(states: Any, *, local: bool) -> Scripted:
    session = boto3.Session(region_name=REGION)
    return Scripted(session, "http://127.0.0.1:1" if local else None, FRONT_DOOR, states)


def described(**facts: Any) -> dict[str, Any]:
    now = datetime.now(UTC)
    return {
        "executionArn": EXECUTION,
        "stateMachineArn": EXECUTION.replace(":execution:", ":stateMachine:").rpartition(":")[0],
        "startDate": now,
        "status": "RUNNING",
        **facts,
    }


class Interrupted:
    """Step Functions at the moment at which the user presses Ctrl-C; any other call is one too many."""

    def describe_execution(self, **_: str) -> dict[str, Any]:
        raise KeyboardInterrupt


@pytest.mark.parametrize(("local", "back"), [(True, "shoal follow --local "), (False, "shoal follow ")])
def test_ctrl_c_leaves_the_execution_running_and_tells_how_to_come_back(
    capsys: pytest.CaptureFixture[str], local: bool, back: str
) -> None:
    with pytest.raises(typer.Exit) as ended:
        progress.wait(application(Interrupted(), local=local), EXECUTION, show=True)
    assert ended.value.exit_code == Exit.INTERRUPTED
    assert capsys.readouterr().err.strip() == f"still running; come back with: {back}{EXECUTION}"


class Unreachable:
    """Step Functions when the network has gone."""

    def describe_execution(self, **_: str) -> dict[str, Any]:
        raise EndpointConnectionError(endpoint_url="https://states.example")


def test_a_lost_connection_tells_that_the_operation_goes_on() -> None:
    with pytest.raises(CommandError, match=f"the operation goes on, come back with: shoal follow {EXECUTION}") as lost:
        progress.wait(application(Unreachable(), local=False), EXECUTION, show=False)
    assert lost.value.code == Exit.NOT_REACHABLE


def test_a_right_that_is_missing_later_is_told_as_well(states: Stubber) -> None:
    states.add_client_error("describe_execution", "AccessDeniedException", "not authorized")
    with pytest.raises(CommandError, match="not authorized") as lost:
        progress.wait(application(states.client, local=False), EXECUTION, show=False)
    assert lost.value.code == Exit.NOT_REACHABLE


def test_waiting_ends_with_the_execution(states: Stubber) -> None:
    states.add_response("describe_execution", described())
    states.add_response("describe_execution", described(status="SUCCEEDED", output="{}"))
    ended = progress.wait(application(states.client, local=True), EXECUTION, show=False)
    assert ended["status"] == "SUCCEEDED"
    states.assert_no_pending_responses()


def test_a_failed_build_is_told_with_the_end_of_its_log(states: Stubber) -> None:
    failure = {"code": "BuildFailed", "cause": "phase BUILD failed", "log": ["Step 3/9", "E: no package"]}
    recorded = {
        "id": 7,
        "type": "TaskSucceeded",
        "timestamp": datetime(2026, 11, 24, 10, 15, tzinfo=UTC),
        "taskSucceededEventDetails": {
            "resourceType": "lambda",
            "resource": "invoke",
            "output": json.dumps({"Payload": {"failure": failure}}),
        },
    }
    refused = {"id": 9, "type": "FailStateEntered", "timestamp": recorded["timestamp"]}
    states.add_response("describe_execution", described(status="FAILED", error="BuildFailed", cause="phase"))
    asked = {"executionArn": EXECUTION, "reverseOrder": True, "maxResults": 10, "includeExecutionData": True}
    states.add_response("get_execution_history", {"events": [refused, recorded]}, asked)
    ended = progress.wait(application(states.client, local=True), EXECUTION, show=False)
    assert ended["log"] == ["Step 3/9", "E: no package"]


def test_a_failure_without_a_build_has_no_log(states: Stubber) -> None:
    states.add_response("describe_execution", described(status="FAILED", error="ClusterBusy", cause="busy"))
    states.add_response("get_execution_history", {"events": []})
    assert progress.wait(application(states.client, local=True), EXECUTION, show=False)["log"] == []


def entered(number: int, name: str, kind: str = "Task") -> dict[str, Any]:
    details = {"name": name, "input": "{}"}
    when = datetime(2026, 11, 24, 10, 15, number, tzinfo=UTC)
    return {"id": number, "type": f"{kind}StateEntered", "timestamp": when, "stateEnteredEventDetails": details}


def test_a_log_gets_a_line_for_each_state_that_takes_time_once(
    states: Stubber, capsys: pytest.CaptureFixture[str]
) -> None:
    first = [entered(1, "Begin Operation"), entered(2, "What Was Asked?", "Choice")]
    again = [*first, entered(3, "Run Operation"), entered(4, "Begin Operation")]
    for status, events in (("RUNNING", first), ("SUCCEEDED", again)):
        states.add_response("describe_execution", described(status=status))
        states.add_response("get_execution_history", {"events": events})
    progress.wait(application(states.client, local=True), EXECUTION, show=True)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines() == [
        "10:15:01 shoal-run-operation: Begin Operation",
        "10:15:03 shoal-run-operation: Run Operation",
    ]


def ended_with(form: Format, **facts: Any) -> int:
    with pytest.raises(typer.Exit) as ended:
        finish(described(**facts), output=form)
    return ended.value.exit_code


ANSWER = {
    "summary": "2 clusters",
    "clusters": [
        {"clusterName": "genomics", "scheduler": {"type": "awsbatch"}, "note": None, "queues": ["a", "b"]},
        {"clusterName": "b", "scheduler": {"type": "awsbatch"}, "note": None},
    ],
    "links": {"stack": "https://console"},
    "nextOperations": ["update", "delete"],
    "alreadyDeleted": False,
    "refused": [],
}


def test_an_answer_reads_well(capsys: pytest.CaptureFixture[str]) -> None:
    assert ended_with(Format.TEXT, status="SUCCEEDED", output=json.dumps(ANSWER)) == Exit.DONE
    assert capsys.readouterr().out.splitlines() == [
        "2 clusters",
        "clusters:",
        "  clusterName  queues  scheduler",
        '  genomics     a, b    {"type": "awsbatch"}',
        '  b                    {"type": "awsbatch"}',
        "links:",
        "  stack: https://console",
        "nextOperations:",
        "  - update",
        "  - delete",
        "alreadyDeleted: false",
    ]


def test_the_lines_of_a_nodes_log_stand_below_its_row(capsys: pytest.CaptureFixture[str]) -> None:
    failed = [
        {"instanceId": "i-1", "why": "no route to the head node", "log": ["mount: a", "mount: b"]},
        {"instanceId": "i-2", "log": []},
    ]
    ended_with(Format.TEXT, status="SUCCEEDED", output=json.dumps({"summary": "", "nodeFailures": failed}))
    assert capsys.readouterr().out.splitlines() == [
        "nodeFailures:",
        "  instanceId  why",
        "  i-1         no route to the head node",
        "      | mount: a",
        "      | mount: b",
        "  i-2",
    ]


def test_an_answer_for_programs_is_the_executions_output(capsys: pytest.CaptureFixture[str]) -> None:
    assert ended_with(Format.JSON, status="SUCCEEDED", output=json.dumps(ANSWER)) == Exit.DONE
    assert json.loads(capsys.readouterr().out) == ANSWER


def test_a_failure_is_one_line_on_standard_error_whatever_brackets_it_has(capsys: pytest.CaptureFixture[str]) -> None:
    cause = "SharedStorage[shared].Size is too small [/red]; write at least 1"
    assert ended_with(Format.TEXT, status="FAILED", error="InvalidConfiguration", cause=cause) == Exit.FAILED
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", f"InvalidConfiguration: {cause}\n")


def test_the_end_of_a_log_stands_below_the_line_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    facts = {"status": "FAILED", "error": "BuildFailed", "cause": "exit code 1", "log": ["[1/2] FROM x", "E: 404"]}
    assert ended_with(Format.TEXT, **facts) == Exit.FAILED
    assert capsys.readouterr().err.splitlines() == ["BuildFailed: exit code 1", "  [1/2] FROM x", "  E: 404"]
    assert ended_with(Format.JSON, **facts) == Exit.FAILED
    assert json.loads(capsys.readouterr().out)["log"] == facts["log"]


def test_a_failure_for_programs_has_its_stable_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert ended_with(Format.JSON, status="FAILED", error="BuildFailed", cause="exit code 1") == Exit.FAILED
    answer = json.loads(capsys.readouterr().out)
    assert answer == {"error": "BuildFailed", "cause": "exit code 1", "executionArn": EXECUTION}
