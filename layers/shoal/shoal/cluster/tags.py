"""Tags that a configuration gives: what AWS takes as key and value, and what is kept for AWS and Shoal."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from shoal.cluster.grammar import Change, Matching, Section

RESERVED_TAGS = r"[Aa][Ww][Ss]:|[Ss][Hh][Oo][Aa][Ll]:|parallelcluster:(?!custom_resource$)"
TAG_CHARACTER = r"""[^!"#$%&'()*,;<>?\[\\\]^`{|}~]"""
"""What IAM refuses in a tag, and so every cluster's roles: https://docs.aws.amazon.com/IAM/latest/APIReference/API_Tag.html"""
MOST_TAGS = 40
"""AWS allows 50 for each resource, Shoal and CloudFormation add theirs."""

_KEY = Matching(
    rf"(?!{RESERVED_TAGS}){TAG_CHARACTER}+",
    "letters, digits, spaces and `_.:/=+-@`, not beginning with `aws:`, `shoal:` or `parallelcluster:`",
)
_VALUE = Matching(rf"{TAG_CHARACTER}*", "letters, digits, spaces and `_.:/=+-@`")


class Tag(Section):
    """A tag on everything that belongs to the cluster."""

    key: Annotated[str, Change.REPLACES, Field(max_length=128), _KEY]
    """Key of the tag."""
    value: Annotated[str, Change.REPLACES, Field(max_length=256), _VALUE]
    """Value of the tag."""


class NodeTag(Section):
    """A tag on compute nodes, with their volumes and network interfaces."""

    key: Annotated[str, Change.ROLLS, Field(max_length=128), _KEY]
    """Key of the tag."""
    value: Annotated[str, Change.ROLLS, Field(max_length=256), _VALUE]
    """Value of the tag; it goes before that of the cluster's tag with this key."""
