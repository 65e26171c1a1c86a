"""Chooses the versions of all that an environment is made of, once, and remembers what was chosen."""

from __future__ import annotations

import contextlib
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_envrepro.cache import VerdictCache
from pytest_envrepro.childenv import for_tools, settings_of
from pytest_envrepro.compilers import COMPILERS
from pytest_envrepro.credentials import redact
from pytest_envrepro.digests import digest_of_file, digest_of_setting
from pytest_envrepro.errors import BuildError
from pytest_envrepro.installers import (
    Asked,
    Pinned,
    Resolved,
    editable_project,
    is_idle,
    made_ready,
    named_places,
    project_wheel,
    resolve,
    states,
    with_wheels,
)
from pytest_envrepro.locking import Waiting
from pytest_envrepro.plans import digest_of
from pytest_envrepro.workspace import alone, workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pytest_envrepro.installers import ProjectWheel
    from pytest_envrepro.installers.resolving import Tool
    from pytest_envrepro.interpreter import Python
    from pytest_envrepro.plans import Plan, Policy
    from pytest_envrepro.session import Session

_KEPT = 512  # Choices: each is some kilobytes.
_RESOLVERS: Mapping[str, Tool] = {"auto": "auto", "uv": "uv", "pip": "pip-tools"}  # By the installer of the settings.


class Elsewhere(NamedTuple):
    """Another machine that versions are chosen for: an image.

    Attributes:
        resolve: chooses them there.
        builder: the Python of this machine that builds wheels.
    """

    resolve: Callable[[Plan], Resolved]
    builder: Python


class Choosing:
    """The choices of one session.

    Args:
        cache: the user's cache folder, or another one.
        environ: the variables that tools choose from, paths in them absolute; the session's unless given.
        tell: is told what is being done, where that takes its time.
        elsewhere: where versions are chosen for another machine than this one.
    """

    def __init__(
        self,
        session: Session,
        policy: Policy,
        *,
        cache: Path,
        tell: Callable[[str], None],
        environ: Mapping[str, str] | None = None,
        elsewhere: Elsewhere | None = None,
    ) -> None:
        self._elsewhere = elsewhere
        self._session = session
        self._given = environ
        self._policy = policy
        self._cache = cache
        self._tell = tell
        self._waiting = Waiting(tell, policy.run)
        self._memory = VerdictCache(cache, room="resolved", kept=_KEPT)

    @property
    def _environ(self) -> Mapping[str, str]:
        return self._session.tool_environ if self._given is None else self._given

    def chosen(self, plan: Plan, *, anew: bool = False) -> tuple[Plan, Resolved]:
        """Give a plan with all that lies on this machine in its place, and the versions that are chosen for it.

        Args:
            anew: whatever was chosen before.

        Raises:
            BuildError: what is asked for contradicts itself, or cannot be had or built.
        """
        ready = self._made_ready(plan)
        resolved = self._choose_anew(ready) if anew else self._choose(ready)
        resolved, folders = with_wheels(resolved, partial(self._wheel, plan))
        return ready._replace(folders={**ready.folders, **folders}), resolved

    def _made_ready(self, plan: Plan) -> Plan:
        """Put what lies on this machine in its place: the project itself, and the wheels of folders that are asked for.

        Raises:
            BuildError: it is not there, or cannot be built.
        """
        identities: list[Any] = [plan.identity]
        asked: list[Asked] = []
        if plan.settings.project:
            root = self._session.root
            own = editable_project(root) if plan.settings.project == "editable" else self._wheel(plan, root)
            if own.editable and plan.installer.name == "uv" and "#" in str(own.path):
                # uv 0.13 reads it as the beginning of a fragment, however it is written.
                raise BuildError(
                    f'uv takes no editable project whose path has a "#" in it: set installer = "pip" ({root})'
                )
            asked.append(Asked(own.requirement(plan.settings.extras), "this project"))
            identities.append(own.identity)
        environment, build = plan.python.interpreter.environment, partial(self._wheel, plan)
        wanted = [each for each in plan.sources.requirements if not is_idle(each, environment)]
        ready = [made_ready(each, environment, build) for each in wanted]
        bounds = [made_ready(each, environment, build) for each in plan.sources.constraints]
        pins = [made_ready(each, environment, build) for each in plan.sources.lock or ()]
        identities += [each.identity for each in (*ready, *bounds, *pins)]
        locked = (*asked, *(each.asked for each in pins))
        sources = plan.sources._replace(
            requirements=(*asked, *(each.asked for each in ready)),
            constraints=tuple(each.asked for each in bounds),
            lock=None if plan.sources.lock is None else locked,
        )
        folders = dict(each.folder for each in (*ready, *bounds, *pins) if each.folder is not None)
        return plan._replace(sources=sources, identity=digest_of(identities), folders=folders)

    def project(self, plan: Plan) -> Path:
        """Give this project's wheel, built unless it is there.

        Raises:
            BuildError: it cannot be built.
        """
        return self._wheel(plan, self._session.root).path

    def _wheel(self, plan: Plan, root: Path, what: str = "this project") -> ProjectWheel:
        python = self._elsewhere.builder if self._elsewhere else plan.python
        return project_wheel(
            root,
            python,
            plan.installer,
            cache=self._cache,
            environ=self._environ,
            what=what,
            written=self._policy.written,
            offline=self._policy.offline,
            tell=self._tell,
            run=self._policy.run,
            timeout=self._policy.timeout,
        )

    def _choose(self, plan: Plan) -> Resolved:
        """Choose versions once: the same requirements come to the same pins until somebody asks to choose again.

        A choice with credentials in it, as in the URL of an archive, holds for this session alone.
        """
        # Elsewhere a container is started for that, and what comes of it is worth remembering.
        is_nothing = not plan.sources.requirements and self._elsewhere is None
        if plan.sources.lock is not None or is_nothing:
            return self._choose_anew(plan)
        key = digest_of([plan.identity, self._configuration(plan)])
        with alone(self._cache, f"resolve-{key[:16]}", self._waiting):
            known = self._memory.get(key)
            if known is not None and (self._policy.since is None or known["at"] >= self._policy.since):
                resolved = _unpack(known["resolved"])
                # What a folder asks for by a path in its turn has changed, where this is another one.
                if known["states"] == self.states(resolved):
                    return resolved
            resolved = self._choose_anew(plan)
            # Others may read what is kept, and credentials are not for them.
            if redact(resolved.text) == resolved.text:
                kept = {"at": time.time(), "resolved": resolved._asdict(), "states": self.states(resolved)}
                self._memory.put(key, kept)
        return resolved

    def states(self, resolved: Resolved) -> dict[str, str]:
        """Tell in what state what was chosen is on this machine, where its pins do not say so."""
        return states(resolved.pins, self._cache)

    def _choose_anew(self, plan: Plan) -> Resolved:
        """Choose versions, whatever was chosen before.

        Raises:
            BuildError: what is asked for contradicts itself, or cannot be had.
        """
        if self._elsewhere is not None:
            return self._elsewhere.resolve(plan)
        if plan.sources.lock is None and plan.sources.requirements:
            self._tell("choosing versions")
        with workspace(self._cache) as folder:
            return resolve(
                plan.sources,
                plan.python,
                tool=_RESOLVERS[plan.settings.installer],
                resolution=plan.settings.resolution,
                environ=self._environ,
                workspace=folder,
                offline=self._policy.offline,
                arguments=plan.installer.options(offline=self._policy.offline),
                variables=plan.installer.variables,
                timeout=self._policy.timeout,
            )

    def _configuration(self, plan: Plan) -> list[Any]:
        """Digest what the user has told pip and uv of indexes and the like: other indexes, other versions."""
        environ = for_tools(self._environ)
        found: dict[str, str] = {}
        files: list[Path] = []
        for compiler in COMPILERS:
            for kind in compiler.settings:
                settings = settings_of(environ, kind)
                found.update((name, digest_of_setting(value)) for name, value in settings.items())
            files += map(Path, compiler.config_files(environ))
        for file in files:
            with contextlib.suppress(OSError):  # As for the tool: it is not there, or may not be read.
                found[str(file)] = digest_of_file(file)
        words = [word for option in plan.sources.options for word in (option.name, option.value)]
        return [*sorted(found.items()), sorted(named_places(files, (*words, *plan.installer.arguments)).items())]


def _unpack(data: Mapping[str, Any]) -> Resolved:
    """Give what was chosen, as it was remembered."""
    pins = tuple(
        Pinned(name, version, url, tuple(hashes), line, tuple(via))
        for name, version, url, hashes, line, via in data["pins"]
    )
    listed = {name: tuple(data.get(name, ())) for name in ("reasons", "unbound")}
    return Resolved(**{**data, **listed, "pins": pins})
