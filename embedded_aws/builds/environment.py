"""The variables that a build sees.

AWS: https://docs.aws.amazon.com/codebuild/latest/userguide/build-env-ref-env-vars.html - those of CodeBuild itself;
https://docs.aws.amazon.com/codebuild/latest/userguide/change-project.html - what is given to StartBuild goes before
what the project has, which goes before what the buildspec has.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from embedded_aws.builds import docker
from embedded_aws.builds.buildspec import Buildspec
from embedded_aws.containers.engine import Engine

AWS_CLI = Path(__file__).parents[2] / ".tools" / "awscli" / "bin"
"""The folder of the real AWS CLI, in an environment of its own."""
_SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_PLAIN = "PLAINTEXT"
_KIND = {"PARAMETER_STORE": "ssm", "SECRETS_MANAGER": "secretsmanager"}


class VariableError(Exception):
    """A parameter or secret cannot be read; the build fails in DOWNLOAD_SOURCE with this message."""


@dataclass(frozen=True)
class Variables:
    """What a buildspec, a project and StartBuild ask for, with parameters and secrets read."""

    values: Mapping[str, str]
    secret: frozenset[str]
    """Names whose values never appear in the log or among the exported variables."""

    def mask(self, line: str) -> str:
        """The line with every secret's value replaced, as CodeBuild's logs have it."""
        for value in (self.values[name] for name in self.secret if self.values[name]):
            line = line.replace(value, "***")
        return line


def resolve(spec: Buildspec, declared: Iterable[Mapping[str, str]], clients: Mapping[str, Any]) -> Variables:
    """Put the variables together, later layers first in rank.

    Args:
        spec: the buildspec.
        declared: variables of the project with StartBuild's over them, as the API has them.
        clients: `ssm` and `secretsmanager`, with the project's role.

    Raises:
        VariableError: a parameter or secret is not there or may not be read.
    """
    asked = {name: (_PLAIN, value) for name, value in spec.variables.items()}
    asked |= {name: ("ssm", reference) for name, reference in spec.parameters.items()}
    asked |= {name: ("secretsmanager", reference) for name, reference in spec.secrets.items()}
    asked |= {
        variable["name"]: (_KIND.get(variable.get("type", _PLAIN), _PLAIN), str(variable["value"]))
        for variable in declared
    }
    values = {
        name: value if kind == _PLAIN else _read(kind, value, clients[kind]) for name, (kind, value) in asked.items()
    }
    return Variables(values, frozenset(name for name, (kind, _) in asked.items() if kind != _PLAIN))


def _read(kind: str, reference: str, client: Any) -> str:
    try:
        if kind == "ssm":
            return str(client.get_parameter(Name=reference, WithDecryption=True)["Parameter"]["Value"])
        identifier, _, key = reference.partition(":")
        value = str(client.get_secret_value(SecretId=identifier)["SecretString"])
        return str(json.loads(value)[key.partition(":")[0]]) if key else value
    except ClientError as error:
        detail = error.response["Error"]
        raise VariableError(f"{detail['Code']}: {detail['Message']}") from error


def system_variables(build: Mapping[str, Any], folder: Path, engine: Engine, region: str) -> dict[str, str]:
    """The variables that CodeBuild sets, and the PATH of its image: engine, AWS CLI, system.

    Args:
        build: the build's record.
        folder: where its source lies.
        engine: what `docker` has behind it.
        region: the Region.
    """
    build_id = str(build["id"])
    return {
        "PATH": os.pathsep.join([str(docker.PROGRAM_FOLDER), str(AWS_CLI), _SYSTEM_PATH]),
        "LANG": "C.UTF-8",
        "HOME": str(folder.parent),
        "CODEBUILD_SRC_DIR": str(folder),
        "CODEBUILD_BUILD_ID": build_id,
        "CODEBUILD_BUILD_ARN": str(build["arn"]),
        "CODEBUILD_BUILD_NUMBER": str(build["buildNumber"]),
        "CODEBUILD_BUILD_IMAGE": str(build["environment"].get("image", "")),
        "CODEBUILD_BUILD_SUCCEEDING": "1",
        "CODEBUILD_CI": "true",
        "CODEBUILD_INITIATOR": str(build["initiator"]),
        "CODEBUILD_LOG_PATH": build_id.partition(":")[2],
        "CODEBUILD_SOURCE_VERSION": str(build.get("sourceVersion") or ""),
        "CODEBUILD_START_TIME": str(int(build["startTime"] * 1000)),
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_ENDPOINT_URL": os.environ["AWS_ENDPOINT_URL"],
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    } | docker.variables(engine, folder.parent)
