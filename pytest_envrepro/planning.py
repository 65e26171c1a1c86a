"""Decides what environments are made of, as far as that is known without making anything, and what tells them apart."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

from pytest_envrepro.digests import digest_of_file
from pytest_envrepro.errors import SettingsError
from pytest_envrepro.gathering import gather
from pytest_envrepro.identities import identity_of_choice
from pytest_envrepro.installers import absolute_words, installer_for
from pytest_envrepro.plans import SCHEMA, Plan, digest_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pytest_envrepro.installers import Resolved
    from pytest_envrepro.interpreter import Python
    from pytest_envrepro.session import Session
    from pytest_envrepro.settings import Settings


def plan_of(settings: Settings, session: Session, python: Python, *, offline: bool) -> Plan:
    """Decide what an environment is made of.

    Args:
        python: the one that the settings mean.
        offline: whether a command of the settings is kept off the network, as far as it takes notice.

    Raises:
        SettingsError: the settings name what does not exist.
        BuildError: nothing here can install for it; or a command of theirs fails.
    """
    arguments = absolute_words(settings.installer_args, session.root)
    installer = installer_for(settings.installer, python, session.tool_environ, arguments)
    sources = gather(settings, session, python, offline=offline)
    installer = installer.following(sources.options, session.tool_environ)
    files = _files(settings, session.root)
    identity = identity_of_choice(settings, python, installer, sources, root=session.root, further=settings.files)
    return Plan(settings, python, sources, installer, identity, files)


def key_of(plan: Plan, resolved: Resolved, states: Mapping[str, str]) -> str:
    """Give what an environment is stored by: two that are the same have one key, whoever asks for them, and how.

    Args:
        states: of what pins name on this machine without a hash.
    """
    return digest_of(
        [
            SCHEMA,
            plan.python.identity,
            plan.installer.name,
            plan.settings.installer_args,
            # As they are written: where a project lies, and which token is valid today, makes no other environment.
            sorted({(option.name, option.written) for option in plan.sources.options}),
            [(pin.name, pin.version, pin.url, pin.hashes) for pin in resolved.pins],
            sorted(states.items()),
            sorted(plan.folders.items()),
            _told(plan.files),
        ]
    )


def _files(settings: Settings, root: Path) -> Mapping[str, Path]:
    """Give what is copied into the environment, by its place there.

    Raises:
        SettingsError: a file does not exist.
    """
    files = {place: root / path for place, path in settings.files.items()}
    missing = sorted(path for place, path in settings.files.items() if not files[place].exists())
    if missing:
        raise SettingsError(f"files: {', '.join(missing)} does not exist")
    others = sorted(path for place, path in settings.files.items() if not files[place].is_file())
    if others:
        raise SettingsError(
            f"files: {', '.join(others)} is no file: name each file by itself, as folders are not copied"
        )
    return files


def _told(files: Mapping[str, Path]) -> dict[str, tuple[str, int]]:
    """Give the content and the mode of files: a program that may not be run any more is another one."""
    return {place: (digest_of_file(path), stat.S_IMODE(path.stat().st_mode)) for place, path in files.items()}
