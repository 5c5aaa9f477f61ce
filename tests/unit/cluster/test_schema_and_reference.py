"""What is generated from the fields: the JSON Schema and the two pages."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from shoal.cluster.configuration import Cluster, load
from shoal.cluster.grammar import Change, Code
from shoal.cluster.keys import walk
from shoal.cluster.reference import coming_page, configuration_page
from shoal.cluster.schema import json_schema
from tests.support.clusters import EXAMPLES, configuration, largest_configuration
from tests.support.mistakes import changed

ROOT = Path(__file__).parents[3]
SCHEMA = json_schema()
VALIDATOR = Draft202012Validator(SCHEMA)
EXAMPLE_FILES = sorted(EXAMPLES.glob("*.yaml"))


def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate_docs", ROOT / "tools" / "generate_docs.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", generator().pages())
def test_a_generated_file_is_up_to_date(name: str) -> None:
    assert (ROOT / "docs" / name).read_text() == generator().pages()[name], "run tools/generate_docs.py"


def test_the_schema_is_a_json_schema_of_2020_12() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_there_are_examples() -> None:
    assert EXAMPLE_FILES


@pytest.mark.parametrize("path", EXAMPLE_FILES, ids=lambda path: path.stem)
def test_every_example_is_right_by_the_schema_and_by_the_rules(path: Path) -> None:
    assert not list(VALIDATOR.iter_errors(yaml.safe_load(path.read_text())))
    assert load(path.read_text())


def test_the_largest_configuration_is_right_by_the_schema() -> None:
    assert not list(VALIDATOR.iter_errors(largest_configuration()))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("Image.Os", "alinux2"),
        ("HeadNode.InstanceType", 3),
        ("HeadNode.Ssh", None),
        ("HeadNode.Ssh.KeyName", None),
        ("HeadNode.Dcv", {"Enabled": True}),
        ("HeadNode.Networking.SubnetId", "subnet-1"),
        ("HeadNode.Networking.ElasticIp", 7),
        ("Scheduling.AwsBatchQueues", []),
        ("Scheduling.AwsBatchQueues.0.ComputeResources.0.MaxvCpus", 0),
        ("Scheduling.AwsBatchQueues.0.ComputeResources.0.MinvCpus", "many"),
        ("SharedStorage.0.StorageType", "FsxLustre"),
        ("SharedStorage.0.EbsSettings", {"Raid": {"Type": 0, "NumberOfVolumes": 6}}),
        ("Monitoring.Logs.CloudWatch.RetentionInDays", 15),
        ("Tags", [{"Key": "aws:x", "Value": "y"}]),
        ("Colour", "red"),
    ],
)
def test_the_schema_refuses_what_an_editor_can_see(path: str, value: Any) -> None:
    assert list(VALIDATOR.iter_errors(changed(path, value)))


def test_the_schema_accepts_the_usual_configuration() -> None:
    assert not list(VALIDATOR.iter_errors(configuration()))


def test_an_editor_shows_why_a_key_is_not_offered() -> None:
    assert "Not offered: there is no remote desktop" in SCHEMA["$defs"]["HeadNode"]["properties"]["Dcv"]["description"]


@pytest.mark.parametrize("page", [configuration_page, coming_page])
def test_a_page_tells_every_key_that_is_not_offered(page: Any) -> None:
    text = page()
    for key in walk(Cluster):
        if key.refused:
            assert key.path.rpartition(".")[2] in text
            assert key.refused.reason.replace("|", "\\|") in text


def test_the_reference_tells_every_code_and_every_effect_of_a_change() -> None:
    text = configuration_page()
    for word in (*Code, *Change):
        assert f"- `{word}`: " in text


def test_the_reference_tells_every_key() -> None:
    text = configuration_page()
    for key in walk(Cluster):
        assert f"| `{key.path.rpartition('.')[2]}` |" in text
