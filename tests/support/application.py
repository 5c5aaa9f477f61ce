"""The control plane's template as CloudFormation sees it, translated by SAM's own translator."""

from __future__ import annotations

import functools
import json
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = ROOT / "template.yaml"
REGION = "us-east-1"
ACCOUNT_ID = "111111111111"

Statement = Mapping[str, Any]

_TRANSLATE = """
import json, sys
from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse

class NoManagedPolicies:
    def load(self):
        return {}

source = json.loads(json.dumps(yaml_parse(sys.stdin.read())))
template = json.loads(json.dumps(source))
for resource in template["Resources"].values():
    for key in {"CodeUri", "ContentUri", "DefinitionUri"} & set(resource.get("Properties", {})):
        resource["Properties"][key] = {"Bucket": "artifacts", "Key": "key"}  # SAM CLI replaces local paths first
print(json.dumps([source, transform(template, {}, NoManagedPolicies())]))
"""
"""Runs in the SAM CLI's environment: the translator and the layer want different versions of pydantic."""


@functools.cache
def _both() -> str:
    python = ROOT / ".tools/sam/bin/python"
    done = subprocess.run(
        [python, "-c", _TRANSLATE],
        input=TEMPLATE.read_text(),
        env={"AWS_DEFAULT_REGION": REGION},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def source() -> dict[str, Any]:
    """The template as it is written, with intrinsic functions in their long form."""
    parsed: dict[str, Any] = json.loads(_both())[0]
    return parsed


def translated() -> dict[str, Any]:
    """The template after the SAM transform."""
    result: dict[str, Any] = json.loads(_both())[1]
    return result


def of_type(template: Mapping[str, Any], *types: str) -> dict[str, dict[str, Any]]:
    """The resources of some types by logical id."""
    return {name: item for name, item in template["Resources"].items() if item["Type"] in types}


def statements(template: Mapping[str, Any], role: str) -> Iterator[Statement]:
    """Every statement of a role: its own policies and those of the template that it names."""
    properties = template["Resources"][role]["Properties"]
    for policy in properties.get("Policies", []):
        yield from policy["PolicyDocument"]["Statement"]
    for managed in properties.get("ManagedPolicyArns", []):
        yield from template["Resources"][managed["Ref"]]["Properties"]["PolicyDocument"]["Statement"]


def listed(value: Any) -> list[Any]:
    """A policy's element that may be one or many, as a list."""
    return value if isinstance(value, list) else [value]
