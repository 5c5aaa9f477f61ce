"""Which variables does a build see, and which of their values does its log show?"""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from embedded_aws.builds.buildspec import Buildspec, parse
from embedded_aws.builds.environment import VariableError, Variables, resolve

SPEC = """
version: 0.2
env:
  variables: {PLAIN: spec, SHADOWED: spec}
  parameter-store: {TOKEN: /token}
  secrets-manager: {PASSWORD: "login:password"}
phases: {}
"""


def _client(service: str) -> Any:
    return boto3.client(  # type: ignore[call-overload]  # the service's name is not a literal
        service, region_name="us-east-1", aws_access_key_id="testing", aws_secret_access_key="testing"
    )


def _resolve(spec: Buildspec, *declared: dict[str, str], expected: tuple[str, ...] = ()) -> Variables:
    """Resolve against a Parameter Store and a Secrets Manager that answer the calls of `expected`, in order."""
    clients = {name: _client(name) for name in ("ssm", "secretsmanager")}
    stubs = {name: Stubber(client) for name, client in clients.items()}
    for name in expected:
        if name == "ssm":
            stubs["ssm"].add_response("get_parameter", {"Parameter": {"Value": "from-ssm"}})
        else:
            stubs[name].add_response("get_secret_value", {"SecretString": '{"password": "from-secrets"}'})
    with stubs["ssm"], stubs["secretsmanager"]:
        found = resolve(spec, declared, clients)
    for stub in stubs.values():
        stub.assert_no_pending_responses()
    return found


def test_parameters_and_secrets_are_read() -> None:
    found = _resolve(parse(SPEC), expected=("ssm", "secretsmanager"))
    assert dict(found.values) == {
        "PLAIN": "spec",
        "SHADOWED": "spec",
        "TOKEN": "from-ssm",
        "PASSWORD": "from-secrets",
    }
    assert found.secret == {"TOKEN", "PASSWORD"}


def test_what_is_declared_goes_before_the_buildspec_and_spares_its_parameter() -> None:
    declared = ({"name": "TOKEN", "value": "given"}, {"name": "SHADOWED", "value": "given", "type": "PLAINTEXT"})
    found = _resolve(parse(SPEC), *declared, expected=("secretsmanager",))
    assert (found.values["TOKEN"], found.values["SHADOWED"]) == ("given", "given")
    assert found.secret == {"PASSWORD"}


def test_a_declared_parameter_goes_before_a_plain_variable() -> None:
    declared = {"name": "PLAIN", "value": "/plain", "type": "PARAMETER_STORE"}
    found = _resolve(parse("version: 0.2\nenv: {variables: {PLAIN: spec}}\nphases: {}"), declared, expected=("ssm",))
    assert found.values["PLAIN"] == "from-ssm"
    assert found.secret == {"PLAIN"}


def test_values_of_secrets_are_masked_wherever_they_stand() -> None:
    variables = Variables({"TOKEN": "abc", "EMPTY": "", "PLAIN": "visible"}, frozenset({"TOKEN", "EMPTY"}))
    assert variables.mask("xabcx visible abc") == "x***x visible ***"


def test_a_parameter_that_cannot_be_read_is_named_in_awss_words() -> None:
    ssm = _client("ssm")
    with Stubber(ssm) as stub:
        stub.add_client_error("get_parameter", "ParameterNotFound", "no /token")
        spec = parse("version: 0.2\nenv: {parameter-store: {TOKEN: /token}}\nphases: {}")
        with pytest.raises(VariableError, match="ParameterNotFound: no /token"):
            resolve(spec, (), {"ssm": ssm})
