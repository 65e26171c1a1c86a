"""pip-tools: `pip-compile`, as it is installed in this environment, for this environment's own Python."""

from __future__ import annotations

import os
import shlex
import sys
from typing import TYPE_CHECKING

from pytest_envrepro.compilers.arguments import Allowed, Where, file, looked_at, output, place, text, trusted, values
from pytest_envrepro.compilers.base import PROJECT_FILES, UPGRADES, Plain, RefusedError, Tool, refuse_other_python

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from pytest_envrepro.inventory import Inventory
    from pytest_envrepro.model import Lock
    from pytest_envrepro.provenance import Recipe

# What decides the result besides pip-tools itself, as far as it is installed here.
_PARTS = ("pip-tools", "pip", "build", "click", "pyproject-hooks", "setuptools", "wheel")
# Not `-m piptools`, which would put the folder that it runs in on the search path: a project may have a build.py or a
# click.py. (`-P` is of Python 3.11, and `-I` would hide what is installed for the user.)
_START = "import sys; sys.path[:] = filter(None, sys.path); from piptools.scripts.compile import cli; cli(prog_name='pip-compile')"


def _pair(*names: str) -> tuple[str, ...]:
    return tuple(f"--{no}{name}" for name in names for no in ("", "no-"))


_PIP_ALLOWED = Allowed(
    flags=frozenset(
        {
            *("--pre", "--prefer-binary", "--no-index", "--no-cache-dir", "--disable-pip-version-check", "--no-input"),
            *("--use-pep517", "--no-build-isolation", "--isolated", "-v", "-q", "--verbose", "--quiet"),
        }
    ),
    values={
        **dict.fromkeys(("--retries", "--timeout", "--default-timeout", "--trusted-host"), text),
        **dict.fromkeys(("--only-binary", "--no-binary", "--uploaded-prior-to", "--progress-bar"), text),
        **dict.fromkeys(("--use-feature", "--use-deprecated"), text),
        **dict.fromkeys(("-i", "--index-url", "--extra-index-url", "-f", "--find-links"), place),
        **dict.fromkeys(("-c", "--constraint"), file),
    },
)


def _pip_args(value: str, where: Where) -> str:
    """Take what is passed on to pip: as a rule, it writes whatever it is told to."""
    try:
        words = shlex.split(value)
    except ValueError as error:
        raise ValueError(f"cannot be split into words: {error}") from error
    return shlex.join(looked_at(words, where, _PIP_ALLOWED, inside="--pip-args="))


_ALLOWED = Allowed(
    flags=frozenset(
        {
            *_pair("annotate", "header", "emit-index-url", "emit-find-links", "emit-options", "emit-trusted-host"),
            *_pair("allow-unsafe", "strip-extras", "reuse-hashes", "build-isolation", "color"),
            *("--all-extras", "--generate-hashes", "--pre", "-p", "--no-index", "--no-config"),
            *("--all-build-deps", "--only-build-deps", "-v", "--verbose", "-q", "--quiet"),
        }
    ),
    values={
        **dict.fromkeys(("--annotation-style", "--resolver", "--max-rounds", "--newline"), text),
        **dict.fromkeys(("--extra", "--unsafe-package", "--build-deps-for", "--trusted-host"), text),
        "--uploaded-prior-to": text,
        **dict.fromkeys(("-c", "--constraint", "--config"), file),
        **dict.fromkeys(("-o", "--output-file"), output),
        **dict.fromkeys(("-i", "--index-url", "--extra-index-url", "-f", "--find-links"), place),
        "--pip-args": _pip_args,
    },
)


class PipTools(Plain):
    """pip-compile."""

    name: str | None = "pip-compile"
    settings: tuple[str, ...] = ("pip",)
    upgrades = UPGRADES

    def find(self, recipe: Recipe, inventory: Inventory, environ: Mapping[str, str]) -> Tool:  # noqa: ARG002  # As all.
        """Find it among what is installed here: for another Python, another pip-compile would answer."""
        versions = inventory.versions
        if "pip-tools" not in versions:
            raise RefusedError("pip-tools is not installed here: pip install pip-tools")
        parts = " ".join(f"{part}=={versions[part]}" for part in _PARTS if part in versions)
        label = f"pip-tools {versions['pip-tools']}"
        if "pip" in versions:
            label += f" with pip {versions['pip']}"
        return Tool(name="pip-tools", label=label, argv=(sys.executable, "-c", _START), identity=parts)

    def check_target(self, lock: Lock, inventory: Inventory, *, mending: bool) -> None:  # noqa: ARG002  # As all.
        """Refuse a lock for another Python: pip-compile compiles for the one that runs it."""
        refuse_other_python("pip-compile", lock, inventory)

    def arguments(self, recipe: Recipe, path: str, *, mending: bool) -> tuple[str, ...]:  # noqa: ARG002  # As all.
        """Give what it is told."""
        words = recipe.argv[1:] if recipe.argv[0] == "pip-compile" else recipe.argv[4:]  # `python -m piptools compile`
        where = Where.of(recipe, path)
        if recipe.is_trusted:
            return tuple(trusted(words, where))
        return tuple(looked_at(words, where, _ALLOWED))

    def paths(self, arguments: tuple[str, ...]) -> Iterator[str]:
        """Take any word and any value for a path."""
        return values(arguments)

    def builds(self, lock: Lock, text: Callable[[str], str]) -> bool:  # noqa: ARG002  # As all.
        """Take every project for one that may have to be built."""
        return any(os.path.basename(file) in PROJECT_FILES for file in lock.inputs)

    def variables(self) -> Mapping[str, str]:
        """Ask for plain text in UTF-8."""
        return {"PYTHONUTF8": "1", "PYTHONSAFEPATH": "1", "NO_COLOR": "1", "PIP_NO_INPUT": "1"}

    def config_files(self, environ: Mapping[str, str]) -> tuple[str, ...]:
        """Give where pip looks for settings."""
        return pip_config_files(environ)


def pip_config_files(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Give where pip 26 looks for settings (`pip config debug`), on Linux and macOS."""
    named = environ.get("PIP_CONFIG_FILE")
    if named == os.devnull:
        return ()
    return tuple(dict.fromkeys([*_pip_conf(environ), *([named] if named else [])]))


def _pip_conf(environ: Mapping[str, str]) -> Iterator[str]:
    home = os.path.expanduser("~")
    for folder in (environ.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(os.pathsep):
        yield f"{folder}/pip/pip.conf"
    yield from ("/etc/pip.conf", "/Library/Application Support/pip/pip.conf")
    yield from (f"{home}/.pip/pip.conf", f"{environ.get('XDG_CONFIG_HOME') or f'{home}/.config'}/pip/pip.conf")
    yield from (f"{home}/Library/Application Support/pip/pip.conf", f"{sys.prefix}/pip.conf")
    yield from (f"{environ[name]}\\pip\\pip.ini" for name in ("PROGRAMDATA", "APPDATA") if environ.get(name))
    yield f"{sys.prefix}\\pip.ini"
