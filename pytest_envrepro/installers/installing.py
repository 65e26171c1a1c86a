"""Installs pins into an environment from outside it, with uv or with pip."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from pytest_envrepro.childenv import for_environments
from pytest_envrepro.credentials import redact
from pytest_envrepro.errors import BuildError, SettingsError
from pytest_envrepro.installers.disagreeing import OFFLINE_HINT, missing_in, named_in
from pytest_envrepro.installers.filed import variables_of, words_of
from pytest_envrepro.installers.indexes import indexes_of, unsaid
from pytest_envrepro.installers.pinning import render
from pytest_envrepro.installers.pip import Pip
from pytest_envrepro.installers.tools import TIMEOUT, Call, Installer, MissingToolError, Program, start, told
from pytest_envrepro.installers.uv import Uv

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from pytest_envrepro.installers.pinning import Pinned, Resolved
    from pytest_envrepro.interpreter import Python
    from pytest_envrepro.process import Completed
    from pytest_envrepro.provenance import Option

__all__ = ["INSTALLERS", "ReadyInstaller", "install_into", "installer_for"]

# `auto` takes the first that is here.
INSTALLERS: tuple[Installer, ...] = (Uv(), Pip())
_LINE = re.compile(r":\d+$")
_MISMATCH = re.compile(r"DO NOT MATCH THE HASHES|Hash mismatch")
_OTHER_PYTHON = re.compile(r"requires a different Python|current Python version .* does not satisfy")
_BUILDING = ("build dependencies", "build-system.requires", "build_wheel", "Failed to build", "failed to build")


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadyInstaller:
    """An installer that is here and knows the interpreter.

    Attributes:
        name: `uv` or `pip`.
        version: empty where only starting it would tell.
        label: both, for people.
        arguments: options for it: of files, and the settings' own.
        variables: what it is told besides, by its variables: it may have credentials in it.
    """

    kind: Installer
    program: Program
    arguments: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The name in settings."""
        return self.kind.name

    @property
    def version(self) -> str:
        """Its version."""
        return self.program.version

    @property
    def label(self) -> str:
        """Its name and version."""
        return self.program.label

    def following(self, options: Iterable[Option], environ: Mapping[str, str]) -> ReadyInstaller:
        """Give the same, told what files say.

        Args:
            environ: the user's variables.

        Raises:
            SettingsError: it cannot be told some of that.
        """
        asked = unsaid(tuple(options), indexes_of(self.name, environ, self.arguments))
        words = words_of(asked, self.name, self.arguments, environ)
        variables = variables_of(asked, self.name, self.arguments, environ)
        return replace(self, arguments=(*words, *self.arguments), variables=variables)

    def install(self, python: str, resolved: Resolved, call: Call) -> None:
        """Install all pins, those with hashes held to them.

        Args:
            python: the environment's own interpreter.

        Raises:
            BuildError: it fails; with the command, its last lines, and who asks for the package that they name.
        """
        # Where one requirement has a hash, pip wants all to have one: the others are installed in a step of their own.
        hashed = [pin for pin in resolved.pins if pin.hashes]
        for pins, is_hashed in ((hashed, True), ([pin for pin in resolved.pins if not pin.hashes], False)):
            if pins:
                self._install(python, pins, resolved, call, hashed=is_hashed)

    def _install(self, python: str, pins: Sequence[Pinned], resolved: Resolved, call: Call, *, hashed: bool) -> None:
        name = "hashed.txt" if hashed else "unhashed.txt"
        (call.folder / name).write_text(render(pins), encoding="utf-8")
        words = (*self.kind.installing(hashed=hashed), *self.options(offline=call.offline), "-r", name)
        done = self.run(python, words, call, doing="is to install")
        if done.returncode:
            named = set(named_in(done, [pin.name for pin in resolved.pins]))
            trails = [_stated(pin, resolved, done, offline=call.offline) for pin in resolved.pins if pin.name in named]
            raise BuildError(self._failed(done, f"{self.label} cannot install what was chosen", trails, call))

    def add(self, python: str, requirements: Iterable[str], call: Call) -> None:
        """Install requirements with all that they need, over what is there.

        Raises:
            BuildError: it fails.
        """
        asked = list(requirements)
        (call.folder / "added.txt").write_text("".join(f"{each}\n" for each in asked), encoding="utf-8")
        words = (*self.kind.adding(), *self.options(offline=call.offline), "-r", "added.txt")
        done = self.run(python, words, call, doing="is to install")
        if done.returncode:
            what = f"{self.label} cannot install {', '.join(map(redact, asked))}"
            raise BuildError(self._failed(done, what, [], call))

    def options(self, *, offline: bool) -> tuple[str, ...]:
        """Give the options for it; offline, without what would lead past that."""
        return self.kind.arguments.offline(self.arguments) if offline else self.arguments

    def run(self, python: str, words: Sequence[str], call: Call, *, doing: str) -> Completed:
        """Start it for an interpreter.

        Raises:
            BuildError: it cannot be started, or takes too long.
        """
        argv = self.program.command(python, *words, *self.kind.options(call))
        variables = {**self.kind.variables(call), **self.variables}
        return start(argv, call, doing=f"{self.label} {doing}", variables=variables)

    def _failed(self, done: Completed, what: str, trails: Sequence[str], call: Call) -> str:
        return failed_words(done, what, trails, offline=call.offline)


def _stated(pin: Pinned, resolved: Resolved, done: Completed, *, offline: bool) -> str:
    """Say who asks for what cannot be installed; of a lock that is taken as it is, the line and what is wrong with it."""
    place = next((each for each in pin.via if _LINE.search(each)), None)
    if resolved.tool or place is None:
        return resolved.trail(pin.name)
    said = f"{done.stdout}\n{done.stderr}"
    why = ""
    if _MISMATCH.search(said):
        why = ", and the file that was found has none of its hashes: either is not what it was when it was locked"
    elif _OTHER_PYTHON.search(said) or (not offline and pin.name in missing_in(done)):
        why = ", and no file of it fits this Python: was it locked for another one?"
    return f"{place} pins {pin.line}{why}"


def failed_words(done: Completed, what: str, trails: Sequence[str], *, offline: bool) -> str:
    """Say what has failed, who asks for it, what is missing, and what the tool has said."""
    lines = [f"{what}:" if trails else what, *(f"  {trail}" for trail in trails)]
    missing = " and ".join(f"'{name}'" for name in missing_in(done))
    if missing:
        said = f"{done.stdout}\n{done.stderr}"
        why = ", and a build needs it" if any(word in said for word in _BUILDING) else ""
        where = "offline, no file of {} is at hand that fits{}" if offline else "no file of {} fits{}"
        lines.append(f"  {where.format(missing, why)}")
        lines += [f"  {OFFLINE_HINT}"] if offline else []
    return "\n".join(lines) + told(done)


def installer_for(
    name: Literal["auto", "pip", "uv"], python: Python, environ: Mapping[str, str], arguments: Sequence[str] = ()
) -> ReadyInstaller:
    """Find an installer for an interpreter.

    Args:
        environ: the user's variables.
        arguments: the settings' own options for it.

    Raises:
        BuildError: it is not here, or does not know the interpreter.
        SettingsError: an option is not among those that it may be told.
    """
    seen = for_environments(environ, resolving=False)
    reasons = []
    for kind in INSTALLERS:
        if name not in {"auto", kind.name}:
            continue
        try:
            program = kind.find(python, seen)
        except MissingToolError as error:
            reasons.append(str(error))
            continue
        return ReadyInstaller(kind=kind, program=program, arguments=kind.arguments.checked(arguments, kind.name))
    if not reasons:
        known = ", ".join(f"'{kind.name}'" for kind in INSTALLERS)
        raise SettingsError(f"installer = '{name}' is not known here: it may be 'auto', {known}")
    raise BuildError("\n  ".join(["nothing here can install:", *reasons]))


def install_into(  # noqa: PLR0913  # All but the first three are policy, by name.
    prefix: Path,
    requirements: Sequence[str],
    python: Python,
    *,
    installer: ReadyInstaller,
    environ: Mapping[str, str],
    workspace: Path,
    offline: bool = False,
    timeout: float = TIMEOUT,
) -> None:
    """Install requirements, and what they need, into an environment that may be changed.

    Args:
        prefix: the environment's folder.
        requirements: PEP 508; paths absolute.
        workspace: an empty folder.

    Raises:
        BuildError: it fails.
    """
    call = Call(
        workspace,
        for_environments(environ, resolving=True),
        offline=offline,
        resolving=True,
        timeout=timeout,
    )
    (workspace / "uv.toml").touch()
    installer.add(python_of(prefix, python), requirements, call)


def python_of(prefix: Path, python: Python) -> str:
    """Give an environment's own interpreter."""
    return str(prefix / python.layout.scripts / python.layout.python)
