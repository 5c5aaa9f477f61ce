"""One build from SUBMITTED to COMPLETED, in a thread of its own, with the rights of the project's role."""

from __future__ import annotations

import functools
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from embedded_aws import clients
from embedded_aws.builds import docker, environment, source
from embedded_aws.builds.buildspec import Buildspec, BuildspecError, parse
from embedded_aws.builds.environment import VariableError, Variables
from embedded_aws.builds.interruption import STOPPED, Interruption
from embedded_aws.builds.log import LogDeniedError, LogStream
from embedded_aws.builds.record import Record
from embedded_aws.builds.runner import FAILED, Context, Reports, Runner
from embedded_aws.builds.shell import Shell
from embedded_aws.containers.engine import engine


class _PhaseError(Exception):
    """A phase before the commands failed."""

    def __init__(self, context: Context) -> None:
        super().__init__(context.message)
        self.context = context


def execute(build: dict[str, Any], interruption: Interruption) -> None:
    """Run a build and keep its record.

    Args:
        build: the record, shown by BatchGetBuilds while it changes.
        interruption: ends the build when it is stopped; its timeout starts here.
    """
    record = Record(build)
    record.state_changed()
    folder = Path(tempfile.mkdtemp(prefix="codebuild-"))
    status = FAILED
    try:
        with interruption.after(build["timeoutInMinutes"]):
            status = _run(record, folder, interruption)
    except _PhaseError as error:
        record.end_phase(build["currentPhase"], FAILED, error.context)
    finally:
        docker.forget(engine(), folder)
        shutil.rmtree(folder, ignore_errors=True)
        record.finish(status)


def _run(record: Record, folder: Path, interruption: Interruption) -> str:
    build = record.build
    record.end_phase("SUBMITTED", "SUCCEEDED")
    record.pass_phase("QUEUED")
    client = functools.partial(_client, build)
    record.start_phase("PROVISIONING")
    log = _open_log(build, client)
    try:
        record.end_phase("PROVISIONING", "SUCCEEDED")
        log.emit("[Container] Running on the embedded AWS; docker is " + engine().name)
        record.start_phase("DOWNLOAD_SOURCE")
        spec, variables = _prepare(build, folder / "src", client)
        record.end_phase("DOWNLOAD_SOURCE", "SUCCEEDED")
        if interruption.reason == STOPPED:
            return STOPPED
        runner = _runner(record, folder, spec, variables, interruption, log)
        status = runner.run()
        build["exportedEnvironmentVariables"] = runner.exported(variables.secret)
        record.pass_phase("UPLOAD_ARTIFACTS")
        return status
    finally:
        log.close()


def _client(build: dict[str, Any], service: str) -> Any:
    return clients.role_client(service, build["serviceRole"], _session_name(build))


def _session_name(build: dict[str, Any]) -> str:
    return f"AWSCodeBuild-{build['id'].partition(':')[2]}"


def _open_log(build: dict[str, Any], client: Callable[[str], Any]) -> LogStream:
    if not environment.AWS_CLI.is_dir():
        message = "the AWS CLI of the build image is missing: install tools/requirements/awscli.txt into .tools/awscli"
        raise _PhaseError(Context("BUILD_CONTAINER_UNABLE_TO_PULL_IMAGE", message))
    try:
        return LogStream(client("logs"), build["logs"]["groupName"], build["logs"]["streamName"])
    except LogDeniedError as error:
        message = (
            f"Service role {build['serviceRole']} does not allow AWS CodeBuild to create Amazon CloudWatch Logs log"
            f" streams for build {build['arn']}. Error message: {error}"
        )
        raise _PhaseError(Context("ACCESS_DENIED", message)) from error


def _prepare(build: dict[str, Any], folder: Path, client: Callable[[str], Any]) -> tuple[Buildspec, Variables]:
    folder.mkdir()
    declared = build["environment"].get("environmentVariables") or []
    try:
        source.download(build["source"], folder, client("s3"))
        spec = parse(source.read_buildspec(build["source"], folder))
        return spec, environment.resolve(spec, declared, {name: client(name) for name in ("ssm", "secretsmanager")})
    except BuildspecError as error:
        raise _PhaseError(Context("YAML_FILE_ERROR", str(error))) from error
    except (source.SourceError, VariableError) as error:
        raise _PhaseError(Context("CLIENT_ERROR", str(error))) from error


def _runner(
    record: Record, folder: Path, spec: Buildspec, variables: Variables, interruption: Interruption, log: LogStream
) -> Runner:
    from ministack.core.responses import get_region

    key, secret, token = clients.role_session(record.build["serviceRole"], _session_name(record.build))
    credentials = {"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret, "AWS_SESSION_TOKEN": token}
    system = environment.system_variables(record.build, folder / "src", engine(), get_region())
    state = folder / "state"
    state.mkdir()
    shell = Shell(spec.shell, folder / "src", state, system | dict(variables.values) | credentials, interruption)
    reports = Reports(
        line=lambda line: log.emit(variables.mask(line)),
        phase_started=record.start_phase,
        phase_ended=record.end_phase,
    )
    return Runner(spec, shell, interruption, reports)
