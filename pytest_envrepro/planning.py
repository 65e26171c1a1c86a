"""Decides what environments are made of, as far as that is known without making anything, and what tells them apart."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING, Literal

from pytest_envrepro.digests import digest_of_file
from pytest_envrepro.errors import SettingsError
from pytest_envrepro.gathering import gather
from pytest_envrepro.identities import identity_of_choice
from pytest_envrepro.installers import absolute_words, installer_for
from pytest_envrepro.plans import SCHEMA, Plan, digest_of
from pytest_envrepro.settingkeys import HIGHEST

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from pytest_envrepro.installers import ReadyInstaller, Resolved, Sources
    from pytest_envrepro.interpreter import Python
    from pytest_envrepro.session import Session
    from pytest_envrepro.settings import Settings

_NO_FILE = "is no file: name each file by itself, as folders are not copied"


def plan_of(
    settings: Settings, session: Session, python: Python, *, offline: bool, tell: Callable[[str], None]
) -> Plan:
    """Decide what an environment is made of.

    Args:
        python: the one that the settings mean.
        offline: whether a command of the settings is kept off the network, as far as it takes notice.
        tell: is told what is being done, where that takes its time.

    Raises:
        SettingsError: the settings name what does not exist.
        BuildError: nothing here can install for it; or a command of theirs fails.
    """
    installer = installer_of(settings, session, python, settings.installer)
    sources = gather(settings, session, python, offline=offline, tell=tell)
    refuse_resolution(settings, sources, installer)
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
    faults = [
        f"files: {settings.files[place]} {_NO_FILE if path.exists() else 'does not exist'} "
        f"({settings.origins.get(f'files.{place}', settings.origins['files'])})"
        for place, path in files.items()
        if not path.is_file()
    ]
    if faults:
        raise SettingsError("\n".join(sorted(dict.fromkeys(faults))))
    return files


def installer_of(
    settings: Settings, session: Session, python: Python, name: Literal["auto", "pip", "uv"]
) -> ReadyInstaller:
    """Find an installer for an interpreter, with the options of settings.

    Raises:
        SettingsError: an option is not among those that it may be told.
        BuildError: it is not here, or does not know the interpreter.
    """
    arguments = absolute_words(settings.installer_args, session.root)
    try:
        return installer_for(name, python, session.tool_environ, arguments)
    except SettingsError as error:
        raise SettingsError(f"{error} ({settings.origins['installer-args']})") from None


def refuse_resolution(settings: Settings, sources: Sources, installer: ReadyInstaller | None = None) -> None:
    """Refuse to choose other versions than the newest where nothing is chosen, or by what cannot.

    Args:
        installer: of this machine; None where versions are chosen elsewhere.

    Raises:
        SettingsError: a lock has all versions already; or uv is not here.
    """
    word = settings.resolution
    if word == HIGHEST:
        return
    where = settings.origins["resolution"]
    if sources.lock is not None:
        raise SettingsError(
            f"resolution: '{word}' says which versions are chosen ({where}), and the lock {settings.lock} has chosen them "
            f"all ({settings.origins['lock']}): take requirements in the place of the lock, or leave one of the two out"
        )
    if installer is not None and installer.name != "uv":
        raise SettingsError(
            f"resolution: '{word}' is what uv can choose ({where}), and uv is not here; pip-tools and pip choose the newest "
            "versions alone: pip install uv"
        )


def _told(files: Mapping[str, Path]) -> dict[str, tuple[str, int]]:
    """Give the content and the mode of files: a program that may not be run any more is another one."""
    return {place: (digest_of_file(path), stat.S_IMODE(path.stat().st_mode)) for place, path in files.items()}
