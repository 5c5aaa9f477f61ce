"""`shoal validate`, `template`, `schema`, and what every command has in common; no AWS at all."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jsonschema
import pytest
import yaml

from shoal import __version__
from shoal.operation.catalogue import CATALOGUE
from shoal_cli.main import COMMANDS
from tests.support.clusters import configuration
from tests.support.command_line import Shoal, command

EXAMPLES = sorted((Path(__file__).resolve().parents[2] / "examples").glob("*.yaml"))
LOCAL_COMMANDS = ("up", "down", "status", "env", "deploy", "life")


@pytest.fixture
def shoal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Shoal:
    monkeypatch.chdir(tmp_path)
    return command(monkeypatch, capsys)


def written(folder: Path, document: object) -> str:
    file = folder / "cluster.yaml"
    file.write_text(document if isinstance(document, str) else yaml.safe_dump(document))
    return str(file)


def broken() -> dict[str, object]:
    return {**configuration(), "Regoin": "us-east-1", "CustomS3Bucket": 7}


@pytest.mark.parametrize("name", [*COMMANDS, "version", *(f"local {name}" for name in LOCAL_COMMANDS)])
def test_every_command_explains_itself(shoal: Shoal, name: str) -> None:
    ended = shoal(*name.split(), "--help")
    assert ended.code == 0
    assert f"Usage: shoal {name}" in ended.out


def test_every_operation_but_help_is_a_command_and_help_is_an_option(shoal: Shoal) -> None:
    shown = shoal("--help").out
    assert [name for name in CATALOGUE if name != "help" and f" {name} " not in shown] == []


def test_the_help_tells_the_exit_codes(shoal: Shoal) -> None:
    assert "2 bad input" in shoal("--help").out


def test_the_version_is_printed(shoal: Shoal) -> None:
    assert shoal("version").out == f"{__version__}\n"


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_is_valid_and_renders(shoal: Shoal, example: Path) -> None:
    assert shoal("validate", str(example)).code == 0
    assert json.loads(shoal("template", str(example)).out)["Resources"]


def test_all_problems_of_a_configuration_are_told_a_line_each(shoal: Shoal, tmp_path: Path) -> None:
    ended = shoal("validate", written(tmp_path, broken()))
    lines = ended.out.splitlines()
    assert ended.code == 2
    assert lines[0].endswith("2 problems")
    assert len(lines) == 3
    assert any("Regoin" in line and "write Region" in line for line in lines)


def test_a_program_gets_path_code_message_and_suggestion(shoal: Shoal, tmp_path: Path) -> None:
    ended = shoal("validate", written(tmp_path, broken()), "--output", "json")
    answer = json.loads(ended.out)
    assert ended.code == 2
    assert answer["valid"] is False
    assert {tuple(problem) for problem in answer["problems"]} == {("path", "code", "message", "suggestion")}
    assert {problem["path"] for problem in answer["problems"]} == {"Regoin", "CustomS3Bucket"}


def test_a_valid_configuration_has_an_empty_list_of_problems(shoal: Shoal, tmp_path: Path) -> None:
    ended = shoal("validate", written(tmp_path, configuration()), "--output", "json")
    assert (ended.code, json.loads(ended.out)) == (0, {"valid": True, "problems": []})


@pytest.mark.parametrize("document", ["", "- a list", "a: [", "just text", "a: 1\na: 2"])
@pytest.mark.parametrize("name", ["validate", "template"])
def test_what_is_no_configuration_is_refused_without_a_traceback(
    shoal: Shoal, tmp_path: Path, document: str, name: str
) -> None:
    ended = shoal(name, written(tmp_path, document))
    assert ended.code == 2
    assert "Traceback" not in ended.out + ended.err


@pytest.mark.parametrize("arguments", [("validate",), ("template",), ("create", "genomics"), ("plan", "genomics")])
def test_a_file_that_is_not_there_is_named(shoal: Shoal, arguments: tuple[str, ...]) -> None:
    ended = shoal(*arguments, "missing.yaml")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == "missing.yaml cannot be read: No such file or directory\n"


def test_a_folder_is_not_a_file(shoal: Shoal, tmp_path: Path) -> None:
    ended = shoal("validate", str(tmp_path))
    assert ended.code == 2
    assert "Is a directory" in ended.err


def test_a_file_that_is_not_text_is_named(shoal: Shoal, tmp_path: Path) -> None:
    (tmp_path / "image.png").write_bytes(b"\x89PNG\xff\xfe")
    ended = shoal("validate", "image.png")
    assert (ended.code, ended.err) == (2, "image.png cannot be read: it is not text in UTF-8\n")


@pytest.mark.parametrize("arguments", [("validate", "x.yaml"), ("list",), ("describe", "genomics")])
def test_an_unknown_output_format_is_bad_input(shoal: Shoal, arguments: tuple[str, ...]) -> None:
    ended = shoal(*arguments, "--output", "xml")
    assert ended.code == 2
    assert "'text', 'json'" in " ".join(ended.err.replace("│", " ").split())


@pytest.mark.parametrize("arguments", [("create",), ("nonsense",), ("delete", "genomics", "--force")])
def test_a_wrong_command_line_is_bad_input(shoal: Shoal, arguments: tuple[str, ...]) -> None:
    assert shoal(*arguments).code == 2


def test_a_template_is_the_same_for_the_site_that_was_shown(shoal: Shoal, tmp_path: Path) -> None:
    example = str(EXAMPLES[0])
    (tmp_path / "site.json").write_text(shoal("template", example, "--show-site").out)
    assert shoal("template", example, "--site", "site.json").out == shoal("template", example).out


def test_a_part_of_a_site_is_enough_and_the_rest_is_assumed(shoal: Shoal, tmp_path: Path) -> None:
    example = str(EXAMPLES[0])
    (tmp_path / "site.json").write_text(json.dumps({"head_node_ami": "ami-0123456789abcdef0"}))
    site = json.loads(shoal("template", example, "--site", "site.json", "--show-site").out)
    assert site == json.loads(shoal("template", example, "--show-site").out) | {
        "head_node_ami": "ami-0123456789abcdef0"
    }


def tags(rendered: str) -> set[str]:
    """The tags of the images that a template's job definitions name."""
    return set(re.findall(r'"([0-9a-f]{32})"', rendered))


def test_a_base_image_that_the_site_pins_makes_another_image(shoal: Shoal, tmp_path: Path) -> None:
    example = str(next(path for path in EXAMPLES if path.stem == "awsbatch"))
    name = json.loads(shoal("template", example, "--show-site").out)["base_image"]
    site = {"base_images": {name: f"{name}@sha256:{'1' * 64}"}}
    (tmp_path / "site.json").write_text(json.dumps(site))
    assumed, pinned = tags(shoal("template", example).out), tags(shoal("template", example, "--site", "site.json").out)
    assert (len(assumed), len(pinned)) == (1, 1)
    assert assumed != pinned


COMPLETE = "--show-site prints one that is complete"
WRONG_SITES = {
    '{"base_image": "debian", "base_imagess": {}}': "base_imagess is no fact of a site, did you mean base_images?",
    '{"zzz": 1, "subnets": {"subnet-1": {}}}': "subnets.subnet-1.vpc_id is missing; "
    "subnets.subnet-1.vpc_cidr is missing; subnets.subnet-1.availability_zone is missing; zzz is no fact of a site",
    '{"contexts": {"s3://b/x.zip": {"bucket": "b", "key": "k", "version_id": "1", "digest": "d", "x": 1}}}': (
        "contexts.s3://b/x.zip.x is no fact of a site"
    ),
    '{"bucket": 7}': "bucket: Input should be a valid string",
}


@pytest.mark.parametrize("content", WRONG_SITES)
def test_every_wrong_fact_of_a_site_is_told(shoal: Shoal, tmp_path: Path, content: str) -> None:
    (tmp_path / "site.json").write_text(content)
    ended = shoal("template", str(EXAMPLES[0]), "--site", "site.json")
    assert (ended.code, ended.err) == (2, f"site.json: {WRONG_SITES[content]}; {COMPLETE}\n")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("{", "site.json is not JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
        ("[]", f"site.json is no object with facts; {COMPLETE}"),
    ],
)
def test_a_file_that_is_no_site_is_told(shoal: Shoal, tmp_path: Path, content: str, told: str) -> None:
    (tmp_path / "site.json").write_text(content)
    ended = shoal("template", str(EXAMPLES[0]), "--site", "site.json")
    assert (ended.code, ended.err) == (2, f"{told}\n")


def test_a_context_in_s3_that_the_site_does_not_know_is_told(shoal: Shoal, tmp_path: Path) -> None:
    image = {"Context": "s3://bucket/image.zip"}
    file = written(tmp_path, configuration() | {"ContainerImage": image})
    assert shoal("template", file).code == 0
    (tmp_path / "site.json").write_text(json.dumps({"contexts": {}}))
    ended = shoal("template", file, "--site", "site.json")
    assert (ended.code, ended.err) == (2, f"site.json does not know s3://bucket/image.zip; {COMPLETE}\n")


@pytest.mark.parametrize(("fact", "named"), [("subnets", "subnet-"), ("instance_types", "c6i.large")])
def test_a_site_of_another_configuration_is_refused_naming_what_it_lacks(
    shoal: Shoal, tmp_path: Path, fact: str, named: str
) -> None:
    example = str(next(path for path in EXAMPLES if path.stem == "awsbatch"))
    site = json.loads(shoal("template", example, "--show-site").out)
    (tmp_path / "site.json").write_text(json.dumps({**site, fact: {}}))
    ended = shoal("template", example, "--site", "site.json")
    assert ended.code == 2
    assert named in ended.err


def test_a_template_for_a_name_that_no_cluster_can_have_is_refused(shoal: Shoal) -> None:
    ended = shoal("template", str(EXAMPLES[0]), "--name", "Not_A_Name")
    assert ended.code == 2
    assert "--name Not_A_Name must be 1 to 31 characters" in ended.err


def test_the_schema_accepts_the_examples_and_refuses_a_misspelled_key(shoal: Shoal) -> None:
    schema = json.loads(shoal("schema").out)
    for example in EXAMPLES:
        jsonschema.validate(yaml.safe_load(example.read_text()), schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(broken(), schema)
