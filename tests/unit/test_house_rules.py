"""The rules of the house that no ready-made lint knows: each is one look at the project's own source."""

from __future__ import annotations

import ast
import functools
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from shoal.errors import ErrorCode
from shoal.operation.catalogue import CATALOGUE
from shoal_cli.main import COMMANDS

ROOT = Path(__file__).resolve().parents[2]
CONTROL_PLANE = ("layers/shoal/shoal", "functions")
JOB_IMAGE = "layers/shoal/shoal/image/context"
"""Travels with the control plane and is no part of it: it runs in the jobs' containers."""
PRODUCT = (*CONTROL_PLANE, "layers/shoal/shoal_node")
EVERYTHING = (*PRODUCT, "shoal_cli", "embedded_aws", "tools")

LONGEST_HANDLER = 40
LONGEST_FUNCTION = 50
LONGEST_MODULE = 300
GRAB_BAGS = {"utils", "util", "common", "helpers", "helper", "misc", "lib", "tools", "base", "core", "manager"}
CALLED_BY_MACHINES_ONLY = {"build-image", "deploy-stack", "clean-up", "remove-leftovers", "run-operation"}
"""Machines that no row of the catalogue names: the front door itself, and what several machines share."""


def modules(*folders: str) -> list[str]:
    found = [path.relative_to(ROOT) for folder in folders for path in (ROOT / folder).rglob("*.py")]
    return sorted(str(path) for path in found)


@functools.cache
def tree(module: str) -> ast.Module:
    return ast.parse((ROOT / module).read_text())


def imported(module: str) -> Iterator[str]:
    """The first part of every name that a module imports absolutely, wherever in it."""
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module.split(".")[0]


def functions_of(module: str) -> Iterator[ast.FunctionDef]:
    return (node for node in ast.walk(tree(module)) if isinstance(node, ast.FunctionDef))


def lines(node: ast.FunctionDef) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def docstrings(module: str) -> set[int]:
    """The identities of the constants that are documentation: statements that are nothing but a string."""
    return {id(node.value) for node in ast.walk(tree(module)) if isinstance(node, ast.Expr)}


@pytest.mark.parametrize("module", modules("functions"))
def test_a_handler_fits_on_a_screen(module: str) -> None:
    if module.endswith("app.py"):
        assert next(lines(node) for node in functions_of(module) if node.name == "handler") <= LONGEST_HANDLER
    assert [node.name for node in functions_of(module) if lines(node) > LONGEST_HANDLER] == []


@pytest.mark.parametrize("module", modules(*EVERYTHING))
def test_a_module_has_one_topic_and_says_which(module: str) -> None:
    assert len((ROOT / module).read_text().splitlines()) <= LONGEST_MODULE
    assert Path(module).stem not in GRAB_BAGS
    assert [node.name for node in functions_of(module) if lines(node) > LONGEST_FUNCTION] == []
    empty_package = module.startswith("functions/") and module.endswith("__init__.py")
    assert ast.get_docstring(tree(module)) or empty_package


@pytest.mark.parametrize("module", modules(*CONTROL_PLANE))
def test_only_shoal_aws_imports_boto3(module: str) -> None:
    if not module.startswith("layers/shoal/shoal/aws/"):
        assert {"boto3", "botocore"}.isdisjoint(imported(module))


@pytest.mark.parametrize("module", modules(*CONTROL_PLANE))
def test_only_settings_reads_the_environment(module: str) -> None:
    if module != "layers/shoal/shoal/settings.py" and not module.startswith(JOB_IMAGE):
        names = {node.attr for node in ast.walk(tree(module)) if isinstance(node, ast.Attribute)}
        assert names.isdisjoint({"environ", "getenv", "environb"})
        assert not re.search(r"from os import .*(environ|getenv)", (ROOT / module).read_text())


@pytest.mark.parametrize("module", modules(*PRODUCT))
def test_no_partition_and_no_dns_suffix_is_taken_for_granted(module: str) -> None:
    documentation = docstrings(module)
    texts = [
        node.value
        for node in ast.walk(tree(module))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation
    ]
    assert [text for text in texts if re.search(r"arn:aws:|amazonaws\.com", text)] == []


@pytest.mark.parametrize("machine", sorted(path.name for path in (ROOT / "statemachines").iterdir()))
def test_a_state_machine_takes_no_partition_for_granted(machine: str) -> None:
    text = (ROOT / "statemachines" / machine).read_text()
    without_comments = re.sub(r'"Comment": "(\\.|[^"\\])*"', "", text)
    assert not re.search(r"arn:aws:|amazonaws\.com", without_comments)


@pytest.mark.parametrize("module", modules("layers/shoal/shoal_node"))
def test_the_node_package_needs_nothing_but_boto3(module: str) -> None:
    allowed = {"boto3", "botocore", "shoal_node", *sys.stdlib_module_names}
    assert set(imported(module)) - allowed == set()


@pytest.mark.parametrize("module", modules("layers/shoal/shoal_node"))
def test_the_node_package_is_python_3_9(module: str) -> None:
    ast.parse((ROOT / module).read_text(), feature_version=(3, 9))


@pytest.mark.parametrize("module", modules(JOB_IMAGE))
def test_the_entry_point_of_jobs_needs_nothing_but_python_3_9(module: str) -> None:
    assert set(imported(module)) <= set(sys.stdlib_module_names)
    ast.parse((ROOT / module).read_text(), feature_version=(3, 9))


def test_set_up_is_python_3_8_because_it_runs_first() -> None:
    ast.parse((ROOT / "tools/set_up.py").read_text(), feature_version=(3, 8))


_IMPORT_EACH = """
import importlib, json, sys
sys.path[:0] = ["layers/shoal", "."]
failures = {}
for name in sys.argv[1:]:
    try:
        importlib.import_module(name)
    except BaseException as error:
        failures[name] = repr(error)
print(json.dumps(failures))
"""


def test_every_handler_can_be_imported_with_an_empty_environment() -> None:
    handlers = [module.removesuffix(".py").replace("/", ".") for module in modules("functions") if "app" in module]
    command = [sys.executable, "-c", _IMPORT_EACH, *handlers]
    done = subprocess.run(command, cwd=ROOT, env={}, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == {}


def test_every_machine_of_the_catalogue_exists_and_every_other_one_is_a_child() -> None:
    machines = {path.name.removesuffix(".asl.json").replace("_", "-") for path in (ROOT / "statemachines").iterdir()}
    named = {operation.machine for operation in CATALOGUE.values() if operation.machine and operation.name != "plan"}
    assert machines == named | CALLED_BY_MACHINES_ONLY


def test_the_front_door_may_start_every_machine_of_the_catalogue() -> None:
    role = (ROOT / "template.yaml").read_text().split("\n  RunOperationRole:")[1].split("\n  #")[0]
    for operation in CATALOGUE.values():
        if operation.machine and operation.name != "plan":
            assert f":stateMachine:${{NamePrefix}}-{operation.machine}" in role


def test_every_operation_is_a_command_and_has_a_section_in_the_documentation() -> None:
    page = (ROOT / "docs/operations.md").read_text()
    documented = re.findall(r"^## `([a-z-]+)`", page, re.MULTILINE)
    assert documented == list(CATALOGUE)
    assert set(CATALOGUE) - {"help"} <= set(COMMANDS)


def test_every_error_code_is_in_the_documentation() -> None:
    page = (ROOT / "docs/errors.md").read_text()
    assert re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE) == [str(code) for code in ErrorCode]


def test_every_error_code_is_raised_somewhere() -> None:
    names = {
        node.attr
        for module in modules(*CONTROL_PLANE)
        for node in ast.walk(tree(module))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "ErrorCode"
    }
    assert {code.name for code in ErrorCode} - names == set()


@pytest.mark.parametrize("page", sorted(path.name for path in (ROOT / "docs").glob("*.md")))
def test_every_page_is_in_the_index_of_the_readme(page: str) -> None:
    assert f"(docs/{page})" in (ROOT / "README.md").read_text()


def _links() -> list[tuple[str, str]]:
    pages = [ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").glob("*.md")]
    found = [(page, link) for page in pages for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text())]
    return sorted((str(page.relative_to(ROOT)), link) for page, link in found if not link.startswith("http"))


@pytest.mark.parametrize(("page", "link"), _links())
def test_a_link_between_pages_leads_somewhere(page: str, link: str) -> None:
    target, _, anchor = link.partition("#")
    path = (ROOT / page).parent / target if target else ROOT / page
    assert path.exists()
    if anchor:
        headings = re.findall(r"^#+ (.+)$", path.read_text(), re.MULTILINE)
        assert anchor in {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) < 200
