"""Generated blocks and pages: whatever the code knows is in them, and nothing is forgotten silently."""

from __future__ import annotations

from pathlib import Path

import pytest

from shoal.operation.catalogue import CATALOGUE
from tools.documentation import machines, operations, rights
from tools.documentation.blocks import filled

PAGE = "Before.\n<!-- generated: one -->\nold\n<!-- /generated -->\nAfter.\n"


@pytest.fixture
def page(tmp_path: Path) -> Path:
    path = tmp_path / "page.md"
    path.write_text(PAGE)
    return path


def test_a_block_is_replaced_and_everything_around_it_stays(page: Path) -> None:
    assert filled(page, {"one": "new"}) == PAGE.replace("old", "new")


def test_filling_twice_is_filling_once(page: Path) -> None:
    page.write_text(filled(page, {"one": "new"}))
    assert filled(page, {"one": "new"}) == page.read_text()


def test_a_block_that_the_page_lacks_is_an_error(page: Path) -> None:
    with pytest.raises(ValueError, match="has no block for two"):
        filled(page, {"one": "new", "two": "more"})


def test_a_block_that_nothing_generates_is_an_error(page: Path) -> None:
    with pytest.raises(KeyError, match="one"):
        filled(page, {})


def test_every_field_of_an_operation_is_explained_and_no_other() -> None:
    fields = {field for operation in CATALOGUE.values() for field in (*operation.required, *operation.optional)}
    assert set(operations.FIELDS) == fields


def test_every_machine_has_its_picture() -> None:
    assert sorted(machines.ORDER) == sorted(path.name.split(".")[0] for path in machines.MACHINES.iterdir())


def test_every_statement_about_everything_has_its_reason() -> None:
    assert [statement for _, statement, reason in rights.stars() if not reason] == []
