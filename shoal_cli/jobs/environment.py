"""The environment that is submitted with a job: which variables of the user's shell, and which of the option's own."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

ALL = "all"
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
BLACKLIST = ("HOME", "LD_LIBRARY_PATH", "PATH", "PWD", "TERM", "TERMCAP", "USER", "VCPUS")
"""Not exported by `all` unless a blacklist is given; AWS's Batch client has the same."""
NODES_TIMEOUT = "SHOAL_NODES_TIMEOUT"
"""Seconds for which the nodes of a job wait for each other; read by the entry point before any file is there."""
RESERVED = re.compile(rf"(?!{NODES_TIMEOUT}$)(AWS|PCLUSTER|SHOAL|LESS_TERMCAP)_.*", re.IGNORECASE)
"""What Batch and the cluster set themselves, or describes the user's terminal."""
READ_ONLY = frozenset({"BASHOPTS", "BASH_VERSINFO", "EUID", "PPID", "SHELLOPTS", "UID", "_"})
"""Bash refuses to be given these; https://www.gnu.org/software/bash/manual/html_node/Bash-Variables.html"""
LONGEST = 131_072
"""Bytes of `NAME=value` or of an argument, with the zero at its end: Linux starts no program with a longer one
(https://man7.org/linux/man-pages/man2/execve.2.html)."""


@dataclass(frozen=True)
class Environment:
    """The variables of a job, and what is wrong with what was asked for."""

    variables: Mapping[str, str]
    problems: tuple[str, ...] = ()


def exports_all(asked: Sequence[str]) -> bool:
    """Whether all of the shell's variables are meant."""
    return ALL in _names(asked)


def _names(asked: Sequence[str]) -> list[str]:
    return [name.strip() for item in asked if "=" not in item for name in item.split(",")]


def read(asked: Sequence[str], blacklist: str | None, shell: Mapping[str, str]) -> Environment:
    """The variables that `--env` means.

    Args:
        asked: each one `NAME=value`, a comma separated list of names of the shell's variables, or `all`.
        blacklist: comma separated names that `all` leaves out; none: `BLACKLIST`.
        shell: the user's environment.
    """
    names = _names(asked)
    given = dict(item.split("=", 1) for item in asked if "=" in item)
    variables: dict[str, str] = {}
    if ALL in names:
        left_out = BLACKLIST if blacklist is None else [name.strip() for name in blacklist.split(",")]
        variables = {name: value for name, value in shell.items() if _passes(name) and name not in left_out}
    named = [name for name in names if name != ALL]
    variables |= {name: shell[name] for name in named if name in shell} | given
    problems = [*_problems(named, given, shell), *_too_long(variables)]
    if blacklist is not None and ALL not in names:
        problems.append("--env-blacklist leaves variables out of --env all; write that as well")
    return Environment(variables, tuple(problems))


def _passes(name: str) -> bool:
    return bool(NAME.fullmatch(name)) and not RESERVED.fullmatch(name) and name not in READ_ONLY


def _problems(named: Sequence[str], given: Mapping[str, str], shell: Mapping[str, str]) -> Iterator[str]:
    for name in [*named, *given]:
        if not NAME.fullmatch(name):
            yield f"--env {name or '(nothing)'} is no name of a variable; write letters, digits and underscores"
        elif not _passes(name):
            yield f"--env {name} is set by Batch, the cluster or bash itself; leave it out"
        elif name not in given and name not in shell:
            yield f"--env {name} is not set here; set it, or write --env {name}=value"


def _too_long(variables: Mapping[str, str]) -> Iterator[str]:
    for name, value in variables.items():
        if len(f"{name}={value}".encode(errors="surrogateescape")) >= LONGEST:
            yield f"--env {name} has more than {LONGEST - 1} bytes; send it as an --input-file"
