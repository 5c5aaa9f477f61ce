"""Custom actions: scripts of the user's that nodes fetch and run, once when they start and once when they are ready."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from shoal.cluster.grammar import Change, Code, Matching, Only, Section, Violation
from shoal_node import contract

LONGEST_ACTIONS = 2048
"""Characters of the addresses and arguments of one hook: they travel in user data, of which EC2 takes 16 KB,
https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-add-user-data.html
"""
_ADDRESS = Matching(
    r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/\S+|https://[A-Za-z0-9.-]+(:\d+)?(/\S*)?",
    "an address like `s3://bucket/setup.sh` or `https://example.com/setup.sh`",
)
_MOST = Field(max_length=10)


class Script(Section):
    """A script with its arguments, as one of several."""

    script: Annotated[str, Change.FIXED, Field(max_length=1024), _ADDRESS]
    """Where the script lies. From S3 a node reads it with its role, which needs `S3Access` to the bucket."""
    args: Annotated[tuple[str, ...], Change.FIXED] = ()
    """Arguments of the script."""


class Action(Section):
    """A script with its arguments, or several in their order; one that fails makes the node fail."""

    script: Annotated[str | None, Change.FIXED, Field(max_length=1024), _ADDRESS] = None
    """Where the script lies. From S3 a node reads it with its role, which needs `S3Access` to the bucket."""
    args: Annotated[tuple[str, ...], Change.FIXED] = ()
    """Arguments of the script."""
    sequence: Annotated[tuple[Script, ...], Change.FIXED, _MOST] = ()
    """Several scripts, instead of `Script` and `Args`."""

    @property
    def scripts(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """Every script's address with its arguments, in the order in which they run."""
        if self.script is not None:
            return ((self.script, self.args),)
        return tuple((item.script, item.args) for item in self.sequence)

    def rules(self) -> Iterator[Violation]:
        """Either one script or several, and not more text than user data hold."""
        if self.script is None and not self.sequence:
            yield Violation("Script", "is missing", "add Script, or Sequence with several", Code.MISSING_KEY)
        elif self.script is not None and self.sequence:
            yield Violation("Sequence", "cannot be combined with Script", "write all scripts in Sequence")
        elif self.args and self.script is None:
            yield Violation("Args", "belongs to Script, and there is none", "write Args in the items of Sequence")
        if sum(len(word) for script, words in self.scripts for word in (script, *words)) > LONGEST_ACTIONS:
            key = "Script" if self.script is not None else "Sequence"
            suggestion = f"write at most {LONGEST_ACTIONS} characters of addresses and arguments"
            yield Violation(key, "is too long with its arguments", suggestion, Code.OUT_OF_RANGE)


class NodeScript(Script):
    """A script with its arguments, as one of several."""

    script: Annotated[str, Change.ROLLS, Field(max_length=1024), _ADDRESS]
    """Where the script lies. From S3 a node reads it with its role, which needs `S3Access` to the bucket."""
    args: Annotated[tuple[str, ...], Change.ROLLS] = ()
    """Arguments of the script."""


class NodeAction(Action):
    """A script with its arguments, or several in their order; one that fails makes the node fail."""

    script: Annotated[str | None, Change.ROLLS, Field(max_length=1024), _ADDRESS] = None
    """Where the script lies. From S3 a node reads it with its role, which needs `S3Access` to the bucket."""
    args: Annotated[tuple[str, ...], Change.ROLLS] = ()
    """Arguments of the script."""
    sequence: Annotated[tuple[NodeScript, ...], Change.ROLLS, _MOST] = ()
    """Several scripts, instead of `Script` and `Args`."""


class UpdateScript(Script):
    """A script with its arguments, as one of several."""

    script: Annotated[str, Change.LIVE, Field(max_length=1024), _ADDRESS]
    """Where the script lies. From S3 the head node reads it with its role, which needs `S3Access` to the bucket."""
    args: Annotated[tuple[str, ...], Change.LIVE] = ()
    """Arguments of the script."""


class UpdateAction(Action):
    """A script with its arguments, or several in their order; one that fails makes the update fail."""

    script: Annotated[str | None, Change.LIVE, Field(max_length=1024), _ADDRESS] = None
    """Where the script lies. From S3 the head node reads it with its role, which needs `S3Access` to the bucket."""
    args: Annotated[tuple[str, ...], Change.LIVE] = ()
    """Arguments of the script."""
    sequence: Annotated[tuple[UpdateScript, ...], Change.LIVE, _MOST] = ()
    """Several scripts, instead of `Script` and `Args`."""


class HeadNodeActions(Section):
    """Scripts that run as root on the head node."""

    on_node_start: Action | None = None
    """Runs when the node first starts, before it is set up."""
    on_node_configured: Action | None = None
    """Runs when the node is set up, before the cluster counts as created."""
    on_node_updated: Annotated[
        UpdateAction | None,
        Only("slurm", "an update changes nothing on the head node of an AWS Batch cluster", "remove the key"),
    ] = None
    """Runs after each update that changes what the head node applies."""


class NodeActions(Section):
    """Scripts that run as root on each of a queue's nodes."""

    on_node_start: NodeAction | None = None
    """Runs when a node first starts, before it is set up."""
    on_node_configured: NodeAction | None = None
    """Runs when a node is set up, before jobs run on it."""


# ---- what nodes are told


def actions(action: Action | None) -> tuple[contract.Action, ...]:
    """The scripts of a hook as a node is told of them."""
    return tuple(contract.Action(script, words) for script, words in action.scripts) if action else ()
