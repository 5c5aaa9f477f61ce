"""A stand-in for the `aws` command: what it does to S3 is done to the folder that `FOLDER_S3` names."""

from __future__ import annotations

import os
import shutil
import sys
from fnmatch import fnmatch
from pathlib import Path


def place(url: str) -> Path:
    return Path(os.environ["FOLDER_S3"]) / url.removeprefix("s3://")


def sync(source: str, target: str, only: str) -> None:
    for path in sorted(place(source).rglob("*")):
        name = path.relative_to(place(source))
        if path.is_file() and fnmatch(str(name), only) and not (Path(target) / name).exists():
            (Path(target) / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, Path(target) / name)


def write(url: str, text: str) -> None:
    place(url).parent.mkdir(parents=True, exist_ok=True)
    part = place(url).with_suffix(".part")  # nobody sees half an object
    part.write_text(text)
    part.rename(place(url))


def main(arguments: list[str]) -> None:
    if refused := os.environ.get("FOLDER_S3_REFUSES"):
        sys.exit(f"fatal error: {refused}")
    match arguments:
        case ["s3", "sync", source, target, "--exclude", "*", "--include", only, *_]:
            sync(source, target, only)
        case ["s3", "cp", "-", url, *_]:
            write(url, sys.stdin.read())
        case ["s3", "rm", url, "--recursive", *_]:
            shutil.rmtree(place(url), ignore_errors=True)
        case _:
            sys.exit(f"not known to this stand-in: {arguments}")


if __name__ == "__main__":
    main(sys.argv[1:])
