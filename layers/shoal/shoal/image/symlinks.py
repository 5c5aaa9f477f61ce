"""Symbolic links of a build context: followed here, since not every tool that carries an archive keeps them.

CodePipeline and CodeBuild have unpacked a link as a file that holds the link's text
(https://github.com/aws/aws-cdk/pull/14520), so what a link leads to stands in its place as a copy.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Iterator, Mapping
from enum import StrEnum

MOST_LINKS = 40
"""Links on the way to one file; Linux's own limit (https://man7.org/linux/man-pages/man7/path_resolution.7.html)."""


class Astray(StrEnum):
    """Why a link leads nowhere."""

    OUT = "leads out of it"
    NOWHERE = "leads to nothing in it"
    CIRCLE = "leads in a circle"


class LinkError(Exception):
    """A link that cannot be followed.

    Attributes:
        why: what is wrong with it.
    """

    def __init__(self, why: Astray) -> None:
        super().__init__(why.value)
        self.why = why


class Links:
    """The links of one tree and the names of its files."""

    def __init__(self, targets: Mapping[str, str], files: Iterator[str]) -> None:
        self._targets = targets
        self._files = frozenset(files)
        self._names = sorted(self._files | targets.keys())

    def follow(self, path: str) -> str:
        """Where a path leads when every link on its way is followed, the last one too; empty for the tree itself.

        Raises:
            LinkError: it leads out of the tree, or through more than `MOST_LINKS` links.
        """
        rest, done, followed = deque(path.split("/")), list[str](), 0
        while rest:
            step = rest.popleft()
            if step == ".." and not done:
                raise LinkError(Astray.OUT)
            if step == "..":
                done.pop()
            elif step not in ("", "."):
                done.append(step)
                target = self._targets.get("/".join(done))
                if target is not None:
                    followed += 1
                    done.pop()
                    rest.extendleft(reversed(_steps(target, followed)))
        return "/".join(done)

    def copies(self, link: str) -> Iterator[tuple[str, str]]:
        """The files that stand in a link's place: the name of each, and the file that it is a copy of.

        Raises:
            LinkError: the link, or one in the folder that it leads to, cannot be followed.
        """
        return self._below(self.follow(link), link, ())

    def _below(self, real: str, shown: str, within: tuple[str, ...]) -> Iterator[tuple[str, str]]:
        if real in self._files:
            yield shown, real
            return
        if real in within or len(within) == MOST_LINKS:
            raise LinkError(Astray.CIRCLE)
        members = self._members(real)
        if not members:
            raise LinkError(Astray.NOWHERE)
        for name in members:
            place = f"{shown}/{name[len(real) :].lstrip('/')}"
            yield from self._below(self.follow(name), place, (*within, real))

    def _members(self, folder: str) -> list[str]:
        """Every file and link below a folder, at any depth."""
        if not folder:
            return self._names
        # "0" is the character after "/"
        return self._names[bisect_left(self._names, f"{folder}/") : bisect_left(self._names, f"{folder}0")]


def _steps(target: str, followed: int) -> list[str]:
    if target.startswith("/"):
        raise LinkError(Astray.OUT)
    if followed > MOST_LINKS:
        raise LinkError(Astray.CIRCLE)
    return target.split("/")
