"""Is the node package one zip of the same bytes, that runs where only Python 3.9 and boto3 are?"""

from __future__ import annotations

import ast
import io
import sys
import zipfile
from pathlib import Path

import pytest

import shoal_node
from shoal.cluster.node_package import node_package

FOLDER = Path(shoal_node.__file__).parent
MODULES = sorted(FOLDER.rglob("*.py"))
ALLOWED = {"boto3", "botocore", "shoal_node", *sys.stdlib_module_names}
NEWER_THAN_3_9 = {"tomllib"}


def imported(tree: ast.AST) -> set[str]:
    names = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    names += [str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    return {name.split(".")[0] for name in names}


def test_the_package_has_the_same_bytes_every_time() -> None:
    assert node_package() == node_package()


def test_the_package_holds_every_module_and_unit() -> None:
    names = set(zipfile.ZipFile(io.BytesIO(node_package()[1])).namelist())
    assert names == {f"shoal_node/{path.relative_to(FOLDER)}" for path in (*MODULES, *FOLDER.glob("units/*"))}


def test_the_key_changes_with_the_content(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    before = node_package()[0]
    (tmp_path / "__init__.py").write_text("")
    monkeypatch.setattr("shoal.cluster.node_package.files", lambda _: tmp_path)
    assert node_package()[0] != before


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(FOLDER)))
def test_a_module_is_valid_python_3_9(path: Path) -> None:
    ast.parse(path.read_text(), feature_version=(3, 9))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(FOLDER)))
def test_a_module_imports_the_standard_library_and_boto3_only(path: Path) -> None:
    found = imported(ast.parse(path.read_text()))
    assert found <= ALLOWED - NEWER_THAN_3_9


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(FOLDER)))
def test_annotations_of_later_pythons_are_never_evaluated(path: Path) -> None:
    tree = ast.parse(path.read_text())
    futures = [node for node in tree.body if isinstance(node, ast.ImportFrom) and node.module == "__future__"]
    assert futures or not any(isinstance(node, ast.AnnAssign | ast.FunctionDef) for node in ast.walk(tree))
