"""uv: `uv pip compile`, as it is installed here or found on PATH."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from pytest_envrepro.childenv import has_no_uv_files
from pytest_envrepro.compilers.arguments import (
    Allowed,
    Where,
    file,
    group,
    looked_at,
    output,
    place,
    python,
    text,
    trusted,
    values,
)
from pytest_envrepro.compilers.base import PROJECT_FILES, UPGRADES, Plain
from pytest_envrepro.compilers.finding import find_program

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from pytest_envrepro.compilers.base import Tool
    from pytest_envrepro.inventory import Inventory
    from pytest_envrepro.model import Lock
    from pytest_envrepro.provenance import Recipe

_ALLOWED = Allowed(
    flags=frozenset(
        {
            *("--all-extras", "--no-deps", "--no-strip-extras", "--strip-extras", "--no-strip-markers"),
            *("--no-annotate", "--annotate", "--no-header", "--header", "--system", "--generate-hashes"),
            *("--require-build-hashes", "--no-build", "--universal", "--no-index", "--no-sources", "--no-config"),
            *("--emit-index-url", "--emit-find-links", "--emit-build-options", "--emit-index-annotation"),
            *("--emit-marker-expression", "--no-emit-index-url", "--no-emit-find-links", "--no-emit-trusted-host"),
            *("--allow-unsafe", "--no-allow-unsafe", "--reuse-hashes", "--no-reuse-hashes", "--no-build-isolation"),
            *("--no-cache", "-n", "--managed-python", "--no-managed-python", "--no-python-downloads"),
            *("-q", "--quiet", "-v", "--verbose", "--system-certs", "--native-tls", "--offline", "--no-progress"),
            "--pre",
        }
    ),
    values={
        **dict.fromkeys(("--extra", "--annotation-style", "--custom-compile-command", "--color"), text),
        **dict.fromkeys(("--no-binary", "--only-binary", "--python-platform", "--python-version"), text),
        **dict.fromkeys(("--no-emit-package", "--unsafe-package", "--torch-backend", "--link-mode"), text),
        **dict.fromkeys(("--index-strategy", "--resolution", "--prerelease", "--prerelease-package"), text),
        **dict.fromkeys(("--fork-strategy", "--exclude-newer", "--exclude-newer-package"), text),
        **dict.fromkeys(("--no-sources-package", "--no-build-isolation-package", "--resolver"), text),
        **dict.fromkeys(("--allow-insecure-host", "--trusted-host", "--max-rounds", "--format"), text),
        **dict.fromkeys(("-c", "--constraint", "--constraints", "--override", "--overrides"), file),
        **dict.fromkeys(("--exclude", "--excludes", "-b", "--build-constraint"), file),
        **dict.fromkeys(("--build-constraints", "--config-file"), file),
        **dict.fromkeys(("-o", "--output-file"), output),
        **dict.fromkeys(("-i", "--index-url", "--extra-index-url", "--index"), place),
        **dict.fromkeys(("--default-index", "-f", "--find-links"), place),
        "--group": group,
        **dict.fromkeys(("-p", "--python"), python),
    },
)


class Uv(Plain):
    """`uv pip compile`."""

    name: str | None = "uv"
    settings: tuple[str, ...] = ("uv",)
    upgrades = UPGRADES

    def find(self, recipe: Recipe, inventory: Inventory, environ: Mapping[str, str]) -> Tool:  # noqa: ARG002  # As all.
        """Find its program; what it is not told to compile for is this Python."""
        found = find_program("uv", inventory, environ)
        return found._replace(argv=(*found.argv, "pip", "compile"))

    def arguments(self, recipe: Recipe, path: str, *, mending: bool) -> tuple[str, ...]:  # noqa: ARG002  # As all.
        """Give what it is told."""
        words = recipe.argv[3:]
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
        """Have it ask this Python for what it is not told, and say so nowhere in the header."""
        return variables()

    def config_files(self, environ: Mapping[str, str]) -> tuple[str, ...]:
        """Give where uv looks for the user's and the machine's settings."""
        return config_files(environ)


def variables() -> Mapping[str, str]:
    """Give what any command of uv's is told: to ask this Python, and to fetch none."""
    return {"UV_PYTHON": sys.executable, "UV_NO_PROGRESS": "1", "NO_COLOR": "1", "UV_PYTHON_DOWNLOADS": "never"}


def config_files(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Give where uv looks for the user's and the machine's settings, on Linux and macOS."""
    home = os.path.expanduser("~")
    named = environ.get("UV_CONFIG_FILE")
    if named:
        return (named,)
    if has_no_uv_files(environ):
        return ()
    beginning = environ.get("XDG_CONFIG_HOME") or f"{home}/.config"
    folders = (environ.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(os.pathsep)
    windows = (f"{environ[name]}\\uv\\uv.toml" for name in ("APPDATA", "PROGRAMDATA") if environ.get(name))
    return (*windows, f"{beginning}/uv/uv.toml", *(f"{folder}/uv/uv.toml" for folder in folders), "/etc/uv/uv.toml")
