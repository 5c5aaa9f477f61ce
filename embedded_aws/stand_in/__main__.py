"""The command line: `docker login|logout|build|tag|push`, as far as a buildspec needs it."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from embedded_aws.stand_in import engine, registry
from embedded_aws.stand_in.dockerfile import DockerfileError, check
from embedded_aws.stand_in.images import Store, built

ENGINE = "SHOAL_DOCKER_ENGINE"
"""The variable with how a command for the engine begins, where there is an engine."""


class DockerError(Exception):
    """What is printed before the exit with status 1."""


def login(options: argparse.Namespace, store: Store) -> None:
    """Take the password that ECR gave, and no other."""
    password = sys.stdin.read().strip()
    if options.username != "AWS" or not password or password != registry.password():
        where = f"https://{options.registry}/v2/"
        raise DockerError(f"Error response from daemon: login attempt to {where} failed with status: 401 Unauthorized")
    store.logins.append(options.registry)
    _say("Login Succeeded")


def logout(options: argparse.Namespace, store: Store) -> None:
    """Forget the password."""
    store.logins = [known for known in store.logins if known != options.registry]
    _say(f"Removing login credentials for {options.registry}")


def build(options: argparse.Namespace, store: Store) -> None:
    """Check context, Dockerfile and arguments, and remember an image under its names."""
    context = Path(options.context)
    if not context.is_dir():
        raise DockerError(f"unable to prepare context: path {options.context!r} not found")
    dockerfile = Path(options.file) if options.file else context / "Dockerfile"
    if not dockerfile.is_file():
        why = f"unable to evaluate symlinks in Dockerfile path: lstat {dockerfile}: no such file or directory"
        raise DockerError(f"unable to prepare context: {why}")
    # An argument without a value is taken from the environment, and left out where it is not set.
    pairs = [argument.partition("=") for argument in options.build_arg]
    build_args = {name: value if equals else os.environ.get(name, "") for name, equals, value in pairs}
    try:
        found = check(dockerfile.read_text(), context, build_args)
    except DockerfileError as error:
        raise DockerError(f"ERROR: failed to solve: {error}") from error
    for number, step in enumerate(found.steps, 1):
        _say(f"Step {number}/{len(found.steps)} : {step}")
    _say(f" ---> from {', '.join(found.base_images)}; checked, not run: there is no container engine here")
    image = built(context, found.steps)
    for name in options.tag:
        store.images[name] = image
    _say(f"Successfully built {image.id[7:19]}")


def tag(options: argparse.Namespace, store: Store) -> None:
    """Give an image one more name."""
    if options.source not in store.images:
        raise DockerError(f"Error response from daemon: No such image: {options.source}")
    store.images[options.target] = store.images[options.source]


def push(options: argparse.Namespace, store: Store) -> None:
    """Hand an image over to ECR."""
    host, _, rest = options.image.partition("/")
    repository, _, image_tag = rest.partition(":")
    image_tag = image_tag or "latest"
    _say(f"The push refers to repository [{host}/{repository}]")
    client = shlex.split(os.environ.get(ENGINE, ""))
    if not client and options.image not in store.images:
        raise DockerError(f"An image does not exist locally with the tag: {options.image}")
    if host not in store.logins:
        raise DockerError("no basic auth credentials")
    try:
        if client:
            engine.push(client, options.image, repository, image_tag)
        else:
            pushed = registry.push(store.images[options.image], repository, image_tag)
            _say(f"{image_tag}: digest: {pushed} size: {len(store.images[options.image].manifest())}")
    except registry.RegistryError as error:
        raise DockerError(str(error)) from error


COMMANDS: dict[str, Callable[[argparse.Namespace, Store], None]] = {
    "login": login,
    "logout": logout,
    "build": build,
    "tag": tag,
    "push": push,
}


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the command line; what is not offered ends with status 2 and a message, as nothing is ignored."""
    parser = argparse.ArgumentParser(prog="docker", description="docker, as far as a build of an image needs it")
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("login", "logout"):
        commands.add_parser(name).add_argument("registry")
    commands.choices["login"].add_argument("--username", "-u")
    commands.choices["login"].add_argument("--password-stdin", action="store_true", required=True)
    builder = commands.add_parser("build")
    builder.add_argument("context")
    builder.add_argument("--build-arg", action="append", default=[])
    builder.add_argument("--file", "-f")
    builder.add_argument("--tag", "-t", action="append", default=[])
    builder.add_argument("--platform")
    builder.add_argument("--target")
    builder.add_argument("--no-cache", action="store_true")
    builder.add_argument("--pull", action="store_true")
    tagger = commands.add_parser("tag")
    tagger.add_argument("source")
    tagger.add_argument("target")
    commands.add_parser("push").add_argument("image")
    return parser.parse_args(arguments)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()  # the engine writes to the same pipe


def main(arguments: Sequence[str]) -> int:
    """Run one command, record it, and return docker's exit status."""
    status = _run(arguments)
    record = {"build": os.environ.get("CODEBUILD_BUILD_ID"), "arguments": list(arguments), "status": status}
    with Path(os.environ["SHOAL_DOCKER_CALLS"]).open("a") as calls:
        calls.write(json.dumps(record) + "\n")
    return status


def _run(arguments: Sequence[str]) -> int:
    client = shlex.split(os.environ.get(ENGINE, ""))
    try:
        if client and not {"login", "logout", "push"} & set(arguments[:1]):
            engine.run(client, *arguments)
            return 0
        options = parse(arguments)
        store = Store(Path(os.environ["SHOAL_DOCKER_STATE"]))
        COMMANDS[options.command](options, store)
        store.save()
    except DockerError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except engine.EngineError as error:
        return error.status
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
