"""Says what will rot in the settings of a container, with what locks, requirements files and Dockerfiles say; asks no engine."""

from __future__ import annotations

import contextlib
import platform
from typing import TYPE_CHECKING

from pytest_envrepro.builders import foreign_images, read_lines
from pytest_envrepro.errors import LockError, SettingsError
from pytest_envrepro.images import Known, rotting
from pytest_envrepro.lockpins import read_lock
from pytest_envrepro.locks import Inputs
from pytest_envrepro.places import is_local
from pytest_envrepro.requirement import parse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_envrepro.images import Rot
    from pytest_envrepro.model import Pin
    from pytest_envrepro.requirement import Requirement
    from pytest_envrepro.session import Session
    from pytest_envrepro.settings import Settings


def rotting_in(settings: Settings, session: Session) -> tuple[Rot, ...]:
    """Say what will mean another environment later; nothing for kinds that have no image.

    What cannot be read says nothing here: whoever makes the environment tells it.

    Args:
        session: the project.
    """
    pins = tuple(_pins(settings, session))
    known = Known(
        running=platform.python_version(),
        apt_packages=tuple(dict.fromkeys(_apt_packages(settings, session))),
        unhashed=tuple(sorted(pin.name for pin in pins if not pin.hashes and not _is_here(pin.requirement))),
        local=tuple(dict.fromkeys(_local(settings, session, pins))),
        images=tuple(_images(settings, session)),
    )
    return rotting(settings, known)


def _pins(settings: Settings, session: Session) -> Iterator[Pin]:
    if settings.lock is not None:
        with contextlib.suppress(SettingsError, LockError):
            yield from read_lock(session, settings.lock, "the settings").pins


def _apt_packages(settings: Settings, session: Session) -> Iterator[str]:
    for name in settings.required_integrations:
        with contextlib.suppress(SettingsError):
            for part in session.catalogue.parts(name):
                yield from part.apt_packages


def _local(settings: Settings, session: Session, pins: tuple[Pin, ...]) -> Iterator[str]:
    """Give what names a file or a folder of this machine, as it is written."""
    asked = [pin.requirement for pin in pins]
    if isinstance(settings.requirements, str):
        inputs = Inputs(tree=session.tree)
        with contextlib.suppress(LockError):
            inputs.add_requirements(settings.requirements, inputs.roots, (settings.requirements, 1))
        asked += [root.requirement for root in inputs.roots]
    else:  # Those by a URL are seen as they stand.
        asked += [parse(text) for text in settings.requirements if "file:" not in text]
    yield from (requirement.url or "" for requirement in asked if _is_here(requirement))


def _is_here(requirement: Requirement) -> bool:
    return requirement.url is not None and is_local(requirement.url)


def _images(settings: Settings, session: Session) -> Iterator[tuple[str, str, str]]:
    """Give the images that one's own Dockerfile needs, as builders read it."""
    path = settings.own_dockerfile
    if path is not None:
        with contextlib.suppress(LockError):
            lines = read_lines(session.tree.read(path))
            found = foreign_images(lines, settings.build_environment, settings.platform)
            yield from ((each.how, each.written, each.image) for each in found if each.image)
