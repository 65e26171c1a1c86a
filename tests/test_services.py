"""Services beside an environment, brought up by the real Compose tool."""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from containing import BASE

from pytest_envrepro.engine import EngineError
from pytest_envrepro.engines import connect
from pytest_envrepro.engines.owners import own, ticks
from pytest_envrepro.engines.projects import PROJECT, prefix_of
from pytest_envrepro.enginevalues import Order
from pytest_envrepro.errors import CommandFailed, CommandTimeout, SettingsError
from pytest_envrepro.services import Projects
from pytest_envrepro.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pytest_envrepro.engine import Engine
    from pytest_envrepro.serving import Services

pytestmark = pytest.mark.requires_integration("docker-engine", "compose")

HOSTILE = " a $(id) \"b\" 'c' ${HOME} \\ ; € "
FILE = '-it\'s "ä" $(HOME);x.yaml'
_SERVER = ["python3", "-um", "http.server", "8000", "--directory", "/data"]


def _write(path: Path, services: dict[str, Any], **more: Any) -> None:
    """Write a Compose file: JSON is YAML."""
    path.parent.mkdir(parents=True, exist_ok=True)
    services = {name: {"image": BASE, "stop_grace_period": "0s", **each} for name, each in services.items()}
    services = {name: {key: value for key, value in each.items() if value} for name, each in services.items()}
    path.write_text(json.dumps({"version": "3.8", "services": services, **more}), encoding="utf-8")


def _left(api: Any) -> list[str]:
    """Give what this process has left on the engine."""
    prefix = prefix_of(own("it"))
    labelled = {"label": PROJECT}
    found = [
        *api.containers(all=True, filters=labelled),
        *api.networks(filters=labelled),
        *(api.volumes(filters=labelled)["Volumes"] or ()),
    ]
    return [each["Labels"][PROJECT] for each in found if each["Labels"][PROJECT].startswith(prefix)]


class Shared(NamedTuple):
    """Services that several workers have asked for at once, and what they were told meanwhile."""

    services: list[Services | None]
    told: list[str]
    workers: list[Projects]
    controller: Projects


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, base_image: str) -> Iterator[Shared]:  # noqa: ARG001
    """Give services that eight workers have asked for at the same time."""
    root, cache = tmp_path_factory.mktemp("a root's"), tmp_path_factory.mktemp("cache")
    check = "import socket; socket.create_connection(('127.0.0.1', 8000))"
    _write(
        root / "of it" / FILE,
        {
            "web": {
                "command": _SERVER,
                "ports": ["8000"],
                "volumes": ["data:/data"],
                "environment": {"GIVEN": "${GIVEN}", "FROM_FILE": "${FROM_FILE}"},
                "healthcheck": {"test": ["CMD", "python3", "-c", check], "interval": "200ms", "retries": 50},
            },
            "plain": {"command": _SERVER, "volumes": ["data:/data"], "depends_on": ["web"]},
            "once": {"command": ["sh", "-c", "echo done; echo apart >&2"]},
        },
        volumes={"data": {}},
    )
    (root / "of it" / ".env").write_text("FROM_FILE=here\nCOMPOSE_PROJECT_NAME=other\n", encoding="utf-8")
    engine, told = connect(os.environ), list[str]()
    owner = own("it")._replace(pid=os.getppid(), started=ticks(os.getppid()) or "")  # As of a worker.
    settings = Settings(compose=f"of it/{FILE}", environment={"GIVEN": HOSTILE})

    def projects(worker: str | None) -> Projects:
        return Projects(*(engine, owner), root=root, cache=cache, environ=os.environ, worker=worker, tell=told.append)

    workers = [projects(f"gw{number}") for number in range(8)]
    controller = projects(None)
    try:
        with ThreadPoolExecutor(8) as pool:
            services = list(pool.map(lambda each: each.services(settings), workers))
        yield Shared(services, told, workers, controller)
    finally:
        controller.close()
        engine.close()


@pytest.fixture
def services(shared: Shared) -> Services:
    """Give them as one worker has them."""
    found = shared.services[0]
    assert found is not None
    return found


def test_one_for_all_workers(shared: Shared) -> None:
    """Eight workers bring them up once, and all are given the same."""
    assert shared.told == [f"of it/{FILE}: bringing up its services"]
    assert len({each.project for each in shared.services if each is not None}) == 1
    assert all(sorted(each) == ["once", "plain", "web"] for each in shared.services if each is not None)


def test_published_port(services: Services) -> None:
    """A published port is reached at this machine, and the service is ready."""
    host, port = services["web"].address(8000)

    assert host == "127.0.0.1"
    assert urllib.request.urlopen(f"http://{host}:{port}", timeout=5).status == 200  # Is http.


def test_port_that_is_not_published(services: Services) -> None:
    """A port that is not published is reached at the container itself, where that is on this machine."""
    host, port = services["plain"].address(8000)

    assert port == 8000
    assert host != "127.0.0.1"
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:  # Nothing said that it is ready.
        try:
            socket.create_connection((host, port), 1).close()
        except ConnectionError:
            time.sleep(0.05)
        else:
            break
    else:
        pytest.fail("it does not answer")


def test_files(services: Services) -> None:
    """A file of a service is written from bytes or a string, and read."""
    for data in ("é", "é".encode()):
        services["plain"].container.write("/srv/new/text", data)
        assert services["plain"].container.read("/srv/new/text") == "é".encode()


def test_logs(services: Services) -> None:
    """What a service has written is there, also once it has ended; all that it was for is done."""
    assert sorted(services["once"].logs().splitlines()) == ["apart", "done"]


def test_variables(services: Services) -> None:
    """The variables of the settings arrive in the Compose file as they are, and so does the file `.env` beside it."""
    done = services["web"].run("printenv", "GIVEN", "FROM_FILE")

    assert done.stdout == f"{HOSTILE}\nhere\n"


def test_run(services: Services) -> None:
    """Programs run in a service as in an environment: words as they are, both streams, and an error that shows them."""
    web = services["web"]

    assert web.run("cat", input="ä").stdout == "ä"
    assert web.run("sh", "-c", 'pwd; echo "$X"', cwd="/tmp", env={"X": "$(id)"}).stdout == "/tmp\n$(id)\n"  # noqa: S108
    assert web.run("false", check=False).returncode == 1
    with pytest.raises(CommandFailed, match="in service 'web' ended with 3\nstandard error:\nno"):
        web.run("sh", "-c", "echo no >&2; exit 3")
    with pytest.raises(CommandTimeout, match=r"sleep 60 in service 'web' took longer than timeout=0\.2 seconds"):
        web.run("sleep", "60", timeout=0.2)


def test_network(services: Services, engine: Engine) -> None:
    """A container of ours on their network reaches a service by its name."""
    assert services.network is not None
    box = engine.start(Order(image=BASE, title="client", network=services.network))
    ask = "import urllib.request as u; print(u.urlopen('http://web:8000', timeout=5).status)"

    assert box.run(["python3", "-c", ask]).stdout == b"200\n"


def test_unknown_service(services: Services) -> None:
    """A name that is not in the file is told with those that are."""
    with pytest.raises(KeyError) as caught:
        services["wbe"]

    assert str(caught.value) == f"of it/{FILE} has no service 'wbe' (did you mean 'web'?)"
    assert "wbe" not in services


@pytest.fixture
def projects(tmp_path: Path, engine: Engine, base_image: str) -> Iterator[Callable[..., Projects]]:  # noqa: ARG001
    """Give what makes the books of a process of this session; they are closed after the test."""
    made: list[Projects] = []

    def projects(**more: Any) -> Projects:
        made.append(Projects(engine, own("it"), root=tmp_path, cache=tmp_path / "cache", environ=os.environ, **more))
        return made[-1]

    yield projects
    for each in made:
        each.close()


def test_failure(tmp_path: Path, projects: Callable[..., Projects], docker_api: Any) -> None:
    """A service that fails is told with its log and without what is secret; all is down, and nobody tries again."""
    fails = ["python3", "-c", "import os, sys; print('no', os.environ['PASS'], file=sys.stderr); sys.exit(3)"]
    _write(tmp_path / "c.yaml", {"db": {"command": fails, "environment": ["PASS"]}, "on": {"command": ["sleep", "60"]}})
    settings = Settings(compose="c.yaml", environment={"PASS": "hunter2"})
    told: list[str] = []

    with pytest.raises(EngineError) as caught:
        projects(worker="gw0", tell=told.append).services(settings)
    with pytest.raises(EngineError) as again:
        projects(worker="gw1", tell=told.append).services(settings)

    lines = str(caught.value).splitlines()
    assert lines[0] == "the services of c.yaml failed:"
    assert lines[1].startswith("  db (envrepro-")
    assert lines[1].endswith(") has ended with 3")
    assert lines[2:] == ["    its log:", "      no ****"]
    assert str(again.value) == str(caught.value)
    assert len(told) == 1
    assert _left(docker_api) == []


def test_one_for_each_worker(tmp_path: Path, projects: Callable[..., Projects], engine: Engine) -> None:
    """With scope = "worker" each has its own, which ends with it."""
    _write(tmp_path / "c.yaml", {"once": {"command": ["true"]}})
    mine = projects(worker="gw3")

    found = mine.services(Settings(compose={"file": "c.yaml", "scope": "worker"}))

    assert found is not None
    assert found.project.endswith("-gw3")
    mine.close()
    assert engine.members(found.project) == ()
    with pytest.raises(EngineError, match="are not brought up: this session ends"):
        mine.services(Settings(compose={"file": "c.yaml", "scope": "worker"}))


def test_the_session_takes_them_down(tmp_path: Path, projects: Callable[..., Projects], docker_api: Any) -> None:
    """A worker that ends leaves what others may use; the end of the session takes down all, volumes and notes too."""
    _write(tmp_path / "c.yaml", {"web": {"command": ["sleep", "60"], "volumes": ["data:/data"]}}, volumes={"data": {}})
    worker = projects(worker="gw0")
    found = worker.services(Settings(compose="c.yaml"))
    assert found is not None
    worker.close()
    assert found["web"].run("true").returncode == 0

    projects().close()

    assert _left(docker_api) == []
    assert list((tmp_path / "cache" / "compose").iterdir()) == []
    with pytest.raises(EngineError, match=r"the service 'web' is gone: the project envrepro-.* is down"):
        found["web"].run("true")


def test_interrupted(tmp_path: Path, projects: Callable[..., Projects], engine: Engine, docker_api: Any) -> None:
    """Ctrl-C while a service is waited for takes all down."""
    never = {"test": ["CMD", "false"], "interval": "100ms", "retries": 10000}
    _write(tmp_path / "c.yaml", {"db": {"command": ["sleep", "60"], "healthcheck": never}})
    over = threading.Event()

    def interrupt() -> None:
        while not over.wait(0.05):
            names = [name for name in _left(docker_api) if engine.members(name)]
            if any(
                each.health == "starting" and each.state == "running" for name in names for each in engine.members(name)
            ):
                os.kill(os.getpid(), signal.SIGINT)
                return

    thread = threading.Thread(target=interrupt)
    thread.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            projects().services(Settings(compose={"file": "c.yaml", "timeout": 30}))
    finally:
        over.set()
        thread.join()

    assert _left(docker_api) == []


def test_broken_file(tmp_path: Path, projects: Callable[..., Projects]) -> None:
    """A file that the tool does not follow is told in the tool's words."""
    _write(tmp_path / "c.yaml", {"web": {"comand": "x"}})

    with pytest.raises(EngineError) as caught:
        projects().services(Settings(compose="c.yaml"))

    text = str(caught.value)
    assert text.startswith("c.yaml is not followed by docker-compose")
    assert "comand" in text


def test_offline(tmp_path: Path, projects: Callable[..., Projects], docker_api: Any) -> None:
    """Offline, what would need the network is refused before anything is made."""
    _write(
        tmp_path / "c.yaml",
        {"db": {"image": "nowhere.example/db:1"}, "on": {"build": "."}, "app": {"build": ".", "image": None}},
    )

    with pytest.raises(EngineError) as caught:
        projects(offline=True).services(Settings(compose="c.yaml"))

    assert str(caught.value) == (
        "c.yaml cannot be brought up offline:\n"
        "  app is built, which may use the network: build it before, and name its image\n"
        "  db is of the image nowhere.example/db:1, which is not here: pull or build it before"
    )
    assert _left(docker_api) == []


def test_image_that_cannot_be_had(tmp_path: Path, projects: Callable[..., Projects], docker_api: Any) -> None:
    """A service whose image is in no registry that answers is named, with its image and what to do."""
    _write(tmp_path / "c.yaml", {"db": {"image": "localhost:1/nowhere/db:1"}, "web": {"command": ["sleep", "60"]}})

    with pytest.raises(EngineError) as caught:
        projects().services(Settings(compose="c.yaml"))

    first, *said, last = str(caught.value).splitlines()
    assert first.startswith("c.yaml cannot be brought up by docker")
    assert "connection refused" in "".join(said)
    assert last == (
        "  db is of the image localhost:1/nowhere/db:1, which is not here: the registry localhost:1 does not answer from where "
        "the engine runs: load the image (docker load, docker import), name one that is here, or give the engine a proxy or "
        "a mirror"
    )
    assert _left(docker_api) == []


def test_late(tmp_path: Path, projects: Callable[..., Projects], docker_api: Any) -> None:
    """A service that is not ready in time is told with what it lacks."""
    never = {"test": ["CMD", "sh", "-c", "echo not yet; false"], "interval": "100ms", "retries": 10000}
    _write(tmp_path / "c.yaml", {"db": {"command": ["sleep", "60"], "healthcheck": never}})

    with pytest.raises(EngineError) as caught:
        projects().services(Settings(compose={"file": "c.yaml", "timeout": 3}))

    lines = str(caught.value).splitlines()
    assert lines[0] == "the services of c.yaml are not ready after 3 seconds (compose.timeout):"
    assert lines[1].startswith("  db (envrepro-")
    assert lines[1].endswith(") is not healthy yet")
    assert _left(docker_api) == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "compose: 'c.yaml' cannot be read: No such file or directory; it is a path below the root"),
        (b"#" * ((4 << 20) + 1), "compose: 'c.yaml' is larger than 4 MiB: is it a Compose file?"),
    ],
)
def test_unreadable_file(
    tmp_path: Path, projects: Callable[..., Projects], content: bytes | None, message: str
) -> None:
    """A file that is not there, or is too large to be one, is told before any tool is looked for."""
    if content is not None:
        (tmp_path / "c.yaml").write_bytes(content)

    with pytest.raises(SettingsError) as caught:
        projects().services(Settings(compose="c.yaml"))

    assert str(caught.value) == message
