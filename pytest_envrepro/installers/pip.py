"""pip: resolves with `pip install --dry-run --report`, installs and builds wheels; run for an environment, never in it.

Which pip: the one that is installed here, where it supports the Python; else the wheel that virtualenv ships for it;
else the one that its own `ensurepip` bundles, which is how Python 3.8 is served.
"""

from __future__ import annotations

import glob
import importlib.metadata
import importlib.util
import json
import os
import re
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from pytest_envrepro.installers.misleading import pip_settings
from pytest_envrepro.installers.pinning import Pinned
from pytest_envrepro.installers.tools import PYTHON, Arguments, MissingToolError, Program, here, offline_variables
from pytest_envrepro.process import NotStartedError, TimedOutError, run
from pytest_envrepro.requirement import parse
from pytest_envrepro.settingkeys import HIGHEST

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_envrepro.installers.tools import Call, Question
    from pytest_envrepro.interpreter import Python

_WITH_PYTHON = Version("22.3")  # `--python` came with it; `--report` with 22.2.
_WITH_REPORT = Version("22.2")
_BUNDLED = (
    "import sysconfig, os, ensurepip; print(os.path.join(os.path.dirname(ensurepip.__file__), '_bundled')); "
    "print(sysconfig.get_config_var('WHEEL_PKG_DIR') or '')"
)
_WHEEL = re.compile(r"pip-([0-9][^-]*)-py.*\.whl")


class Pip:
    """Installs with pip, for every Python that some pip at hand supports."""

    name = "pip"
    arguments = Arguments(
        flags=frozenset(
            {"--pre", "--prefer-binary", "--no-index", "--no-cache-dir", "--no-build-isolation", "--use-pep517"}
        ),
        values=frozenset(
            {
                *("-i", "--index-url", "--extra-index-url", "-f", "--find-links", "--trusted-host", "--proxy"),
                *("--only-binary", "--no-binary", "--timeout", "--retries", "--cert", "--client-cert"),
                *("--use-feature", "--use-deprecated", "-C", "--config-settings", "--keyring-provider"),
                "--uploaded-prior-to",
            }
        ),
        online=frozenset({"--proxy"}),
    )

    def find(self, python: Python, environ: Mapping[str, str]) -> Program:
        """Find one that supports this interpreter; it is started only where no other way tells."""
        found = _installed(python) or _shipped(python) or _bundled(python, environ)
        if found is None:
            raise MissingToolError(
                f"no pip at hand supports Python {python.interpreter.version}: neither the one installed here, nor one that "
                "virtualenv ships, and its own ensurepip has none"
            )
        return found

    def installing(self, *, hashed: bool) -> tuple[str, ...]:
        """Install pins, and leave compiling them to their own Python."""
        hashes = ("--require-hashes",) if hashed else ()
        return ("install", "--no-deps", "--no-compile", "--no-warn-script-location", *hashes)

    def adding(self) -> tuple[str, ...]:
        """Install requirements, and what they need."""
        return ("install", "--no-warn-script-location")

    def wheeling(self, source: str, output: str) -> tuple[str, ...]:
        """Build a wheel."""
        return ("wheel", "--no-deps", "--wheel-dir", output, source)

    def options(self, call: Call) -> tuple[str, ...]:  # noqa: ARG002  # As all.
        """Add nothing."""
        return ()

    def variables(self, call: Call) -> Mapping[str, str]:
        """Keep it to what it is told."""
        return pip_variables(call, pip_settings(call.environ, call.folder, resolving=call.resolving))


class PipReport:
    """Resolves with pip, for the same: it reports what it would install, file by file."""

    name = "pip"
    resolutions = frozenset({HIGHEST})

    def find(self, python: Python, environ: Mapping[str, str]) -> Program:
        """Find one that supports this interpreter, and can report."""
        found = Pip().find(python, environ)
        if Version(found.version) < _WITH_REPORT:
            raise MissingToolError(
                f"{found.label}, the one for Python {python.interpreter.version}, is too old to choose versions"
            )
        return found

    def resolving(self, question: Question) -> tuple[str, ...]:
        """Find out what would be installed."""
        files = (word for file in question.files for word in ("-r", file))
        bounds = (word for file in question.constraints for word in ("-c", file))
        return (
            *("install", "--dry-run", "--ignore-installed", "--report", question.output),
            *(*question.arguments, *bounds, *files),
        )

    def options(self, call: Call) -> tuple[str, ...]:  # noqa: ARG002  # As all.
        """Add nothing."""
        return ()

    def variables(self, call: Call) -> Mapping[str, str]:
        """Keep it to what it is told."""
        return Pip().variables(call)

    def read(self, text: str, environment: Mapping[str, str]) -> tuple[Pinned, ...]:
        """Read its report (pip's documentation: Installation Report, version 1)."""
        installed = json.loads(text)["install"]
        parents: dict[str, set[str]] = defaultdict(set)
        for item in installed:
            for asked in item["metadata"].get("requires_dist") or ():
                requirement = parse(asked)
                if requirement.applies(environment, item.get("requested_extras") or ()):
                    parents[requirement.name or ""].add(canonicalize_name(item["metadata"]["name"]))
        pins = (_pin(item) for item in installed)
        return tuple(sorted(pin._replace(via=tuple(sorted(parents[pin.name] - {pin.name}))) for pin in pins))


def pip_variables(call: Call, settings: str) -> dict[str, str]:
    """Give the variables that keep pip to what it is told."""
    chosen = {"PIP_CONFIG_FILE": settings, "PIP_USER": "0", "PIP_NO_INPUT": "1", "NO_COLOR": "1", "PYTHONUTF8": "1"}
    chosen |= {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_ROOT_USER_ACTION": "ignore", "PIP_PROGRESS_BAR": "off"}
    # pip has no option to leave the network alone, and with `--no-index` it would leave out an index in a folder of this
    # machine.
    return {**chosen, **(offline_variables() if call.offline else {})}


def _pin(item: Mapping[str, Any]) -> Pinned:
    """Make a pin of an item of the report, whose file is described as in PEP 610."""
    name = canonicalize_name(item["metadata"]["name"])
    source = item["download_info"]
    archive = source.get("archive_info") or {}
    hashes = {f"{kind}:{value}" for kind, value in (archive.get("hashes") or {}).items()}
    hashes |= {archive["hash"].replace("=", ":", 1)} if archive.get("hash") and not hashes else set()
    if not item["is_direct"]:
        version = item["metadata"]["version"]
        return Pinned(name, version, None, tuple(sorted(hashes)), f"{name}=={version}")
    url = source["url"]
    if "vcs_info" in source:
        url = f"{source['vcs_info']['vcs']}+{url}@{source['vcs_info']['commit_id']}"
    if source.get("subdirectory"):
        url = f"{url}#subdirectory={source['subdirectory']}"
    if (source.get("dir_info") or {}).get("editable"):
        return Pinned(name, None, url, (), f"-e {url}")
    return Pinned(name, None, url, tuple(sorted(hashes)), f"{name} @ {url}")


def _installed(python: Python) -> Program | None:
    """Find the pip of this Python, which runs for another one in a process of that."""
    try:
        argv = here("pip")
        metadata = importlib.metadata.metadata("pip")
    except (MissingToolError, importlib.metadata.PackageNotFoundError):
        return None
    version = metadata["Version"]
    supports = SpecifierSet(",".join(metadata.get_all("Requires-Python") or ()))
    if Version(version) < _WITH_PYTHON or not supports.contains(python.interpreter.version, prereleases=True):
        return None
    return Program(f"pip {version}", version, (*argv, "--python", PYTHON))


def _shipped(python: Python) -> Program | None:
    """Find the wheel that virtualenv ships for an interpreter."""
    try:
        from virtualenv.seed.wheels.embed import get_embed_wheel  # noqa: PLC0415  # Is needed here alone.
    except ImportError:
        return None
    wheel = get_embed_wheel("pip", ".".join(python.interpreter.version.split(".")[:2]))
    return _of_wheel(str(wheel.path)) if wheel is not None and os.path.isfile(wheel.path) else None


def _bundled(python: Python, environ: Mapping[str, str]) -> Program | None:
    """Find the newest wheel that an interpreter's own `ensurepip` has."""
    try:
        done = run((python.executable, "-I", "-c", _BUNDLED), cwd=Path(python.base_prefix), environ=environ, timeout=60)
    except (NotStartedError, TimedOutError):
        return None
    folders = filter(None, done.stdout.splitlines()) if not done.returncode else ()
    wheels = [path for folder in folders for path in glob.glob(f"{glob.escape(folder)}/pip-*.whl")]
    return max((program for path in wheels if (program := _of_wheel(path))), key=_version, default=None)


def _version(program: Program) -> Version:
    return Version(program.version)


def _of_wheel(path: str) -> Program | None:
    named = _WHEEL.fullmatch(os.path.basename(path))
    if named is None:
        return None
    return Program(f"pip {named[1]}", named[1], (PYTHON, "-I", f"{path}/pip"))
