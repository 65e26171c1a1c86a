"""Makes sure that what was built is an environment of the Python that it was built with."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from pytest_envrepro.errors import BuildError, InterpreterNotFound
from pytest_envrepro.pythons.questions import ask

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pytest_envrepro.interpreter import Python


def check_built(prefix: Path, wanted: Python, environ: Mapping[str, str]) -> None:
    """Ask a built environment itself whether it is one, and of the Python that it was built with.

    Raises:
        BuildError: it does not answer, or it has another prefix, base, implementation, version or build.
    """
    program = os.path.join(prefix, wanted.layout.scripts, wanted.layout.python)
    if not os.path.lexists(program):
        raise BuildError(
            f"{prefix} has no {wanted.layout.scripts}/{wanted.layout.python}: no environment was built there"
        )
    try:
        said = ask(program, environ, with_site=True).said
    except InterpreterNotFound as error:
        raise BuildError(f"the environment in {prefix} does not work: {error}") from error
    marker = wanted.interpreter.environment
    pairs = (
        ("its prefix", said["prefix"], os.path.realpath(prefix)),
        ("the prefix of its base", said["base_prefix"], wanted.base_prefix),
        ("its implementation", said["environment"]["implementation_name"], wanted.interpreter.implementation),
        ("its version", said["environment"]["python_full_version"], wanted.interpreter.version),
        (
            "its implementation's version",
            said["environment"]["implementation_version"],
            marker["implementation_version"],
        ),
        ("free-threaded", said["threaded"], wanted.is_threaded),
        ("a debug build", said["debug"], wanted.is_debug),
        ("its bits", said["bits"], wanted.bits),
    )
    wrong = [f"  {what}: {is_}, not {meant}" for what, is_, meant in pairs if is_ != meant]
    if wrong:
        asked = f"Python {wanted.interpreter.version} ({wanted.origin})"
        raise BuildError("\n".join([f"the environment in {prefix} is not one of {asked}:", *wrong]))
