"""uv: resolves with `uv pip compile`, installs with `uv pip install`, builds with `uv build`."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import sysconfig
from typing import TYPE_CHECKING

from pytest_envrepro.installers.misleading import uv_settings
from pytest_envrepro.installers.pinning import read_pins
from pytest_envrepro.installers.tools import PYTHON, Arguments, MissingToolError, Program, offline_variables
from pytest_envrepro.settingkeys import HIGHEST, LOWEST_DIRECT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_envrepro.installers.pinning import Pinned
    from pytest_envrepro.installers.tools import Call, Question
    from pytest_envrepro.interpreter import Python


class Uv:
    """uv, for every Python that it knows."""

    name = "uv"
    resolutions = frozenset({HIGHEST, "lowest", LOWEST_DIRECT})
    arguments = Arguments(
        flags=frozenset(
            {
                *("--no-index", "--no-build", "--no-sources", "--no-build-isolation", "--no-cache", "--refresh"),
                *("--system-certs", "--native-tls"),
            }
        ),
        values=frozenset(
            {
                *("-i", "--index-url", "--extra-index-url", "--index", "--default-index", "-f", "--find-links"),
                *("--index-strategy", "--keyring-provider", "--allow-insecure-host", "--exclude-newer"),
                *("--no-binary", "--only-binary", "--resolution", "--prerelease", "--torch-backend"),
                *("-C", "--config-setting", "--no-build-isolation-package", "--refresh-package"),
            }
        ),
    )

    def find(self, python: Python, environ: Mapping[str, str]) -> Program:  # noqa: ARG002  # As all.
        """Find its program: beside this Python, else the first on PATH."""
        program = os.path.join(sysconfig.get_path("scripts"), "uv.exe" if os.name == "nt" else "uv")
        if os.path.exists(program):
            try:
                version = importlib.metadata.version("uv")
            except importlib.metadata.PackageNotFoundError:
                version = ""
            return Program(f"uv {version}".strip(), version, (program,))
        found = shutil.which("uv", path=environ.get("PATH"))
        if found is None:
            raise MissingToolError("uv is not installed here, nor on PATH: pip install uv")
        return Program("the uv on PATH", "", (found,))

    def resolving(self, question: Question) -> tuple[str, ...]:
        """Compile files together."""
        bounds = (word for file in question.constraints for word in ("-c", file))
        # What it says of requirements without a lower bound, it says beside all else.
        how = ("--quiet",) if question.resolution == HIGHEST else ("--resolution", question.resolution)
        return (
            *("pip", "compile", "--python", PYTHON, "--generate-hashes", *how, "--no-header"),
            *("--annotation-style=split", "--output-file", question.output),
            *(*question.arguments, *bounds, *question.files),
        )

    def installing(self, *, hashed: bool) -> tuple[str, ...]:
        """Install pins."""
        hashes = ("--require-hashes",) if hashed else ()
        return ("pip", "install", "--python", PYTHON, "--no-deps", *hashes)

    def adding(self) -> tuple[str, ...]:
        """Install requirements, and what they need."""
        return ("pip", "install", "--python", PYTHON)

    def wheeling(self, source: str, output: str) -> tuple[str, ...]:
        """Build a wheel."""
        return ("build", "--wheel", "--python", PYTHON, "--out-dir", output, source)

    def options(self, call: Call) -> tuple[str, ...]:
        """Keep it off the network; the variable for it came later than the option."""
        return ("--offline",) if call.offline else ()

    def variables(self, call: Call) -> Mapping[str, str]:
        """Keep it to this interpreter and to files of our own: one that it links is one with its cache."""
        settings = uv_settings(call.environ, call.folder)
        return {
            **({"UV_CONFIG_FILE": settings} if settings else {}),
            **(offline_variables() if call.offline else {}),
            "UV_PYTHON_DOWNLOADS": "never",
            "UV_LINK_MODE": "copy",
            "UV_NO_PROGRESS": "1",
            "NO_COLOR": "1",
        }

    def read(self, text: str, environment: Mapping[str, str]) -> tuple[Pinned, ...]:
        """Read the file that it has compiled."""
        return read_pins(text, environment, "what uv has written")
