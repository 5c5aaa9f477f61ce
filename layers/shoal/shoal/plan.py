"""What an update would do: two configurations and a change set become a plan, its refusals and its hash."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shoal.change_set import ResourceChange
from shoal.cluster.blueprint import Blueprint, blueprint
from shoal.cluster.changes import KeyChange, taken_back
from shoal.cluster.configuration import Cluster, load
from shoal.cluster.problems import ConfigurationError
from shoal.cluster.site import Site

SHOWN_REFUSALS = 20
"""Refusals that are told one by one; the plan has them all."""
SHOWN_KEYS = 5
"""Keys that a refusal names; more never make it clearer."""


@dataclass(frozen=True)
class Plan:
    """What an update would do."""

    keys: tuple[KeyChange, ...]
    resources: tuple[ResourceChange, ...]
    template: str
    """SHA-256 of the template that the update leads to."""

    def to_item(self) -> dict[str, Any]:
        """As it is answered and stored."""
        return {
            "changeSet": [key.to_item() for key in self.keys],
            "resources": [resource.to_item() for resource in self.resources],
            "template": self.template,
        }

    @property
    def hash(self) -> str:
        """What the plan is known by: equal for equal plans, whenever they are made."""
        return digest(self.to_item())

    def answer(self, cluster_name: str, refused: Sequence[str], *, applied: bool) -> dict[str, Any]:
        """What an update answers, or the plan of one."""
        count = len(self.resources)
        changes = f"{count} resource{'' if count == 1 else 's'} of cluster {cluster_name}"
        summary = f"Update changed {changes}." if applied else f"Update would change {changes}; nothing has changed."
        if not count:
            summary = f"Nothing changes in the stack of cluster {cluster_name}."
        if refused and not applied:
            summary = f"Update would be refused: {told(refused)}."
        status = {"clusterStatus": "UPDATE_COMPLETE"} if applied else {}
        return {"summary": summary, **status, "planHash": self.hash, "refused": list(refused), **self.to_item()}


def verdict(resources: Sequence[ResourceChange], refused: Sequence[str], *, only_plan: bool) -> str:
    """What becomes of an update: `planned`, `refused`, `nothing` or `apply`."""
    if only_plan:
        return "planned"
    if refused:
        return "refused"
    return "apply" if resources else "nothing"


def digest(value: Any) -> str:
    """SHA-256 of a JSON value, whatever the order of its keys."""
    return hashlib.sha256(_canonical(value).encode()).hexdigest()


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def template_digest(planned: Blueprint) -> str:
    """SHA-256 of all that CloudFormation is given."""
    return digest(_given(planned))


def creation_digest(planned: Blueprint, generation: str) -> str:
    """SHA-256 of what a creation gives to CloudFormation: equal whenever it is planned.

    Args:
        planned: what the configuration means.
        generation: the time of planning, which names of log groups hold.
    """
    return hashlib.sha256(_canonical(_given(planned)).replace(generation, "").encode()).hexdigest()


def _given(planned: Blueprint) -> dict[str, Any]:
    return {"template": planned.template, "parameters": planned.parameters, "tags": planned.tags}


def told(refused: Sequence[str]) -> str:
    """Refusals in one line."""
    more = len(refused) - SHOWN_REFUSALS
    return "; ".join([*refused[:SHOWN_REFUSALS], *([f"and {more} more"] if more > 0 else [])])


def refused_keys(keys: Sequence[KeyChange]) -> tuple[str, ...]:
    """A sentence for each key that no update may change."""
    return tuple(
        f"{key.parameter} cannot change from {_shown(key.current)} to {_shown(key.requested)} ({key.change.value})"
        for key in keys
        if key.refused
    )


def _shown(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def refused_resources(resources: Sequence[ResourceChange], causes: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """A sentence for each holder of data or jobs that would be replaced.

    Args:
        resources: the change set.
        causes: logical id to the configuration keys that cause its replacement.
    """
    return tuple(
        f"{_and(causes[resource.logical_id])} would replace {resource.held} {resource.logical_id} "
        f"({', '.join(resource.properties)})"
        for resource in resources
        if resource.held
    )


def _and(keys: Sequence[str]) -> str:
    if len(keys) > SHOWN_KEYS:
        return f"{' and '.join(keys[:SHOWN_KEYS])} and {len(keys) - SHOWN_KEYS} more keys"
    return " and ".join(keys) or "A change that no key of the configuration explains"


def causes(
    resources: Sequence[ResourceChange], keys: Sequence[KeyChange], old: Cluster, new: Cluster, site: Site
) -> dict[str, tuple[str, ...]]:
    """The configuration keys that cause each replacement, found by taking one change back at a time.

    Tags stand on every resource and replace none, so they do not count. Where no single change explains a
    replacement, all changed keys do together.
    """
    wanted = [resource for resource in resources if resource.held]
    if not wanted:
        return {}
    target = _untagged(blueprint(new, site).template["Resources"])
    without = {key.parameter: rendered for key, rendered in _without_each(keys, old, new, site)}
    every = tuple(key.parameter for key in keys)
    found: dict[str, tuple[str, ...]] = {}
    for change in wanted:
        names = (change.logical_id, *change.causes)
        alone = [key for key, rendered in without.items() if any(rendered.get(n) != target.get(n) for n in names)]
        found[change.logical_id] = tuple(alone) or every
    return found


def _without_each(
    keys: Sequence[KeyChange], old: Cluster, new: Cluster, site: Site
) -> Iterator[tuple[KeyChange, dict[str, Any]]]:
    before, after = old.dump(), new.dump()
    for key in keys:
        try:
            yield key, _untagged(blueprint(load(taken_back(key, before, after)), site).template["Resources"])
        except ConfigurationError:
            continue  # without this change the others make no sense, so it explains nothing alone


def _untagged(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _untagged(inner) for key, inner in value.items() if key not in {"Tags", "TagSpecifications"}}
    return [_untagged(inner) for inner in value] if isinstance(value, list) else value
