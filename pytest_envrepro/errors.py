"""What can go wrong, in the words of the person who can mend it."""

from __future__ import annotations


class EnvReproError(Exception):
    """The root of every error that this package raises on purpose."""


class SettingsError(EnvReproError):
    """The configuration, or what was asked on the command line, cannot be followed.

    The message is complete: what is wrong, where, and what to write instead.
    """


class LockError(EnvReproError):
    """A lock or an input cannot be read.

    Attributes:
        file: the path, relative to the root, with forward slashes.
        line: the line, counted from 1, or None where the fault has none.
        message: the fault alone, without the place.
    """

    def __init__(self, file: str, line: int | None, message: str) -> None:
        self.file = file
        self.line = line
        self.message = message
        super().__init__(f"{file}:{line}: {message}" if line else f"{file}: {message}")
