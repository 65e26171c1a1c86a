"""pip-tools: resolves with `pip-compile`, for the Python that runs it."""

from __future__ import annotations

import importlib.metadata
import shlex
from typing import TYPE_CHECKING

from packaging.markers import default_environment

from pytest_envrepro.installers.misleading import pip_settings
from pytest_envrepro.installers.pinning import read_pins
from pytest_envrepro.installers.pip import pip_variables
from pytest_envrepro.installers.tools import MissingToolError, Program, here
from pytest_envrepro.settingkeys import HIGHEST

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_envrepro.installers.pinning import Pinned
    from pytest_envrepro.installers.tools import Call, Question
    from pytest_envrepro.interpreter import Python


class PipTools:
    """pip-compile, as it is installed here."""

    name = "pip-tools"
    resolutions = frozenset({HIGHEST})

    def find(self, python: Python, environ: Mapping[str, str]) -> Program:  # noqa: ARG002  # As all.
        """Find it among what is installed here: it chooses for the Python that runs it, and for no other."""
        there, here_ = dict(python.interpreter.environment), {**default_environment()}
        if any(there.get(name) != value for name, value in here_.items() if name != "extra"):
            raise MissingToolError(
                f"pip-tools chooses for the Python that runs it, {here_['python_full_version']}, "
                f"and not for {python.interpreter.version}"
            )
        argv = here("piptools")
        try:
            version = importlib.metadata.version("pip-tools")
        except importlib.metadata.PackageNotFoundError as error:
            raise MissingToolError("pip-tools is not installed here: pip install pip-tools") from error
        return Program(f"pip-tools {version}", version, argv)

    def resolving(self, question: Question) -> tuple[str, ...]:
        """Compile files together."""
        bounds = (word for file in question.constraints for word in ("-c", file))
        arguments = ("--pip-args", shlex.join(question.arguments)) if question.arguments else ()
        return (
            # What it says of a conflict is who asks for what, and only so does it say that.
            *("compile", "--generate-hashes", "--verbose", "--no-header", "--annotation-style=split", "--strip-extras"),
            *("--allow-unsafe", "--no-emit-index-url", "--no-emit-find-links", "--no-emit-trusted-host"),
            *("--no-emit-options", "--output-file", question.output, *arguments, *bounds, *question.files),
        )

    def options(self, call: Call) -> tuple[str, ...]:  # noqa: ARG002  # As all.
        """Add nothing."""
        return ()

    def variables(self, call: Call) -> Mapping[str, str]:
        """Keep pip to what it is told."""
        return pip_variables(call, pip_settings(call.environ, call.folder, resolving=True))

    def read(self, text: str, environment: Mapping[str, str]) -> tuple[Pinned, ...]:
        """Read the file that it has compiled."""
        return read_pins(text, environment, "what pip-tools has written")
