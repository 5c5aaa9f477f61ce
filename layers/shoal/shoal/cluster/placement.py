"""Placement groups: nodes of a compute resource close to each other, in a group made for it or in one of the user's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from shoal.cluster.grammar import Change, Section, Violation


class PlacementGroup(Section):
    """Cluster placement group of the nodes."""

    enabled: Annotated[bool | None, Change.ROLLS] = None
    """Whether nodes stand in a placement group: that of `Name`, or one that is made for each compute resource."""
    name: Annotated[str | None, Change.ROLLS, Field(min_length=1, max_length=255)] = None
    """Name of an existing placement group."""
    id: Annotated[str | None, Change.ROLLS, Field(min_length=1, max_length=255)] = None
    """Old name of `Name`."""

    @property
    def existing(self) -> str | None:
        """The name of the user's group."""
        return self.name or self.id

    @property
    def given(self) -> bool:
        """Whether the section says anything."""
        return self.enabled is not None or self.existing is not None

    @property
    def wanted(self) -> bool:
        """Whether nodes stand in a group."""
        return bool(self.enabled) or self.existing is not None

    def rules(self) -> Iterator[Violation]:
        """One name, and only of a group that is wanted."""
        if self.name and self.id:
            yield Violation("Id", "cannot be combined with Name", "keep Name")
        if self.existing and self.enabled is False:
            key = "Name" if self.name else "Id"
            yield Violation(key, "names a group, and Enabled is false", "write Enabled: true, or remove one of them")
