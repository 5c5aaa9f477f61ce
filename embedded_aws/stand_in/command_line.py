"""What `docker` understands in a build: login, logout, build, tag and push, as far as a buildspec needs them.

What is not offered here ends with status 2 and a message, with and without an engine: nothing is ignored.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the command line of `docker`."""
    parser = argparse.ArgumentParser(prog="docker", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("login", "logout"):
        commands.add_parser(name).add_argument("registry")
    commands.choices["login"].add_argument("--username", "-u")
    password = commands.choices["login"].add_mutually_exclusive_group(required=True)
    password.add_argument("--password-stdin", action="store_true")
    password.add_argument("--password", "-p")  # as `aws ecr get-login` of the AWS CLI's first version writes it
    _add_build(commands.add_parser("build"))
    tagger = commands.add_parser("tag")
    tagger.add_argument("source")
    tagger.add_argument("target")
    commands.add_parser("push").add_argument("image")
    return parser.parse_args(arguments)


def _add_build(builder: argparse.ArgumentParser) -> None:
    builder.add_argument("context")
    builder.add_argument("--build-arg", action="append", default=[])
    builder.add_argument("--cache-from", action="append", default=[])
    builder.add_argument("--file", "-f")
    builder.add_argument("--label", action="append", default=[])
    builder.add_argument("--no-cache", action="store_true")
    builder.add_argument("--platform")
    builder.add_argument("--progress", choices=["auto", "plain", "tty"])
    builder.add_argument("--pull", action="store_true")
    builder.add_argument("--tag", "-t", action="append", default=[])
    builder.add_argument("--target")
