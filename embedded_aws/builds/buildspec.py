"""A buildspec, read and checked.

AWS: https://docs.aws.amazon.com/codebuild/latest/userguide/build-spec-ref.html - version 0.2, the phases INSTALL,
PRE_BUILD, BUILD and POST_BUILD, `finally`, `on-failure`, `env`. Not offered, and refused rather than ignored:
`on-failure: RETRY`, `run-as`, `runtime-versions`, `proxy`, `batch`, `reports`, `artifacts` with files, `cache`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

PHASES = ("install", "pre_build", "build", "post_build")
_SHELLS = {"bash": "/bin/bash", "/bin/bash": "/bin/bash", "/bin/sh": "/bin/sh", "sh": "/bin/sh"}
_TOP = {"version", "env", "phases"}
_ENV = {"shell", "variables", "parameter-store", "secrets-manager", "exported-variables"}
_PHASE = {"commands", "finally", "on-failure"}
_ON_FAILURE = {"ABORT", "CONTINUE"}


class BuildspecError(Exception):
    """The buildspec is missing or wrong; the build fails with YAML_FILE_ERROR and this message."""


@dataclass(frozen=True)
class Phase:
    """One of the four phases that run commands."""

    name: str
    commands: tuple[str, ...] = ()
    final_commands: tuple[str, ...] = ()
    """Run whatever became of the commands."""
    on_failure: str | None = None
    """`ABORT`, `CONTINUE`, or None where the buildspec says nothing."""

    @property
    def goes_on(self) -> bool:
        """Whether the next phase runs after this one failed; unless told otherwise only POST_BUILD after BUILD."""
        return self.on_failure == "CONTINUE" or (self.on_failure is None and self.name == "build")


@dataclass(frozen=True)
class Buildspec:
    """What a build runs."""

    phases: tuple[Phase, ...]
    """All four, in order; those that the file leaves out have no commands."""
    shell: str
    """Path of the shell that runs every command."""
    variables: Mapping[str, str]
    parameters: Mapping[str, str]
    """Variable to name in Systems Manager's Parameter Store."""
    secrets: Mapping[str, str]
    """Variable to `<secret id>[:<json key>]` in Secrets Manager."""
    exported: tuple[str, ...]


def parse(text: str) -> Buildspec:
    """Read a buildspec.

    Raises:
        BuildspecError: it is not YAML, not version 0.2, or has keys that are unknown or not offered.
    """
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise BuildspecError(f"failed to parse the buildspec: {error}") from error
    spec = _mapping(document, "the buildspec", _TOP)
    if str(spec.get("version")) != "0.2":
        raise BuildspecError(f"version {spec.get('version')} is not supported: write version: 0.2")
    phases = _mapping(spec.get("phases"), "phases", set(PHASES))
    env = _mapping(spec.get("env") or {}, "env", _ENV)
    shell = env.get("shell", "/bin/sh")
    if shell not in _SHELLS:
        raise BuildspecError(f"env.shell is {shell!r}: only bash and sh run here")
    return Buildspec(
        phases=tuple(_phase(name, phases.get(name) or {}) for name in PHASES),
        shell=_SHELLS[shell],
        variables=_strings(env, "variables"),
        parameters=_strings(env, "parameter-store"),
        secrets=_strings(env, "secrets-manager"),
        exported=tuple(str(name) for name in env.get("exported-variables") or ()),
    )


def _phase(name: str, section: object) -> Phase:
    fields = _mapping(section, f"phases.{name}", _PHASE)
    on_failure = fields.get("on-failure")
    if on_failure is not None and on_failure not in _ON_FAILURE:
        raise BuildspecError(f"phases.{name}.on-failure is {on_failure!r}: only ABORT and CONTINUE run here")
    return Phase(name, _commands(fields, name, "commands"), _commands(fields, name, "finally"), on_failure)


def _commands(fields: Mapping[str, Any], phase: str, key: str) -> tuple[str, ...]:
    commands = fields.get(key) or ()
    if not isinstance(commands, list | tuple) or not all(isinstance(command, str) for command in commands):
        raise BuildspecError(f"phases.{phase}.{key} is not a list of strings")
    return tuple(commands)


def _strings(env: Mapping[str, Any], key: str) -> dict[str, str]:
    return {str(name): str(value) for name, value in _mapping(env.get(key) or {}, f"env.{key}", None).items()}


def _mapping(value: object, name: str, known: set[str] | None) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise BuildspecError(f"{name} is not a mapping")
    unknown = sorted(str(key) for key in value if known is not None and key not in known)
    if unknown:
        raise BuildspecError(f"{name} has {', '.join(unknown)}, which CodeBuild does not know or is not offered here")
    return value
