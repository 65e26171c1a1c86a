"""A container from an image that is there, beside docker-py itself with the same init, labels and attached input."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import docker

from benchmarks.measuring import Line, interleaved, milliseconds, ratio
from pytest_envrepro.engines import connect
from pytest_envrepro.enginevalues import Order

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_envrepro.engine import Engine

_IMAGE = "envrepro-tests/python:3.11"
_TARGET = 1.1
_PROGRAM = ["python3", "-I", "-S", "-c", "print(1)"]
_STEPS = ("create and start", "run a program in it", "remove")


def measure(folder: Path, runs: int) -> Iterator[Line]:  # noqa: ARG001  # All rows are given one.
    """Create and start, run a program, and remove."""
    script = Path(__file__).parents[1] / "tests" / "base_image.sh"
    subprocess.run(["bash", str(script)], check=True)
    engine = connect(os.environ)
    api = docker.APIClient(version="auto")
    taken = interleaved(runs, {"ours": lambda: _ours(engine), "docker-py": lambda: _docker_py(api)})
    engine.close()
    api.close()
    for index, step in enumerate(_STEPS):
        ours, peer = ([times[index] for times in taken[name]] for name in ("ours", "docker-py"))
        times = ratio(ours, peer)
        judged = index < len(_STEPS) - 1
        yield Line(
            work=f"container: {step}",
            ours=milliseconds(median(ours)),
            peers=f"docker-py {milliseconds(median(peer))}",
            ratio=f"{times:.2f} times docker-py's",
            target=f"at most {_TARGET} times" if judged else "",
            met=times <= _TARGET if judged else None,
        )


def _ours(engine: Engine) -> tuple[float, ...]:
    started = time.perf_counter()
    container = engine.start(Order(image=_IMAGE, title="benchmark", network="none"))
    up = time.perf_counter()
    done = container.run(_PROGRAM)
    run = time.perf_counter()
    container.end()
    end = time.perf_counter()
    assert done.stdout == b"1\n"
    return up - started, run - up, end - run


def _docker_py(api: Any) -> tuple[float, ...]:
    started = time.perf_counter()
    host = api.create_host_config(auto_remove=True, init=True, network_mode="none")
    labels = {f"benchmark.{index}": str(index) for index in range(7)}
    config = api.create_container_config(_IMAGE, ["cat"], stdin_open=True, labels=labels, host_config=host)
    config.update(StdinOnce=True, OpenStdin=True, AttachStdin=True)
    identity = api.create_container_from_config(config)["Id"]
    held = api.attach_socket(identity, params={"stdin": 1, "stream": 1})
    api.start(identity)
    up = time.perf_counter()
    execution = api.exec_create(identity, _PROGRAM)["Id"]
    out, _ = api.exec_start(execution, demux=True)
    api.exec_inspect(execution)
    run = time.perf_counter()
    api.remove_container(identity, force=True, v=True)
    held.close()
    end = time.perf_counter()
    assert out == b"1\n"
    return up - started, run - up, end - run
