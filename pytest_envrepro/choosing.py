"""Chooses the versions of all that an environment is made of, once, and remembers what was chosen."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_envrepro import childenv
from pytest_envrepro.cache import VerdictCache
from pytest_envrepro.compilers import COMPILERS
from pytest_envrepro.digests import digest_of_file, digest_of_setting
from pytest_envrepro.installers import Asked, Pinned, Resolved, editable_project, project_wheel, resolve
from pytest_envrepro.plans import digest_of
from pytest_envrepro.workspace import alone, workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pytest_envrepro.installers.resolving import Tool
    from pytest_envrepro.plans import Plan, Policy
    from pytest_envrepro.session import Session

_KEPT = 512  # Choices: each is some kilobytes.
_RESOLVERS: Mapping[str, Tool] = {"auto": "auto", "uv": "uv", "pip": "pip-tools"}  # By the installer of the settings.


class Choosing:
    """The choices of one session.

    Args:
        cache: the user's cache folder, or another one.
        environ: the variables that tools choose from; the session's unless given.
        tell: is told what is being done, where that takes its time.
    """

    def __init__(
        self,
        session: Session,
        policy: Policy,
        *,
        cache: Path,
        tell: Callable[[str], None],
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self._session = session
        self._environ = session.environ if environ is None else environ
        self._policy = policy
        self._cache = cache
        self._tell = tell
        self._memory = VerdictCache(cache, room="resolved", kept=_KEPT)

    def with_project(self, plan: Plan) -> Plan:
        """Ask for the project itself beside the other requirements, where the settings do."""
        if not plan.settings.project:
            return plan
        root = self._session.root
        if plan.settings.project == "editable":
            project = editable_project(root)
        else:
            project = project_wheel(
                root,
                plan.python,
                plan.installer,
                cache=self._cache,
                environ=self._environ,
                offline=self._policy.offline,
                tell=self._tell,
                timeout=self._policy.timeout,
            )
        own = Asked(project.requirement(plan.settings.extras), "this project")
        sources = plan.sources._replace(requirements=(own, *plan.sources.requirements))
        return plan._replace(sources=sources, identity=digest_of([plan.identity, project.identity]))

    def choose(self, plan: Plan) -> Resolved:
        """Choose versions once: the same requirements come to the same pins until somebody asks to choose again."""
        if plan.sources.lock is not None:
            return self.choose_anew(plan)
        key = digest_of([plan.identity, self._configuration()])
        with alone(self._cache, f"resolve-{key[:16]}"):
            known = self._memory.get(key)
            if known is not None and (self._policy.since is None or known["at"] >= self._policy.since):
                return _unpack(known["resolved"])
            resolved = self.choose_anew(plan)
            self._memory.put(key, {"at": time.time(), "resolved": resolved._asdict()})
        return resolved

    def choose_anew(self, plan: Plan) -> Resolved:
        """Choose versions, whatever was chosen before.

        Raises:
            BuildError: what is asked for contradicts itself, or cannot be had.
        """
        if plan.sources.lock is None and plan.sources.requirements:
            self._tell("choosing versions")
        with workspace(self._cache) as folder:
            return resolve(
                plan.sources,
                plan.python,
                tool=_RESOLVERS[plan.settings.installer],
                environ=self._environ,
                workspace=folder,
                offline=self._policy.offline,
                arguments=plan.settings.installer_args,
                timeout=self._policy.timeout,
            )

    def _configuration(self) -> list[Any]:
        """Digest what the user has told pip and uv of indexes and the like: other indexes, other versions."""
        environ = childenv.for_tools(self._environ, Path.cwd())
        found: dict[str, str] = {}
        for compiler in COMPILERS:
            for kind in compiler.settings:
                settings = childenv.settings_of(environ, kind)
                found.update((name, digest_of_setting(value)) for name, value in settings.items())
            for file in compiler.config_files(environ):
                with contextlib.suppress(OSError):  # As for the tool: it is not there, or may not be read.
                    found[file] = digest_of_file(Path(file))
        return sorted(found.items())


def _unpack(data: Mapping[str, Any]) -> Resolved:
    """Give what was chosen, as it was remembered."""
    pins = tuple(
        Pinned(name, version, url, tuple(hashes), line, tuple(via))
        for name, version, url, hashes, line, via in data["pins"]
    )
    return Resolved(**{**data, "pins": pins, "reasons": tuple(data["reasons"])})
