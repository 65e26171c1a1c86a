"""The Compose tool: which one is taken, what it is given, and how its words are read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from pytest_envrepro.engine import EngineError
from pytest_envrepro.engines.compose import Project, Tool, environ_of, find_tool, images_of

if TYPE_CHECKING:
    from pathlib import Path

# A program that stands in the place of a tool: notes its words and variables, and answers.
_TOOL = """#!/bin/sh
for word in "$@"; do printf '%s\\0' "$word"; done >> "{folder}/{name}.words"
env >> "{folder}/{name}.environ"
echo "{says}"
exit {status}
"""


def _program(folder: Path, name: str, says: str, status: int = 0) -> None:
    path = folder / name
    path.write_text(_TOOL.format(folder=folder, name=name, says=says, status=status))
    path.chmod(0o755)


def _environ(folder: Path) -> dict[str, str]:
    return {"PATH": f"{folder}:/usr/bin:/bin"}


def test_the_plugin_comes_first(tmp_path: Path) -> None:
    """Docker's plugin is taken before its forerunner, where it answers."""
    _program(tmp_path, "docker", "Docker Compose version v2.29.7")
    _program(tmp_path, "docker-compose", "docker-compose version 1.29.2, build unknown")

    tool = find_tool(_environ(tmp_path), tmp_path)

    assert tool == Tool((str(tmp_path / "docker"), "compose"), "docker compose 2.29.7", is_plugin=True)
    assert not (tmp_path / "docker-compose.words").exists()


@pytest.mark.parametrize(
    ("says", "status"),
    [
        ("docker: 'compose' is not a docker command.", 1),
        ("Docker version 20.10.24, build 297e128", 0),  # Of a command that takes no notice of the word.
    ],
)
def test_without_the_plugin(tmp_path: Path, says: str, status: int) -> None:
    """A docker command without the plugin is passed over."""
    _program(tmp_path, "docker", says, status)
    _program(tmp_path, "docker-compose", "docker-compose version 1.29.2, build unknown")

    tool = find_tool(_environ(tmp_path), tmp_path)

    assert tool == Tool((str(tmp_path / "docker-compose"),), "docker-compose 1.29.2", is_plugin=False)


def test_no_tool(tmp_path: Path) -> None:
    """Where none answers, it is said what was tried, and how one is installed."""
    _program(tmp_path, "docker", "docker: 'compose' is not a docker command.", 1)

    with pytest.raises(EngineError) as caught:
        find_tool({"PATH": str(tmp_path)}, tmp_path)

    assert str(caught.value) == (
        "no Compose tool answers (tried docker compose: docker: 'compose' is not a docker command.; "
        "docker-compose: there is no program docker-compose; podman-compose: there is no program podman-compose; "
        "podman compose: there is no program podman): install the plugin of Docker "
        "(https://docs.docker.com/compose/install/), or a package of your system: docker-compose-plugin, docker-compose "
        "or podman-compose"
    )


def test_words_of_the_plugin(tmp_path: Path) -> None:
    """Each word arrives as it is; offline, the plugin may not pull."""
    _program(tmp_path, "docker", "all is well")
    file = tmp_path / "-a $(id) 'b'.yaml"
    tool = Tool((str(tmp_path / "docker"), "compose"), "docker compose 2.29.7", is_plugin=True)
    project = Project(tool, "envrepro-x", file, environ=_environ(tmp_path), shown=file.name, hide=str)

    project.create(offline=True)
    project.start(30, offline=True)
    project.stop()

    begin = ["compose", f"--file={file}", "--project-name", "envrepro-x"]
    assert (tmp_path / "docker.words").read_text().split("\0") == [
        *(*begin, "up", "--no-start", "--pull", "never"),
        *(*begin, "up", "--detach", "--no-build", "--pull", "never"),
        *(*begin, "down", "--volumes", "--remove-orphans", "--timeout", "1"),
        "",
    ]


def test_what_the_tool_says(tmp_path: Path) -> None:
    """The last words of a tool that fails are told, without its progress, its colours and what is secret."""
    said = [
        *("Creating network x_default with the default driver", "Creating x_web_1 ... ", "Creating x_web_1 ... error"),
        *(r"\033[31mERROR: for web: hunter2 port is already allocated\033[0m", ""),
    ]
    path = tmp_path / "docker-compose"
    path.write_text("#!/bin/sh\n" + "".join(f"printf '{line}\\n' >&2\n" for line in said) + "exit 1\n")
    path.chmod(0o755)
    tool = Tool((str(path),), "docker-compose 1.29.2", is_plugin=False)
    project = Project(
        tool,
        "x",
        tmp_path / "c.yaml",
        environ=_environ(tmp_path),
        shown="c.yaml",
        hide=lambda text: text.replace("hunter2", "****"),
    )

    with pytest.raises(EngineError) as caught:
        project.start(30, offline=False)

    assert str(caught.value) == (
        "c.yaml cannot be brought up by docker-compose 1.29.2:\n"
        "  ERROR: for web: **** port is already allocated\n"
        "a port of this machine is taken: publish '8000' in the place of '8000:8000', and ask address(8000)"
    )


def test_variables() -> None:
    """A tool is given what it needs, what is declared, and the engine that is meant: nothing else."""
    environ = {
        "PATH": "/bin",
        "HOME": "/home/me",
        "HTTPS_PROXY": "http://proxy",
        "https_proxy": "http://proxy",
        "DOCKER_CONFIG": "/cfg",
        "DOCKER_CONTEXT": "other",
        "DOCKER_HOST": "tcp://other:1",
        "LC_ALL": "C",
        "COMPOSE_FILE": "other.yaml",
        "COMPOSE_PROJECT_NAME": "other",
        "SECRET": "x",
        "PYTHONPATH": "/x",
    }
    declared = {
        "GREETING": "a $(id)",
        "PATH": "/elsewhere",
        "COMPOSE_PROJECT_NAME": "other",
        "DOCKER_HOST": "tcp://x:1",
    }

    found = environ_of(environ, declared=declared, engine={"DOCKER_HOST": "unix:///run/docker.sock"})

    assert found == {
        "PATH": "/bin",
        "HOME": "/home/me",
        "HTTPS_PROXY": "http://proxy",
        "https_proxy": "http://proxy",
        "DOCKER_CONFIG": "/cfg",
        "DOCKER_HOST": "unix:///run/docker.sock",
        "LC_ALL": "C",
        "GREETING": "a $(id)",
        "COMPOSE_ANSI": "never",
        "COMPOSE_PROGRESS": "plain",
        "NO_COLOR": "1",
    }


_CONFIG = """\
networks:
  image: {}
services:
  'on':
    command:
    - image
    environment:
      image: wrong
    image: 'postgres:16'
  app:
    build:
      context: /x
  named:
    build:
      context: /x
    image: own/app:1
  web-1.a:
    command: "several\\
      \\    image: wrong"
    image: registry.example:5000/team/web@sha256:0011
volumes:
  image: {}
"""


def test_images_of_yaml() -> None:
    """What `docker-compose config` writes is read: the image of each service, and None of what has no name."""
    assert images_of(_CONFIG) == {
        "on": "postgres:16",
        "app": None,
        "named": "own/app:1",
        "web-1.a": "registry.example:5000/team/web@sha256:0011",
    }


def test_images_of_json() -> None:
    """The same, of JSON."""
    config = {"services": {"db": {"image": "postgres:16"}, "app": {"build": {"context": "."}}}}

    assert images_of(json.dumps(config)) == {"db": "postgres:16", "app": None}
