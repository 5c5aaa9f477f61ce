"""Looking at nodes and doing what is decided about each: some that messages name, or all, once a minute."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Optional

from botocore.exceptions import ClientError

from shoal_node import groups
from shoal_node.capacity import OF_NODES, refused_again
from shoal_node.daemon import Decisions
from shoal_node.decide import (
    Do,
    Instance,
    Moment,
    Record,
    SlurmNode,
    State,
)
from shoal_node.fleet import Fleet
from shoal_node.look import Case, Look, case_of
from shoal_node.node_table import NodeTable
from shoal_node.notices import Kind, Notice
from shoal_node.slurm import nodes as slurm_nodes
from shoal_node.slurm.commands import SlurmError, SlurmRefusedError

log = logging.getLogger("shoal_node")


@dataclass
class Reconciler:
    """Does what is decided; every method raises what the daemon's loop waits out."""

    fleet: Fleet
    decisions: Decisions = field(default_factory=Decisions)
    clock: Callable[[], float] = time.time
    _orphans: set[str] = field(default_factory=set)
    """Nodes in Slurm of which nobody knew an instance at the last sweep."""

    @property
    def table(self) -> NodeTable:
        """The cluster's table."""
        return NodeTable(self.fleet)

    def sweep(self) -> None:
        """Look at every node that anybody knows, and do what is decided about it."""
        look = self._look(None)
        self._settle(dict.fromkeys(sorted({*look.instances.alive, *look.records})), look)
        self._remove_orphans(look)

    def hear(self, notices: Sequence[Notice]) -> set[str]:
        """Look at the instances that notices name; the ids of those about which nothing could be decided."""
        heard: dict[str, Optional[Notice]] = dict.fromkeys(notice.instance_id for notice in notices)
        heard.update({notice.instance_id: notice for notice in notices if notice.kind is Kind.FAILED})
        return self._settle(heard, self._look(set(heard)))

    def _look(self, ids: Optional[set[str]]) -> Look:
        records = self.table.all() if ids is None else self.table.of(ids)
        seen = groups.instances(self.fleet, ids)
        missing = {name for name, known in records.items() if known.state is not State.TERMINATING} - set(seen.alive)
        if missing:  # asked by their ids, where all were asked; where ids were: who has their addresses now?
            addresses = [records[name].address for name in missing]
            by_id = ids is None
            more = groups.instances(self.fleet, missing) if by_id else groups.at_addresses(self.fleet, addresses)
            seen = groups.Seen({**more.alive, **seen.alive}, seen.ended | more.ended, seen.strangers | more.strangers)
        try:
            return Look(seen, records, slurm_nodes.nodes())
        except SlurmError as error:
            log.warning("Slurm does not tell of its nodes: %s", error)
            return Look(seen, records, None)

    def _settle(self, heard: Mapping[str, Optional[Notice]], look: Look) -> set[str]:
        """Decide about instances and do it, all at once; the ids of those that are not settled.

        One that AWS or Slurm refuses to handle keeps no other waiting: then each is handled on its own.
        """
        try:
            return self._settle_together(heard, look)
        except (ClientError, SlurmRefusedError) as error:
            if len(heard) == 1:
                log.warning("%s: %s", *heard, error)
                return set(heard)
        return set().union(*(self._settle({name: failed}, look) for name, failed in heard.items()))

    def _settle_together(self, heard: Mapping[str, Optional[Notice]], look: Look) -> set[str]:
        moment = Moment(self.clock(), self.fleet.join_seconds)
        cases = [case_of(name, look, look.records.get(name), failed, moment) for name, failed in heard.items()]
        new = {case.instance_id: case for case in cases if case.action.do is Do.RECORD}
        if new:
            instances = [case.instance for case in new.values() if isinstance(case.instance, Instance)]
            self.table.put_new(instances, int(moment.now))
            self._tell(new.values())
            records = self.table.of(new)
            cases = [case for case in cases if case.instance_id not in new]
            cases += [case_of(name, look, records.get(name), heard[name], moment) for name in new]
        self._act(cases, int(moment.now))
        self._tell(cases)
        return {case.instance_id for case in cases if case.action.do is Do.WAIT}

    def _act(self, cases: Sequence[Case], now: int) -> None:
        """Do what is decided; Slurm loses a node before its record says that it has."""
        known = [(case, case.record) for case in cases if case.record is not None]
        gone = [case.node.name for case, _ in known if case.action.do is Do.REMOVE and isinstance(case.node, SlurmNode)]
        slurm_nodes.remove(gone)
        becomes = {Do.READY: State.READY, Do.REMOVE: State.TERMINATING}
        self.table.change(
            [(record, becomes[case.action.do]) for case, record in known if case.action.do in becomes], now
        )
        self._trust({(record.queue, record.compute_resource) for case, record in known if case.action.do is Do.READY})
        for case, record in known:
            if case.action.do is Do.FAIL:
                self._fail(case, record, now)

    def _trust(self, joined: set[tuple[str, str]]) -> None:
        """Forget that instances of these compute resources did not become nodes: one did."""
        refusals = self.table.refusals() if joined else {}
        for resource in self.fleet.resources:
            if (resource.queue, resource.name) in joined and refusals.get(resource.group, {}).get(OF_NODES):
                self.table.clear_refusal(resource.group)

    def _distrust(self, record: Record, why: str, now: int) -> None:
        """Start no more instances of a kind that do not become nodes, for a while."""
        resource = self.fleet.resource(record.queue, record.compute_resource)
        if resource is not None:
            refusal = refused_again(self.table.refusals().get(resource.group), f"its nodes fail: {why}", now)
            self.table.put_refusal(resource.group, {**refusal, OF_NODES: True})

    def _fail(self, case: Case, record: Record, now: int) -> None:
        if record.state is not State.FAILED:
            lines = case.failed.log if case.failed else ()
            failure = replace(record, why=case.action.why, log=lines, failed_at=now)
            self.table.change([(failure, State.FAILED)], now)
        if record.state is State.LAUNCHING:
            self._distrust(record, case.action.why, now)
        if not groups.end(self.fleet, case.instance_id, fewer=True):
            groups.end(self.fleet, case.instance_id, fewer=False)

    def _remove_orphans(self, look: Look) -> None:
        """Take nodes out of Slurm whose instances nobody knows; once is chance, EC2 may not know a new one yet."""
        known = {record.node_name for record in look.records.values() if record.state is not State.TERMINATING}
        known |= {instance.node_name for instance in look.instances.alive.values()}
        ours = [resource.features for resource in self.fleet.resources]
        orphans = {
            name
            for name, node in (look.nodes or {}).items()
            if name not in known and any(features <= node.features for features in ours)
        }
        lost = sorted(orphans & self._orphans)
        slurm_nodes.remove(lost)
        for name in lost:
            self.decisions.tell(self.clock(), f"{name} (no instance)", Do.REMOVE.value, "nobody knows its instance")
        self._orphans = orphans

    def _tell(self, cases: Iterable[Case]) -> None:
        for case in cases:
            if case.action.do is not Do.NOTHING:
                about = f"{case.name or 'no node'} ({case.instance_id})"
                self.decisions.tell(self.clock(), about, case.action.do.value, case.action.why)
