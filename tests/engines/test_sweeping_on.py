"""Sweeps go on past what the engine does not remove, and say so at the end: else it would protect all others for ever."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from boxing import build
from engines.proxying import Proxy

from pytest_envrepro.cleaning import clean
from pytest_envrepro.engine import EngineError
from pytest_envrepro.engines import connect
from pytest_envrepro.engines.owners import own
from pytest_envrepro.engines.projects import name_of
from pytest_envrepro.imagebook import ImageBook

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytest_envrepro.engine import Engine

pytestmark = [
    pytest.mark.requires_integration("docker-engine"),
    pytest.mark.skipif(os.name == "nt", reason="sockets of Unix"),
]

PROJECT = "com.docker.compose.project"
WORDS = "device or resource busy"


@pytest.fixture
def mark(docker_api: Any) -> Iterator[str]:
    """Give the label of what a test makes: it is gone after it."""
    found = f"envrepro-tests.sweeping={uuid4().hex}"
    yield found
    for kind in ("containers", "networks", "volumes"):
        for each in left(docker_api, found)[kind]:
            if kind == "containers":
                docker_api.remove_container(each, force=True)
            elif kind == "networks":
                docker_api.remove_network(each)
            else:
                docker_api.remove_volume(each)


def left(docker_api: Any, mark: str) -> dict[str, list[str]]:
    """Give the names of what is there of a test."""
    only = {"label": mark}
    return {
        "containers": sorted(each["Names"][0].lstrip("/") for each in docker_api.containers(all=True, filters=only)),
        "networks": sorted(each["Name"] for each in docker_api.networks(filters=only)),
        "volumes": sorted(each["Name"] for each in docker_api.volumes(filters=only)["Volumes"] or ()),
    }


def dead() -> int:
    """Give the pid of a process that has ended."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return process.pid


def make(docker_api: Any, image: str, name: str, labels: dict[str, str]) -> str:
    """Make a container, a network and a volume, and give the container's id."""
    docker_api.create_network(name, labels=labels)
    docker_api.create_volume(name, labels=labels)
    return str(docker_api.create_container(image, ["cat"], name=name, labels=labels)["Id"])


def proxied(path: Path, *identities: str) -> tuple[Proxy, Engine]:
    """Give an engine that does not remove some containers."""
    proxy = Proxy(path / "engine.sock")
    for each in identities:
        proxy.refuse(f"DELETE /v[^/]+/containers/{each}", f"{WORDS}: {each[:6]}")
    return proxy, connect({"DOCKER_HOST": proxy.address})


@pytest.mark.usefixtures("apart")
def test_sweep(docker_api: Any, base_image: str, mark: str, tmp_path: Path) -> None:
    """Of what is abandoned all goes but what is refused; the first of these is told, and the rest of it is found again."""
    name, _, value = mark.partition("=")
    labels = {**own("it").labels(), "io.envrepro.pid": str(dead()), name: value}
    identities = [make(docker_api, base_image, f"{value}-{number}", labels) for number in range(4)]
    named = {container["Id"]: container["Names"][0].lstrip("/") for container in docker_api.containers(all=True)}
    proxy, engine = proxied(tmp_path, identities[1], identities[2])

    with pytest.raises(EngineError, match=f"the engine cannot remove a container: {WORDS}: ") as caught:
        engine.sweep()
    engine.close()
    proxy.cut()

    # The engine lists the newest first.
    assert str(caught.value).endswith(identities[2][:6])
    assert left(docker_api, mark) == {
        "containers": [named[each] for each in identities[1:3]],
        "networks": [],
        "volumes": [],
    }


@pytest.mark.usefixtures("apart")
def test_projects(docker_api: Any, base_image: str, mark: str, tmp_path: Path) -> None:
    """The same holds for projects of Compose: of the one and of all others."""
    name, _, value = mark.partition("=")
    owner = own("it")
    names = [name_of(owner._replace(pid=dead(), started="1"), f"{number}" * 8) for number in range(3)]
    identities = [make(docker_api, base_image, each, {PROJECT: each, name: value}) for each in names]
    proxy, engine = proxied(tmp_path, identities[2])

    with pytest.raises(EngineError, match=f"^the engine cannot remove a container: {WORDS}: {identities[2][:6]}$"):
        engine.sweep()
    engine.close()
    proxy.cut()

    assert left(docker_api, mark) == {"containers": [names[2]], "networks": [], "volumes": []}


@pytest.mark.usefixtures("apart")
def test_cleaning(
    docker_api: Any, base_image: str, mark: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """--env-clean goes on to the images, and past the one that is refused; it tells both."""
    name, _, value = mark.partition("=")
    labels = {**own("it").labels(), "io.envrepro.pid": str(dead()), name: value}
    stays = make(docker_api, base_image, f"{value}-stays", labels)
    images = [f"envrepro-tests/{value}:{number}" for number in range(3)]
    for each in images:
        build(docker_api, each, [f"FROM {base_image}", f"LABEL {name}={value} it={each}"])
    proxy, engine = proxied(tmp_path, stays)
    proxy.refuse(f"DELETE /v[^/]+/images/{images[1]}", WORDS)
    book = ImageBook(tmp_path / "cache", engine)
    for each in images:
        book.use(each)
    label = engine.label
    engine.close()

    code = clean({"PYTEST_ENVREPRO_CACHE": str(tmp_path / "cache"), "DOCKER_HOST": proxy.address})

    proxy.cut()
    said = capsys.readouterr().out
    there = [image["RepoTags"] for image in docker_api.images(filters={"label": mark})]
    docker_api.remove_image(images[1])
    assert code == 0
    assert there == [[images[1]]]
    assert f"could be removed from {label}: the engine cannot remove a container: {WORDS}: {stays[:6]}\n" in said
    assert f"images could be removed from {label}: the engine cannot remove the image {images[1]}: {WORDS}\n" in said
