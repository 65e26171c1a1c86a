"""Full disks, the engine's and this machine's: one clear error that says which, and what to do; nothing stays behind."""

from __future__ import annotations

import contextlib
import gc
from typing import TYPE_CHECKING

import pytest
from borrowing import lines
from boxing import table
from engines.proxying import BEHIND_A_PROXY, Proxy

if TYPE_CHECKING:
    from pathlib import Path

    from borrowing import Suite
    from boxing import Base

pytestmark = BEHIND_A_PROXY

AS_IT_IS = "skip-build = true"
ADVICE = "the engine's disk is full: `docker system df` tells what fills it; images of ours are removed by `pytest --env-clean`"
MEMORY = "what lies in memory there is full, so write it elsewhere"
FILLING = """
import pytest

@pytest.mark.environment("box", skip_build=False, run=[["dd", "if=/dev/zero", "of=/dev/shm/big", "bs=1M"]])
def test_built(environment): pass

@pytest.mark.environment("box")
def test_written(throwaway_container):
    with pytest.raises(Exception) as caught:
        throwaway_container.write("/dev/shm/big", b"x" * (65 << 20))
    print(f"SAID {type(caught.value).__name__}: {caught.value}")
    assert throwaway_container.run("ls", "/dev/shm").stdout == ""
"""


def fill(path: Path) -> None:
    """Write a file for as long as there is room."""
    with path.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(b"x" * 4096)


def test_really_full(boxes: Suite, base: Base) -> None:
    """A step of a build, and a file, for which there is no room: `/dev/shm` has 64 MiB, in a build as in a container."""
    boxes.write(FILLING, table(base.reference, AS_IT_IS))
    before = base.layers()

    result = boxes.run("-rP")

    result.assert_outcomes(errors=1, passed=1)
    result.stdout.fnmatch_lines(
        [
            "the image of box cannot be built: step * failed (its program ended with 1)",
            "    dd: error writing '/dev/shm/big': No space left on device",
            "  the setting: run?0? (@pytest.mark.environment on test_built)",
            f"  hint: {ADVICE}",
        ]
    )
    assert lines(result, "SAID ") == [
        f"SAID EngineError: environment 'box': /dev/shm/big cannot be written in the container: {MEMORY}"
    ]
    assert base.layers() == before
    assert base.containers() == []


REFUSED = """
import pytest

@pytest.mark.environment("box")
def test_it(throwaway_container):
    throwaway_container.write("/big", b"1")
    assert False
"""
# What an engine (20.10) says with a full disk: of making a container, of starting it, of an archive, of keeping one.
REFUSALS = {
    "create": (r"POST \S+/containers/create", "mkdir /engine/overlay2/1f-init: no space left on device"),
    "start": (r"POST \S+/containers/\w+/start", "error creating overlay mount to /engine/1f: no space left on device"),
    "archive": (r"PUT \S+/archive", "Error processing tar file(exit status 1): write /big: no space left on device"),
    "commit": (r"POST \S+/commit", "Error processing tar file(exit status 1): write /big: no space left on device"),
}
TOLD = {
    "create": "the engine cannot make a container of {image}: {said}; {advice}",
    "start": "the engine cannot start a container of {image}: {said}; {advice}",
    "archive": "E       pytest_envrepro.engine.EngineError: environment 'box': /big in the container cannot be written: {said}; {advice}",
    "commit": "is not kept: the engine cannot make an image of a container: {said}; {advice}",
}


@pytest.mark.parametrize("what", REFUSALS)
def test_refused(what: str, boxes: Suite, base: Base, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the engine has no room for, it is told once, with what to do."""
    question, said = REFUSALS[what]
    proxy = Proxy(tmp_path / "engine.sock")
    monkeypatch.setenv("DOCKER_HOST", proxy.address)
    boxes.write(REFUSED, table(base.reference, AS_IT_IS))
    before = base.layers()
    boxes.run("--env-keep=none")  # Now it is known what Python the image has.
    proxy.refuse(question, said)

    result = boxes.run("--env-keep=all" if what == "commit" else "--env-keep=none")
    proxy.cut()
    gc.collect()  # What docker-py has left open is told here, and not in another test.

    result.assert_outcomes(**{"errors" if what in {"create", "start"} else "failed": 1})
    image = base.api.inspect_image(base.reference)["Id"][:19]
    told = TOLD[what].format(image=image, said=said, advice=ADVICE)
    assert sum(line.endswith(told) for line in result.outlines) == 1
    assert sum("no space left" in line for line in result.outlines) == 1
    result.stdout.no_fnmatch_line("*pytest_envrepro/*")
    assert base.layers() == before
    assert base.containers() == []


HOST = """
import pytest

@pytest.mark.environment("box")
def test_one(throwaway_container): pass

@pytest.mark.environment("box")
def test_two(environment): pass

def test_other(): pass
"""


@pytest.mark.requires_integration("disks")
@pytest.mark.parametrize("was_made", [False, True], ids=["new", "made"])
def test_host(boxes: Suite, base: Base, small_disk: Path, *, was_made: bool) -> None:
    """The folder is named that has no room; half-written files are not left to fill it."""
    boxes.use(small_disk / "cache")
    boxes.write(HOST, table(base.reference, 'requirements = ["alpha==1.0"]'))
    if was_made:
        boxes.run().assert_outcomes(passed=3)
    fill(small_disk / "filling")
    before = base.layers()

    result = boxes.run()

    result.assert_outcomes(errors=2, passed=1)
    told = (
        f"the disk of {small_disk / 'cache'} is full (No space left on device), where environments are made: free some "
        "space, or set PYTEST_ENVREPRO_CACHE to a folder on another disk"
    )
    assert lines(result, "the disk of ") == [told, told]
    result.stdout.no_fnmatch_line("*pytest_envrepro/*")
    left = [path for path in (small_disk / "cache").rglob("*") if path.suffix in {".new", ".saying"}]
    assert left == [path for path in (small_disk / "cache" / "work").iterdir() if path.name != "sweep.lock"] == []
    assert base.layers() == before
    assert base.containers() == []
