"""Reading what a user names on the command line."""

from __future__ import annotations

from pathlib import Path

from shoal_cli.exits import CommandError, Exit


def read_file(file: str) -> str:
    """A file's text.

    Raises:
        CommandError: it cannot be read (exit code 2).
    """
    try:
        return Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text in UTF-8"
        raise CommandError(f"{file} cannot be read: {reason}", Exit.BAD_INPUT) from error
