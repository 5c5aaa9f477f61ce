"""One account on the embedded AWS, and short ways to put a role, a function or a state machine into it."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import boto3
from botocore.config import Config

from embedded_aws.process import REGION, SECRET_ACCESS_KEY, Server
from tests.support.polling import until

ALLOW_ALL = {"Effect": "Allow", "Action": "*", "Resource": "*"}
_SERVICES = ("batch", "cloudformation", "codebuild", "ec2", "lambda", "scheduler", "states")
_SESSION = boto3.session.Session()


def zipped(files: Mapping[str, str]) -> bytes:
    """A zip archive of text files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return buffer.getvalue()


@dataclass
class Account:
    """An account of its own: what one test makes, no other test sees."""

    server: Server
    id: str
    _clients: dict[str, Any] = field(default_factory=dict)

    def client(self, service: str) -> Any:
        """A boto3 client as the account's root; one per service."""
        if service not in self._clients:
            self._clients[service] = self.session_client(service, self.id, SECRET_ACCESS_KEY)
        return self._clients[service]

    def session_client(self, service: str, key: str, secret: str, token: str | None = None) -> Any:
        """A boto3 client with other credentials; closed with the account's own."""
        client = _SESSION.client(  # type: ignore[call-overload]  # the service's name is not a literal
            service,
            region_name=REGION,
            endpoint_url=self.server.url,
            aws_access_key_id=key,
            aws_secret_access_key=secret,
            aws_session_token=token,
            config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
        )
        self._clients[f"{service} {key} {len(self._clients)}"] = client
        return client

    def assume(self, role_arn: str, service: str, **options: Any) -> Any:
        """A client of `service` with a session of a role; `options` go to AssumeRole (a session policy, say)."""
        answer = self.client("sts").assume_role(RoleArn=role_arn, RoleSessionName="test", **options)["Credentials"]
        return self.session_client(service, answer["AccessKeyId"], answer["SecretAccessKey"], answer["SessionToken"])

    def close(self) -> None:
        """Close every connection."""
        for client in self._clients.values():
            client.close()

    def role(self, name: str, *statements: Mapping[str, Any], path: str = "/", service: str = "") -> str:
        """A role with one inline policy; its ARN. No statements: no rights.

        Whoever likes may assume it, or only a service (`states`, say).
        """
        iam = self.client("iam")
        services = [f"{one}.amazonaws.com" for one in ([service] if service else _SERVICES)]
        principal = {"Service": services} | ({} if service else {"AWS": "*"})
        document = {"Version": "2012-10-17"}
        trusts = [{"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}]
        arn = iam.create_role(
            RoleName=name, Path=path, AssumeRolePolicyDocument=json.dumps(document | {"Statement": trusts})
        )["Role"]["Arn"]
        if statements:
            policy = json.dumps(document | {"Statement": list(statements)})
            iam.put_role_policy(RoleName=name, PolicyName="inline", PolicyDocument=policy)
        return str(arn)

    def function(self, name: str, source: str, *statements: Mapping[str, Any], **options: Any) -> str:
        """A Python function `app.handler` from its source, with a role of its own; its ARN."""
        role = self.role(f"{name}-role", *(statements or (ALLOW_ALL,)))
        options = {"Runtime": "python3.13", "Handler": "app.handler", "Timeout": 20} | options
        answer = self.client("lambda").create_function(
            FunctionName=name, Role=role, Code={"ZipFile": zipped({"app.py": source})}, **options
        )
        return str(answer["FunctionArn"])

    def invoke(self, name: str, payload: object = None) -> dict[str, Any]:
        """Invoke a function: `{"error": FunctionError or None, "payload": its JSON}`."""
        answer = self.client("lambda").invoke(FunctionName=name, Payload=json.dumps(payload))
        return {"error": answer.get("FunctionError"), "payload": json.loads(answer["Payload"].read())}

    def machine(self, name: str, definition: Mapping[str, Any], *statements: Mapping[str, Any]) -> str:
        """A JSONata state machine with a role of its own (all rights, unless statements are given); its ARN."""
        role = self.role(f"{name}-machine", *(statements or (ALLOW_ALL,)))
        text = json.dumps({"QueryLanguage": "JSONata"} | dict(definition))
        answer = self.client("stepfunctions").create_state_machine(name=name, roleArn=role, definition=text)
        return str(answer["stateMachineArn"])

    def task(self, resource: str, arguments: object, *statements: Mapping[str, Any], **state: Any) -> dict[str, Any]:
        """Run one Task state in a machine of its own and return the finished execution."""
        body = {"Type": "Task", "Resource": resource, "Arguments": arguments, "TimeoutSeconds": 60, "End": True}
        definition = {"StartAt": "Call", "States": {"Call": body | state}}
        return self.run(self.machine(f"task-{len(self._clients)}", definition, *statements))

    def start(self, machine: str, data: object = None, **options: Any) -> str:
        """Start an execution; its ARN."""
        text = json.dumps({} if data is None else data)
        answer = self.client("stepfunctions").start_execution(stateMachineArn=machine, input=text, **options)
        return str(answer["executionArn"])

    def wait(self, execution: str, seconds: float = 30.0) -> dict[str, Any]:
        """The description of an execution that has ended; `output`, if there is one, as a value."""

        def ended() -> dict[str, Any] | None:
            found = self.client("stepfunctions").describe_execution(executionArn=execution)
            return found if found["status"] != "RUNNING" else None

        found = until(ended, seconds, f"the end of {execution}")
        assert found is not None
        return found | ({"output": json.loads(found["output"])} if "output" in found else {})

    def run(self, machine: str, data: object = None, **options: Any) -> dict[str, Any]:
        """Start an execution and wait for its end."""
        return self.wait(self.start(machine, data, **options))
