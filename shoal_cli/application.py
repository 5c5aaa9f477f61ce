"""The deployed control plane that a command talks to: in an AWS account, or on the embedded AWS."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from boto3.exceptions import Boto3Error
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from embedded_aws import process
from shoal_cli.exits import CommandError, Exit

STATE_DIR = Path("build/embedded-aws")
"""Where `shoal local up` keeps the embedded AWS, below the current folder."""
DENIED = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidClientTokenId",
        "UnauthorizedOperation",
        "UnrecognizedClientException",
    }
)
"""Codes of AWS's services for missing rights, or for credentials that are none."""
_CONFIG = Config(retries={"mode": "standard", "max_attempts": 5}, connect_timeout=5, s3={"addressing_style": "path"})


@dataclass(frozen=True)
class Account:
    """An account and Region, with the credentials of whoever asks; or the embedded AWS in their place."""

    session: boto3.Session
    endpoint: str | None

    @property
    def is_local(self) -> bool:
        """Whether it is the embedded AWS."""
        return self.endpoint is not None

    def client(self, service: str) -> Any:
        """A client for one of the account's services."""
        return self.session.client(service, endpoint_url=self.endpoint, config=_CONFIG)  # type: ignore[call-overload]


@dataclass(frozen=True)
class Application(Account):
    """A control plane and how to reach it."""

    machine_arn: str
    """The front door's state machine."""

    @property
    def bucket(self) -> str:
        """The Region's bucket, where a configuration's build contexts go."""
        *_, region, account, _, name = self.machine_arn.split(":")
        return f"{name.removesuffix('-run-operation')}-control-{account}-{region}"


def session_of(server: process.Server) -> boto3.Session:
    """A session that talks to an embedded AWS and to nothing else."""
    return boto3.Session(
        aws_access_key_id=process.ACCOUNT_ID,
        aws_secret_access_key=process.SECRET_ACCESS_KEY,
        region_name=process.REGION,
    )


def sign_in(*, local: bool, state_dir: Path = STATE_DIR) -> Account:
    """The account to ask.

    Args:
        local: the embedded AWS that `shoal local up` started, instead of the current AWS profile's account.
        state_dir: where the embedded AWS keeps its state.

    Raises:
        CommandError: no embedded AWS runs, or the AWS profile cannot be read (exit code 3).
    """
    if not local:
        try:
            return Account(boto3.Session(), None)
        except BotoCoreError as error:
            raise CommandError(_unreachable(error, local), Exit.NOT_REACHABLE) from error
    server = process.find(state_dir)
    if server is None:
        raise CommandError("no embedded AWS runs here; start one with `shoal local up`", Exit.NOT_REACHABLE)
    return Account(session_of(server), server.url)


def connect(*, local: bool, prefix: str, state_dir: Path = STATE_DIR) -> Application:
    """Find the control plane.

    Args:
        local: see `sign_in`.
        prefix: the `NamePrefix` it was deployed with.
        state_dir: see `sign_in`.

    Raises:
        CommandError: none answers (exit code 3).
    """
    account = sign_in(local=local, state_dir=state_dir)
    try:
        found = _machine_arn(account.session, account.endpoint, prefix)
    except (BotoCoreError, ClientError) as error:
        raise CommandError(_unreachable(error, local), Exit.NOT_REACHABLE) from error
    return Application(account.session, account.endpoint, found)


def _machine_arn(session: boto3.Session, endpoint: str | None, prefix: str) -> str:
    identity = session.client("sts", endpoint_url=endpoint, config=_CONFIG).get_caller_identity()
    partition, account = identity["Arn"].split(":")[1], identity["Account"]
    arn = f"arn:{partition}:states:{session.region_name}:{account}:stateMachine:{prefix}-run-operation"
    session.client("stepfunctions", endpoint_url=endpoint, config=_CONFIG).describe_state_machine(stateMachineArn=arn)
    return arn


def refusal(error: BotoCoreError | Boto3Error | ClientError) -> CommandError:
    """What to tell about an error of AWS that nobody expected: one line, and the exit code.

    Missing rights and credentials are a matter of reaching AWS (3); any other refusal failed the command (1).
    """
    told = " ".join(str(error).split())
    if isinstance(error, BotoCoreError):
        return CommandError(f"AWS cannot be reached: {told}", Exit.NOT_REACHABLE)
    denied = isinstance(error, ClientError) and error.response["Error"]["Code"] in DENIED
    return CommandError(f"AWS refuses: {told}", Exit.NOT_REACHABLE if denied or "AccessDenied" in told else Exit.FAILED)


def _unreachable(error: Exception, local: bool) -> str:
    if isinstance(error, ClientError) and error.response["Error"]["Code"] == "StateMachineDoesNotExist":
        how = "shoal local deploy" if local else "sam build && sam deploy --guided"
        return f"Shoal is not deployed in this account and Region; deploy it with `{how}`"
    return f"AWS cannot be reached: {' '.join(str(error).split())}"


def start(application: Application, data: Mapping[str, Any]) -> str:
    """Start an operation; the ARN of its execution.

    Raises:
        CommandError: Step Functions does not take it (exit code 3).
    """
    client = application.client("stepfunctions")
    try:
        answer = client.start_execution(stateMachineArn=application.machine_arn, input=json.dumps(data))
    except (BotoCoreError, ClientError) as error:
        raise CommandError(_unreachable(error, application.is_local), Exit.NOT_REACHABLE) from error
    return str(answer["executionArn"])
