"""The way to an engine: where none answers, where it ends half-way, and in several threads and processes."""

from __future__ import annotations

import gc
import re
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from engines.proxying import Proxy

from pytest_envrepro.endpoints import tried_in_words
from pytest_envrepro.engine import EngineError
from pytest_envrepro.engines import connect
from pytest_envrepro.enginevalues import Order

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_envrepro.engine import Engine

ROOT = Path(__file__).parents[2]


def test_nothing_is_asked() -> None:
    """To connect asks nothing, and loads nothing of Docker's."""
    code = (
        "import sys, pytest_envrepro.engines as e; e.connect({'DOCKER_HOST': 'unix:///nope'}).close(); "
        "print([name for name in ('docker', 'requests') if name in sys.modules])"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)

    assert done.stdout == "[]\n"


def test_no_engine() -> None:
    """Where none answers, what was tried is told, with what to do, and without a password."""
    engine = connect({"DOCKER_HOST": "tcp://me:secret@127.0.0.1:1"})

    with pytest.raises(EngineError) as caught:
        engine.image("a")

    assert str(caught.value) == (
        "no container engine answers (tried tcp://****@127.0.0.1:1 (DOCKER_HOST): connection refused): "
        "start the engine there or correct DOCKER_HOST (without it the usual sockets are asked)"
    )
    engine.close()


def test_by_ssh(monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine by ssh takes what docker-py does not bring."""
    monkeypatch.setitem(sys.modules, "paramiko", None)
    engine = connect({}, address="ssh://me@host.invalid")

    with pytest.raises(EngineError) as caught:
        engine.image("a")

    assert str(caught.value) == (
        "the container engine at ssh://me@host.invalid cannot be asked: ssh:// takes paramiko, which is not installed: "
        "run pip install 'docker[ssh]'"
    )
    engine.close()


def test_address(tmp_path: Path) -> None:
    """An address that is given is asked in the place of what variables say."""
    engine = connect({"DOCKER_HOST": "unix:///nope"}, address=f"unix://{tmp_path}/none.sock")

    with pytest.raises(EngineError, match=re.escape(f"(tried unix://{tmp_path}/none.sock: no such file or directory)")):
        engine.image("a")
    engine.close()


def test_places_with_the_same_fault() -> None:
    """What is wrong with several of the usual places is said once."""
    tried = [("unix:///a", "no such file"), ("unix:///b", "refused"), ("unix:///c", "no such file")]

    assert tried_in_words(tried) == "unix:///a, unix:///c: no such file; unix:///b: refused"


@pytest.fixture
def proxy(tmp_path: Path) -> Proxy:
    """Give a way to the engine that can be cut."""
    return Proxy(tmp_path / "docker.sock")


# docker-py leaves a socket open where it cannot connect (7.2, `UnixHTTPConnection.connect`).
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.requires_integration("docker-engine")
class TestRealEngine:
    """With an engine that answers."""

    @pytest.fixture(autouse=True)
    def _collect(self) -> Iterator[None]:
        """Let what docker-py has left be told here, and not in another test."""
        yield
        gc.collect()

    def test_label(self, engine: Engine) -> None:
        """It says what it is and where."""
        assert re.fullmatch(r"(Docker|Podman) \d\S* at \w+://\S+", engine.label)

    def test_engine_ends_half_way(self, proxy: Proxy, base_image: str, docker_api: Any) -> None:
        """An engine that ends while a program runs is an error at once, and so is all that is asked later."""
        engine = connect({"DOCKER_HOST": proxy.address})
        container = engine.start(Order(image=base_image, title="cut", network="none"))
        threading.Timer(0.3, proxy.cut).start()
        started = time.monotonic()

        with pytest.raises(EngineError, match=r"does not answer any more|has closed the connection"):
            container.run(["sleep", "60"])

        assert time.monotonic() - started < 10
        with pytest.raises(
            EngineError, match=rf"^the engine at {proxy.address} \(DOCKER_HOST\) does not answer any more"
        ):
            container.read("/etc/passwd")
        with pytest.raises(EngineError, match="does not answer any more"):
            engine.start(Order(image=base_image, title="cut", network="none"))
        engine.close()
        # What held the container is gone, and so is the container.
        _wait_for_none(docker_api, "name", "envrepro-cut")

    def test_build_that_is_closed(self, proxy: Proxy) -> None:
        """An engine that ends in the middle of a build is an error, not the end of it."""
        engine = connect({"DOCKER_HOST": proxy.address})
        context = _slow_context(proxy)

        with pytest.raises(EngineError, match="does not answer any more"):
            list(engine.build({}, context))
        engine.close()

    def test_threads(self, engine: Engine, base_image: str, docker_api: Any) -> None:
        """Eight threads use one engine."""
        said: list[bytes] = []

        def work(index: int) -> None:
            container = engine.start(Order(image=base_image, title=f"eight-{index}", network="none"))
            said.append(container.run(["cat"], input=str(index).encode() * 1000).stdout)
            container.end()

        threads = [threading.Thread(target=work, args=(index,)) for index in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert sorted(said) == [str(index).encode() * 1000 for index in range(8)]
        assert docker_api.containers(all=True, filters={"name": "envrepro-eight"}) == []


def _slow_context(proxy: Proxy) -> Any:
    yield b"x" * 1000
    proxy.cut()
    yield b"x" * 1_000_000


def _wait_for_none(docker_api: Any, kind: str, value: str) -> None:
    """Wait until no such container is there.

    Raises:
        AssertionError: some are, after ten seconds.
    """
    until = time.monotonic() + 10
    while found := docker_api.containers(all=True, filters={kind: value}):
        assert time.monotonic() < until, found
        time.sleep(0.05)
