"""Gathers what an environment's settings ask for: every requirement, with the place that asks for it."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_envrepro import childenv, process
from pytest_envrepro.discovery import tree_of
from pytest_envrepro.envs.locked import refuse_unknown
from pytest_envrepro.errors import BuildError, LockError, SettingsError
from pytest_envrepro.installers import Asked, Sources, offline_variables
from pytest_envrepro.locks import Inputs
from pytest_envrepro.places import is_local
from pytest_envrepro.requirement import parse, redact
from pytest_envrepro.toolwords import last_words

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pytest_envrepro.interpreter import Python
    from pytest_envrepro.locks import Tree
    from pytest_envrepro.model import Lock, Pin, Root
    from pytest_envrepro.requirement import Requirement
    from pytest_envrepro.session import Session
    from pytest_envrepro.settings import Settings

_COMMAND_TIMEOUT = 300.0  # Seconds: `poetry export` takes one or two, and may have to ask an index.
_NEVER_REPLICATED = frozenset({"pip", "setuptools", "wheel", "distribute", "pytest-envrepro"})  # As `pip freeze` does.


def gather(settings: Settings, session: Session, python: Python, *, offline: bool = False) -> Sources:
    """Collect all that the settings ask for, but for the project itself: requirements, or one lock to be taken as it is.

    Args:
        offline: whether a command of the settings is told to leave the network alone.

    Raises:
        SettingsError: they name what does not exist.
        LockError: a file cannot be read, or is none of its kind.
        BuildError: the command of `replicate-local` fails.
    """
    gatherer = _Gatherer(settings, session, python, offline=offline)
    asked = tuple(gatherer.asked())
    constraints = tuple(gatherer.bounds())
    if settings.lock is None:
        return Sources(requirements=asked, constraints=constraints)
    lock = gatherer.lock(settings.lock)
    pins = [pin for pin in lock.pins if pin.requirement.applies(python.interpreter.environment)]
    if not asked and not constraints and not settings.project and all(pin.version and pin.hashes for pin in pins):
        return Sources(lock=_as_text(pins, lock.path))
    pinned = tuple(Asked(_pinned(pin, session.root), f"{lock.path}:{pin.line}") for pin in pins)
    return Sources(requirements=(*pinned, *asked), constraints=constraints)


def _as_text(pins: Iterable[Pin], path: str) -> str:
    """Write pins with their hashes, and where they stand, as a requirements file."""
    return "".join(
        f"{_pep508(pin.requirement, marker=False)}{_hashes(pin)}\n    # via {path}:{pin.line}\n" for pin in pins
    )


def _hashes(pin: Pin) -> str:
    return "".join(f" --hash={each}" for each in pin.hashes)


def _pinned(pin: Pin, root: Path) -> str:
    """Write a pin as a requirement with its hashes, a path in it absolute."""
    requirement = pin.requirement
    if requirement.url is None or "://" in requirement.url:
        return f"{_pep508(requirement, marker=False)}{_hashes(pin)}"
    located = _located(requirement, root / os.path.dirname(pin.file))
    return f"-e {located}" if pin.editable else f"{located}{_hashes(pin)}"


def _located(requirement: Requirement, folder: Path) -> str:
    """Write a requirement of a path, which is relative to a folder, by its URL."""
    extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
    place = requirement.url or ""
    url = place if "://" in place else (folder / place.removeprefix("file:")).resolve().as_uri()
    return f"{requirement.name}{extras} @ {url}" if requirement.name else f"{url}{extras}"


def _pep508(requirement: Requirement, *, marker: bool = True) -> str:
    """Write a requirement as it is given to a tool, credentials and all."""
    extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
    name = f"{requirement.name or ''}{extras}"
    text = (
        f"{name}{requirement.written}" if requirement.url is None else f"{name} @ {requirement.url}".removeprefix(" @ ")
    )
    return f"{text} ; {requirement.marker}" if marker and requirement.marker else text


class _Gatherer:
    """Reads what one declaration names."""

    def __init__(self, settings: Settings, session: Session, python: Python, *, offline: bool) -> None:
        self._offline = offline
        self._settings = settings
        self._session = session
        self._python = python

    def asked(self) -> Iterator[Asked]:
        """Give the requirements, source by source."""
        settings, catalogue = self._settings, self._session.catalogue
        yield from self._listed(settings.requirements, "requirements")
        for name in settings.groups:
            yield from (Asked(_pep508(each), f"group '{name}'") for each in catalogue.of_group(name))
        # With the project itself they are asked for together with it.
        for name in settings.extras if not settings.project else ():
            yield from (Asked(_pep508(each), f"extra '{name}'") for each in catalogue.of_extra(name))
        for name in settings.required_integrations:
            for part in catalogue.asked([name]):
                yield Asked(_pep508(part.requirement), f"integration '{part.by}'")
        yield from self._replicated()

    def bounds(self) -> Iterator[Asked]:
        """Give the constraints: those of the settings, and what the requirements file names with `-c`."""
        yield from self._listed(self._settings.constraints, "constraints")
        if isinstance(self._settings.requirements, str):
            inputs = self._read(self._session.tree, self._settings.requirements, "requirements")
            yield from map(self._of, inputs.constraints)

    def _listed(self, value: str | Iterable[str], key: str) -> Iterator[Asked]:
        if isinstance(value, str):
            yield from map(self._of, self._read(self._session.tree, value, key).roots)
        else:
            for index, text in enumerate(value):
                source = f"{key} of {self._declared_by(f'{key}[{index}]', key)}"
                yield Asked(self._absolute(parse(text)) if " @ " in text else text, source)

    def _declared_by(self, *keys: str) -> str:
        """Give where a value came from; of a list that came from several places, a part by itself."""
        return next(filter(None, map(self._settings.origins.get, keys)), "the settings")

    def _of(self, root: Root) -> Asked:
        requirement = root.requirement
        if root.editable and requirement.url is not None and is_local(requirement.url):
            folder = self._session.root / os.path.dirname(root.file)
            text = f"-e {_located(replace(requirement, name=None), folder)}"
        else:
            text = self._absolute(requirement, os.path.dirname(root.file))
        return Asked(text, f"{root.file}:{root.line}")

    def _absolute(self, requirement: Requirement, folder: str = "") -> str:
        """Write a requirement as it is given to a tool, a path in it absolute; it is relative to a folder of the project."""
        if requirement.url is None or "://" in requirement.url or not is_local(requirement.url):
            return _pep508(requirement)
        marker = f" ; {requirement.marker}" if requirement.marker else ""
        return f"{_located(requirement, self._session.root / folder)}{marker}"

    def _read(self, tree: Tree, path: str, key: str) -> Inputs:
        """Read a requirements file, and all that it reads.

        Raises:
            LockError: something in it cannot be read; all that is wrong is told.
        """
        inputs = Inputs(tree=tree)
        inputs.add_requirements(path, inputs.roots, (path, 1))
        faults = sorted(f"{fault.file}:{fault.line}: {fault.message}" for fault in inputs.faults)
        faults += [inputs.unread] if inputs.unread else []
        if faults:
            said = "\n  ".join([f"the {key} of {self._declared_by(key)} cannot be read:", *faults])
            raise SettingsError(said)
        return inputs

    def lock(self, path: str) -> Lock:
        """Read a lock of any format.

        Raises:
            SettingsError: there is none.
            LockError: it cannot be read, or is none: it does not pin all that it asks for.
        """
        where = self._declared_by("lock")
        try:
            return read_lock(self._session, path, where)
        except LockError as error:
            found = self._session.lock(error.file)
            if not found.unpinned or found.recipe is not None:
                raise
            advice = (
                f"{error.message}, so this is no lock: other versions could be installed on another day\n"
                f'  write requirements = "{path}" in the place of lock ({where}): versions are then chosen once, and kept;'
                "\n  or compile it, as with pip-compile, and name the lock that comes of it"
            )
            raise LockError(error.file, error.line, advice) from error

    def _replicated(self) -> Iterator[Asked]:
        command = self._settings.replicate_local
        if command is True:
            yield from self._installed()
        elif command:
            shown = " ".join(command)
            tree = tree_of(self._session.files.holding(shown, self._printed(command)), self._session.environ)
            roots = self._read(tree, shown, "replicate-local").roots
            yield from (Asked(_pep508(root.requirement), f"`{redact(shown)}`, line {root.line}") for root in roots)

    def _installed(self) -> Iterator[Asked]:
        """Give what is installed here, pinned, as `pip freeze` lists it."""
        inventory = self._session.inventory
        for name in sorted(inventory.distributions.keys() - _NEVER_REPLICATED):
            distribution = inventory.distributions[name]
            source = distribution.source
            if source is None:
                yield Asked(f"{name}=={distribution.version}", "what is installed here")
            elif not source.editable:  # The project under development has its own word: `project`.
                commit = f"@{source.commit}" if source.commit else ""
                yield Asked(f"{name} @ {source.url}{commit}", "what is installed here")

    def _printed(self, command: tuple[str, ...]) -> bytes:
        """Run a command of the table's own, and give what it prints.

        Raises:
            BuildError: it fails.
        """
        shown = redact(" ".join(command))
        try:
            environ = childenv.for_tools(self._session.environ)
            environ |= offline_variables() if self._offline else {}
            done = process.run(command, cwd=self._session.root, environ=environ, timeout=_COMMAND_TIMEOUT)
        except process.NotStartedError as error:
            raise BuildError(f"replicate-local: {error}") from error
        except process.TimedOutError as error:
            raise BuildError(f"replicate-local: `{shown}` {error}") from error
        if done.returncode:
            said = last_words(done.stderr or done.stdout)
            raise BuildError(f"replicate-local: `{shown}` ended with {done.returncode}: {said}")
        return done.stdout.encode()


def read_lock(session: Session, path: str, declared_by: str) -> Lock:
    """Read a lock that settings or a test name.

    Args:
        path: relative to the root, or absolute.
        declared_by: who names it, for the message.

    Raises:
        SettingsError: there is no such file, or it lies outside of the project.
        LockError: its pins cannot be read.
    """
    path = Path(os.path.relpath(session.root / path, session.root)).as_posix()
    if path.startswith("../") or os.path.isabs(path):
        raise SettingsError(f"the lock {path} of {declared_by} lies outside of this project")
    if not session.tree.exists(path):
        raise SettingsError(f"the lock {path} of {declared_by} does not exist")
    lock = session.lock(path)
    refuse_unknown(lock)
    return lock
