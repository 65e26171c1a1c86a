"""Places in containers: links on the way to a file, into memory too, and looks that an engine refuses."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from boxing import build
from containing import BASE
from engines.proxying import Proxy

from pytest_envrepro.engine import EngineError
from pytest_envrepro.engines import connect
from pytest_envrepro.enginevalues import Member, Order

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytest_envrepro.engine import Container, Engine

pytestmark = pytest.mark.requires_integration("docker-engine")

ARCHIVE = r"^(GET|HEAD) /v[\d.]+/containers/\w+/archive\?path="


@pytest.fixture(scope="module")
def covered(base_image: str, docker_api: Any) -> Iterator[Container]:
    """Give a container with `/run` in memory, over a file that its image has on the disk there."""
    assert base_image == BASE
    build(docker_api, "envrepro-tests/covered:1", [f"FROM {BASE}", "RUN echo old > /run/it; echo old > /run/gone"])
    engine = connect({})
    try:
        yield engine.start(
            Order(
                image="envrepro-tests/covered:1",
                title="covered",
                network="none",
                scratch=("/tmp", "/run"),  # noqa: S108  # In the container.
                workdir="/app",
            )
        )
    finally:
        engine.close()
        docker_api.remove_image("envrepro-tests/covered:1", force=True)


def shell(container: Container, script: str) -> str:
    """Run a script there, and give what it says."""
    done = container.run(["sh", "-ec", script])
    assert done.returncode == 0, done.stderr
    return done.stdout.decode()


def test_read_below_a_link_into_memory(covered: Container, tmp_path: Path) -> None:
    """What lies in memory is read below a link too (`/var/run` is `/run`), and not what the disk has there."""
    shell(covered, "echo new > /run/it; echo 1 > /run/app.pid; mkdir /run/d; echo 2 > /run/d/x")

    assert covered.read("/var/run/it") == b"new\n"
    assert covered.read("/var/run/app.pid") == b"1\n"
    assert covered.read("/var/../var/./run//d/x") == b"2\n"
    assert covered.fetch("/var/run/d", tmp_path) == {}
    assert (tmp_path / "d" / "x").read_text() == "2\n"
    with pytest.raises(
        EngineError, match=r"^/var/run/gone cannot be read in the container: cat: /var/run/gone: No such"
    ):
        covered.read("/var/run/gone")


@pytest.mark.parametrize("folder", ["/dev/shm", "/run"])  # noqa: S108  # In the container.
def test_written_below_a_link_into_memory(covered: Container, folder: str) -> None:
    """What is written below a link into memory is there for programs, its folders included; so it is by a link to a file."""
    shell(covered, f"rm -rf /app/data /app/one; ln -s {folder} /app/data; ln -s data/one /app/one")

    covered.write("/app/data/new/x", "hello", mode=0o640, owner="daemon")
    covered.write("/app/one", "by a link")

    assert shell(covered, f"cat {folder}/new/x; stat -c ' %a %U' {folder}/new/x") == "hello 640 daemon\n"
    assert shell(covered, f"cat {folder}/one; readlink /app/one") == "by a linkdata/one\n"
    assert covered.read("/app/data/new/x") == b"hello"


def test_memory_that_compose_has_ordered(docker_api: Any, engine: Engine, base_image: str) -> None:
    """What lies in memory is asked of the container, as others start some too, and by its place: `/var/run` is `/run`."""
    mounts = [{"Type": "tmpfs", "Target": "/srv/long"}]
    host = docker_api.create_host_config(network_mode="none", tmpfs={"/var/run": "", "/srv/it": ""}, mounts=mounts)
    made = docker_api.create_container(base_image, ["sleep", "60"], host_config=host)["Id"]
    try:
        docker_api.start(made)
        container = engine.member(Member(id=made, name="service", image=base_image))

        container.write("/run/x", "1")
        container.write("/srv/it/x", "2")
        container.write("/srv/long/x", "3")

        assert shell(container, "cat /run/x /var/run/x /srv/it/x /srv/long/x") == "1123"
        assert container.read("/var/run/x") == b"1"
    finally:
        docker_api.remove_container(made, force=True)


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("/app/w/link", "/app/w/file"),
        ("/app/w/chain", "/app/w/file"),
        ("/app/w/elsewhere/../file", "/app/other/file"),
        ("/app/w/up/w/file", "/app/w/file"),
        ("/app/w/folder/f", "/app/w/real/f"),
        ("/app/w/dangling", "/app/w/made/deep/f"),
        ("/app/w/nope/../new", "/app/w/new"),
        ("/app/w/nope/a/../b/c", "/app/w/nope/b/c"),
    ],
)
def test_written_through_links(shared: Container, path: str, place: str) -> None:
    """What is written through a link goes where it leads, as for `open`, and the link stays; folders there are made too."""
    script = (
        "rm -rf /app/w /app/other; mkdir -p /app/w/real /app/other/deep; cd /app/w; echo old > file; ln -s file link; "
        "ln -s /app/w/link chain; ln -s .. up; ln -s /app/../app/w/real folder; ln -s made/deep/f dangling; ln -s ../other/deep elsewhere"
    )
    shell(shared, script)
    links = "cd /app/w; readlink link chain up folder dangling elsewhere"
    before = shell(shared, links)

    shared.write(path, "new")

    assert shell(shared, f"cat {place}") == "new"
    assert shared.read(path) == b"new"
    assert shell(shared, links) == before


def test_neither_file_nor_folder(shared: Container) -> None:
    """A pipe is not written over, by a link neither, and not read; a link to a folder is none to a file."""
    shell(shared, "mkdir /app/p; cd /app/p; mkfifo pipe; ln -s pipe link; ln -s / root")

    for path in ("/app/p/pipe", "/app/p/link"):
        said = f"^{path} in the container is a pipe, a socket or a device, not a file$"
        with pytest.raises(EngineError, match=said):
            shared.write(path, "x")
        with pytest.raises(EngineError, match=said):
            shared.read(path)
    with pytest.raises(EngineError, match=r"^/app/p/root in the container is a folder, not a file$"):
        shared.write("/app/p/root", "x")
    with pytest.raises(EngineError, match=r"^/app/p/pipe in the container is a file, not a folder$"):
        shared.write("/app/p/link/x/y", "x")

    assert shell(shared, "cd /app/p; test -p pipe; readlink link") == "pipe\n"


@pytest.mark.parametrize("path", ["/app/c/one", "/app/c/two/x"])
def test_circles(shared: Container, path: str) -> None:
    """A link that leads in circles is told by its path, whatever is wanted there."""
    shell(shared, "mkdir -p /app/c; cd /app/c; ln -sf one one; ln -sf three two; ln -sf two three")

    for use in (shared.read, lambda path: shared.write(path, "x")):
        with pytest.raises(
            EngineError, match=rf"^{path.removesuffix('/x')} in the container is a link that leads in circles$"
        ):
            use(path)


def test_half_of_it_in_memory(engine: Engine, docker_api: Any, base_image: str) -> None:
    """Where memory is full, half of a file does not stay behind a link, and the link does."""
    host = docker_api.create_host_config(network_mode="none", tmpfs={"/small": "size=1m"})
    made = docker_api.create_container(base_image, ["sleep", "60"], host_config=host)["Id"]
    try:
        docker_api.start(made)
        container = engine.member(Member(id=made, name="small", image=base_image))
        shell(container, "ln -s /small/real /small/link")

        with pytest.raises(EngineError, match=r"^/small/link cannot be written in the container: what lies in memory"):
            container.write("/small/link", b"x" * (2 << 20))

        assert shell(container, "ls /small; readlink /small/link") == "link\n/small/real\n"
    finally:
        docker_api.remove_container(made, force=True)


@pytest.fixture
def failing(tmp_path: Path) -> Iterator[tuple[Engine, Proxy]]:
    """Give an engine that can be made to fail."""
    proxy = Proxy(tmp_path / "e.sock")
    engine = connect({"DOCKER_HOST": proxy.address})
    yield engine, proxy
    engine.close()
    proxy.cut()


def test_no_look_at_the_program_that_waits(failing: tuple[Engine, Proxy], base_image: str) -> None:
    """An engine that cannot look does not say that the image lacks a program."""
    engine, proxy = failing
    proxy.refuse(ARCHIVE, "layer is busy")

    with pytest.raises(EngineError, match=r"^the engine cannot look at (/usr)?/bin/cat: layer is busy$"):
        engine.start(Order(image=base_image, title="busy", network="none"))


def test_no_look_at_the_users(failing: tuple[Engine, Proxy], base_image: str) -> None:
    """One that cannot look for the table of users has nobody taken for a user without an entry: nothing is written."""
    engine, proxy = failing
    box = engine.start(Order(image=base_image, title="busy", network="none"))
    proxy.refuse(ARCHIVE + re.escape("%2Fetc%2Fpasswd"), "layer is busy")

    with pytest.raises(EngineError, match=r"^the engine cannot look at /etc/passwd: layer is busy$"):
        box.write("/it", "x", owner="1")

    assert box.run(["test", "-e", "/it"]).returncode == 1


def test_a_file_on_the_way_to_the_program(engine: Engine, base_image: str) -> None:
    """What the engine cannot find since a file is in its way is not there, and no failure."""
    order = Order(image=base_image, title="way", network="none", environment={"PATH": "/etc/passwd:/usr/bin/"})

    assert engine.start(order).is_running()
