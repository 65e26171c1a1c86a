"""The installed Compose tool: which one it is, and what it is asked. It alone reads Compose files.

Docker's plugin (https://docs.docker.com/reference/cli/docker/compose/), its forerunner `docker-compose` 1.29, and those
that speak as they do.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from typing import TYPE_CHECKING, NamedTuple

from pytest_envrepro.engine import EngineError
from pytest_envrepro.process import NotStartedError, TimedOutError, run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from pytest_envrepro.process import Completed

_TOOLS = (("docker", "compose"), ("docker-compose",), ("podman-compose",), ("podman", "compose"))
_HOW = (
    "install the plugin of Docker (https://docs.docker.com/compose/install/), or a package of your system: "
    "docker-compose-plugin, docker-compose or podman-compose"
)
# What such a tool needs to run, to find the engine and its registries, and to speak the user's language.
_KEPT = frozenset(
    {
        *("PATH", "HOME", "USER", "LOGNAME", "LANG", "LANGUAGE", "TZ", "TMPDIR", "TEMP", "TMP", "XDG_RUNTIME_DIR"),
        *("XDG_CONFIG_HOME", "XDG_DATA_HOME", "SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "COMSPEC", "PATHEXT"),
        *("USERPROFILE", "APPDATA", "LOCALAPPDATA", "PROGRAMDATA", "PROGRAMFILES"),
        *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"),
        *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSH_AUTH_SOCK"),
        *("COMPOSE_HTTP_TIMEOUT", "COMPOSE_PARALLEL_LIMIT"),
    }
)
_KEPT_BEGINNINGS = ("LC_", "DOCKER_")
# Those that say which engine, which project or which file: all of that is decided here.
_DECIDED = frozenset({"DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_TLS_VERIFY", "DOCKER_TLS", "DOCKER_CERT_PATH"})
# What a declared variable may not change: where programs are, and what is decided.
_NOT_DECLARED = _DECIDED | {
    "PATH",
    "HOME",
    "XDG_RUNTIME_DIR",
    "COMPOSE_PROJECT_NAME",
    "COMPOSE_FILE",
    "COMPOSE_ENV_FILES",
}
_PLAIN = {"COMPOSE_ANSI": "never", "COMPOSE_PROGRESS": "plain", "NO_COLOR": "1"}
_ASKING = 60.0  # Seconds for what is answered without the engine.
_ENDING = 120.0  # Seconds until all is down.
_MAKING = 3600.0  # Seconds until all images are there: they may be pulled and built.
_MOST_LINES = 15  # Of the tool's last words, in a message.
_MOST_CHARACTERS = 2000
_ENOUGH = 16 << 20  # Bytes of a tool's output; more is not read.
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_PROGRESS = re.compile(r"(?:Creating|Starting|Recreating|Stopping|Removing|Pulling|Waiting)\b.*(?:\.\.\.|driver$)")
_VERSION = re.compile(r"\bv?(\d+\.\d+(?:\.\d+)?\S*?),?(?:\s|$)")
_KEY = re.compile(r"( *)([^\s#'\"-][^:]*|'[^']*'|\"[^\"]*\"):(?: (.*))?")
_PORT_TAKEN = ("port is already allocated", "address already in use", "ports are not available")
_NAME_TAKEN = ("is already in use by container", "name is already in use")


class SlowError(EngineError):
    """The tool took longer than it may, and was ended."""


class Tool(NamedTuple):
    """A Compose tool.

    Attributes:
        words: the program, by its path, and what makes it Compose.
        name: for people: `docker-compose 1.29.2`.
        is_plugin: whether it is Docker's plugin, which knows more options.
    """

    words: tuple[str, ...]
    name: str
    is_plugin: bool


def environ_of(environ: Mapping[str, str], *, declared: Mapping[str, str], engine: Mapping[str, str]) -> dict[str, str]:
    """Give the variables of such a tool: chosen, never merely inherited.

    Args:
        environ: of this process.
        declared: what the Compose file may name as `${NAME}`.
        engine: which engine it asks.
    """
    kept = {
        name: value
        for name, value in environ.items()
        if (name.upper() in _KEPT or name.startswith(_KEPT_BEGINNINGS)) and name not in _DECIDED
    }
    further = {name: value for name, value in declared.items() if name not in _NOT_DECLARED}
    return {**kept, **_PLAIN, **further, **engine}


def find_tool(environ: Mapping[str, str], folder: Path) -> Tool:
    """Give the first Compose tool that answers.

    Args:
        environ: its variables; it is looked for on their `PATH`.
        folder: where it runs.

    Raises:
        EngineError: none does; what was tried, and how one is installed.
    """
    tried = []
    for words in _TOOLS:
        found = shutil.which(words[0], path=environ.get("PATH", os.defpath))
        if found is None:
            tried.append(f"{' '.join(words)}: there is no program {words[0]}")
            continue
        argv = (os.path.abspath(found), *words[1:])
        try:
            done = run([*argv, "version"], cwd=folder, environ=environ, timeout=_ASKING, limit=_ENOUGH)
        except (NotStartedError, TimedOutError) as error:
            tried.append(f"{' '.join(words)}: {error}")
            continue
        said = f"{done.stdout}\n{done.stderr}"
        version = _VERSION.search(said)
        if done.returncode or version is None or "compose" not in said.lower():
            why = next((line.strip() for line in said.splitlines() if line.strip()), "says nothing")
            tried.append(f"{' '.join(words)}: {why}")
            continue
        return Tool(argv, f"{' '.join(words)} {version[1]}", is_plugin=words == _TOOLS[0])
    raise EngineError(f"no Compose tool answers (tried {'; '.join(tried)}): {_HOW}")


class Project:
    """A project, as the tool is asked for it.

    Args:
        tool: which one.
        name: of the project.
        file: the Compose file, absolute; `.env` beside it is read by the tool.
        environ: the tool's variables.
        shown: the file, for people.
        hide: takes credentials out of a text.
    """

    def __init__(
        self,
        tool: Tool,
        name: str,
        file: Path,
        *,
        environ: Mapping[str, str],
        shown: str,
        hide: Callable[[str], str],
    ) -> None:
        self.name = name
        self._tool = tool
        self._file = file
        self._environ = environ
        self._shown = shown
        self._hide = hide

    def check(self) -> str:
        """Have the tool read the file, and give what it makes of it.

        Raises:
            EngineError: it refuses the file.
        """
        return self._ask(["config"], "is not followed", timeout=_ASKING).stdout

    def create(self, *, offline: bool) -> None:
        """Have all made that the services need: images are pulled and built, and nothing is started.

        Raises:
            EngineError: some of that fails.
        """
        self._ask(["up", "--no-start", *self._never(offline)], "cannot be brought up", timeout=_MAKING)

    def start(self, timeout: float, *, offline: bool) -> None:
        """Start the services, in the order that the file says.

        Raises:
            SlowError: what one of them waits for takes longer.
            EngineError: one does not start.
        """
        words = ["up", "--detach", "--no-build", *self._never(offline)]
        self._ask(words, "cannot be brought up", timeout=timeout)

    def _never(self, offline: bool) -> list[str]:  # noqa: FBT001  # Its name says it.
        """Give what keeps the tool from pulling; where it knows no such word, images that are there are not pulled."""
        return ["--pull", "never"] if offline and self._tool.is_plugin else []

    def stop(self) -> None:
        """End all, and remove it with its volumes.

        Raises:
            EngineError: some of it is still there.
        """
        self._ask(["down", "--volumes", "--remove-orphans", "--timeout", "1"], "cannot be taken down", timeout=_ENDING)

    def _ask(self, words: Iterable[str], failed: str, *, timeout: float) -> Completed:
        argv = [*self._tool.words, f"--file={self._file}", "--project-name", self.name, *words]
        try:
            done = run(argv, cwd=self._file.parent, environ=self._environ, timeout=timeout, limit=_ENOUGH)
        except NotStartedError as error:
            raise EngineError(f"{self._shown} {failed}: {error}") from error
        except TimedOutError as error:
            said = self._words(error.completed)
            raise SlowError(f"{self._shown} {failed}: {self._tool.name} {error}{said}") from error
        if done.returncode:
            said = self._words(done)
            advice = advice_for(said)
            raise EngineError(f"{self._shown} {failed} by {self._tool.name}{said}" + (f"\n{advice}" if advice else ""))
        return done

    def _words(self, done: Completed) -> str:
        """Give the last words of the tool."""
        lines = [line.rstrip() for line in _ESCAPES.sub("", done.stderr or done.stdout).splitlines() if line.strip()]
        told = [line for line in dict.fromkeys(lines) if not _PROGRESS.match(line)][-_MOST_LINES:]
        shown = self._hide("\n".join(told))[-_MOST_CHARACTERS:].splitlines()
        return ":\n" + "\n".join(f"  {line}" for line in shown) if shown else ""


def advice_for(said: str) -> str:
    """Say what to do about what often is in the way of several sessions; empty where there is nothing to say."""
    lower = said.lower()
    if any(each in lower for each in _PORT_TAKEN):
        return "a port of this machine is taken: publish '8000' in the place of '8000:8000', and ask address(8000)"
    if any(each in lower for each in _NAME_TAKEN):
        return "a name of a container is taken: leave 'container_name' out of the file"
    return ""


def images_of(config: str) -> dict[str, str | None]:
    """Read out of what `config` writes which image each service is of; None of one that is built, and has no name.

    Of YAML only what the tools write is understood: blocks, with two spaces for each level.
    """
    try:
        services = json.loads(config)["services"]
        return {name: each.get("image") for name, each in services.items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        return _images_of_yaml(config)


def _images_of_yaml(config: str) -> dict[str, str | None]:
    section, service = "", ""
    found: dict[str, str | None] = {}
    for line in config.splitlines():
        match = _KEY.fullmatch(line.rstrip())
        if match is None:
            continue
        depth, key, value = len(match[1]), match[2].strip("'\""), (match[3] or "").strip("'\"")
        if depth == 0:
            section = key
        elif section == "services" and depth == 2:  # noqa: PLR2004  # Spaces: a service.
            service = key
            found[service] = None
        elif section == "services" and depth == 4:  # noqa: PLR2004  # Spaces: what is said of it.
            found[service] = value if key == "image" else found[service]
    return found
