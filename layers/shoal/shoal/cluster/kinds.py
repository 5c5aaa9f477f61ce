"""The kinds of cluster, AWS Batch and Slurm: keys and values that belong to one kind are refused in the other.

What a kind lacks is told from the document, whatever else is wrong with it, so that one reading tells everything.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Literal

from shoal.cluster.grammar import Code, Location, Only, Section, key_of
from shoal.cluster.problems import Problem, make, section_of

type Kind = Literal["awsbatch", "slurm"]

AWSBATCH: Kind = "awsbatch"
SLURM: Kind = "slurm"
SLURM_ONLY_SYSTEMS = ("rhel9", "rocky9")
SYSTEMS_WITHOUT_SLURM = ("alinux2023", "rhel9", "rocky9")
"""Systems whose own packages have no Slurm: an AMI must bring it."""
_OTHER = MappingProxyType({AWSBATCH: "an AWS Batch", SLURM: "a Slurm"})


def kind_of(data: Mapping[str, Any]) -> Kind | None:
    """The kind of cluster that a document describes; none if it does not say."""
    scheduling = data.get("Scheduling")
    scheduler = scheduling.get("Scheduler") if isinstance(scheduling, Mapping) else None
    return next((kind for kind in (AWSBATCH, SLURM) if kind == scheduler), None)


def out_of_kind(section: type[Section], data: Mapping[str, Any]) -> Iterator[Problem]:
    """The keys and values of a document that belong to the other kind of cluster.

    Args:
        section: the class of the document's root.
        data: the document, right or wrong.
    """
    kind = kind_of(data)
    if kind is not None:
        yield from _keys(section, data, (), kind)
        yield from _metadata(data, kind)
        yield from _system(data, kind)


def _keys(section: type[Section], data: Mapping[str, Any], at: Location, kind: Kind) -> Iterator[Problem]:
    for name, info in section.model_fields.items():
        key = key_of(name)
        only = next((note for note in info.metadata if isinstance(note, Only)), None)
        inner = section_of(info.annotation)
        if key not in data:
            continue
        if only and only.kind != kind:
            message = f"is not offered in {_OTHER[kind]} cluster: {only.reason}"
            yield make((*at, key), Code.NOT_OFFERED, message, only.instead)
        elif inner:
            for here, item in _sections(data[key], (*at, key)):
                yield from _keys(inner, item, here, kind)


def _sections(value: object, at: Location) -> Iterator[tuple[Location, Mapping[str, Any]]]:
    items = enumerate(value) if isinstance(value, list | tuple) else ()
    for here, item in ((at, value), *(((*at, index), item) for index, item in items)):
        if isinstance(item, Mapping):
            yield here, item


def _value(data: Mapping[str, Any], *keys: str) -> object:
    value: object = data
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _metadata(data: Mapping[str, Any], kind: Kind) -> Iterator[Problem]:
    at = ("HeadNode", "Imds", "Secured")
    if kind == AWSBATCH and _value(data, *at) is True:
        message = "cannot be true in an AWS Batch cluster: users submit jobs with the head node's role"
        yield make(at, Code.CONFLICT, message, "write Secured: false")


def _system(data: Mapping[str, Any], kind: Kind) -> Iterator[Problem]:
    at = ("Image", "Os")
    system = _value(data, *at)
    if kind == AWSBATCH and system in SLURM_ONLY_SYSTEMS:
        message = f"has the value {system}, which is not offered: Shoal is not tested on it with AWS Batch"
        yield make(at, Code.NOT_OFFERED, message, "write alinux2023, ubuntu2404 or debian12")
    elif kind == SLURM and system in SYSTEMS_WITHOUT_SLURM and not _brings_amis(data):
        message = f"has the value {system}, which is not offered without a CustomAmi: its packages have no Slurm"
        suggestion = "add Image.CustomAmi, an AMI that brings Slurm with `slurmd -Z`, or write debian12 or ubuntu2404"
        yield make(at, Code.NOT_OFFERED, message, suggestion)


def _brings_amis(data: Mapping[str, Any]) -> bool:
    """Whether the head node and every queue have an AMI of the user's."""
    if _value(data, "Image", "CustomAmi"):
        return True
    queues = _value(data, "Scheduling", "SlurmQueues")
    listed = queues if isinstance(queues, list | tuple) else ()
    return bool(_value(data, "HeadNode", "Image", "CustomAmi")) and all(
        _value(queue, "Image", "CustomAmi") for queue in listed if isinstance(queue, Mapping)
    )
