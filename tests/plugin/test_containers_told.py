"""What is told of containers, and taken away: --env-explain, what will rot, rows of the report, --env-clean, and old images."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest
from borrowing import HERE, headed, lines
from boxing import base_of_a_test, table  # noqa: F401  # One is a fixture.

from pytest_envrepro.enginevalues import OWN, Order
from pytest_envrepro.imagebook import KEPT, ROOM, UNUSED, ImageBook

if TYPE_CHECKING:
    from pathlib import Path

    from borrowing import Suite
    from boxing import Base

    from pytest_envrepro.engine import Engine

NEEDS = pytest.mark.requires_integration("docker-engine")
BOTH = pytest.mark.parametrize("workers", [(), ("-n2",)], ids=["plain", "n2"])
TESTS = """
import pytest

@pytest.mark.environment("box")
def test_shared(environment):
    assert environment.run("true")

@pytest.mark.environment("box")
def test_private(throwaway_container):
    assert throwaway_container.run("false")
"""


@pytest.fixture
def dead(suite: Suite, monkeypatch: pytest.MonkeyPatch) -> Suite:
    """Give a project where no engine answers."""
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere")
    return suite


ROTTING = """
[tool.envrepro.integrations.db]
requirements = ["alpha"]
apt-packages = ["libpq5"]
[tool.envrepro.environments.box]
kind = "container"
base-image = "python:3.12-slim"
required-integrations = ["db"]
lock = "loose.txt"
[tool.envrepro.environments.own]
kind = "container"
dockerfile = "Dockerfile"
requirements = "local.in"
"""
BY_TWO = """
import pytest

@pytest.mark.parametrize("number", range(4))
@pytest.mark.environment("box")
def test_box(environment, number):
    pass

@pytest.mark.environment("own")
def test_own(throwaway_container):
    pass
"""


@BOTH
def test_what_will_rot(dead: Suite, workers: tuple[str, ...]) -> None:
    """Each thing that will rot is told once for each environment, also where no engine answers and tests are skipped."""
    dead.write(BY_TWO, ROTTING)
    (dead.path / "loose.txt").write_text("alpha==1.0\n")
    (dead.path / "Dockerfile").write_text("FROM debian:12 AS first\nFROM first\n")
    (dead.path / "local.in").write_text("./subject\n")

    result = dead.run("-q", *workers)

    result.assert_outcomes(skipped=5)
    box, own = (f"tool.envrepro.environments.{name} in pyproject.toml" for name in ("box", "own"))
    dated = 'write apt-snapshot, such as "20260415T000000Z"'
    assert headed(result, "environments") == [
        f"box: will rot: apt-packages: the mirror of the day decides on libpq5: {dated} (default)",
        (
            "box: will rot: base-image: 'python:3.12-slim' is moved by its publisher: "
            f'write base-image = "python@sha256:..." ({box})'
        ),
        (
            "box: will rot: lock: without hashes, so that other files may come: alpha: "
            f"compile it with hashes (--generate-hashes) ({box})"
        ),
        (
            "own: will rot: dockerfile: FROM debian:12 is moved by its publisher: "
            f"write its digest into Dockerfile: FROM debian@sha256:... ({own})"
        ),
        (
            "own: will rot: requirements: on this machine alone: ./subject: "
            f"publish it, or write project = true for this project ({own})"
        ),
        (
            "own: will rot: requirements: chosen on the day: what 'local.in' asks for: "
            f"compile them to a lock with hashes, and name it: lock = ... ({own})"
        ),
    ]
    assert dead.rows() == []


BY_MARKERS = """
import pytest

@pytest.mark.environment("box", base_image="python:3.11-slim")
def test_a(environment): pass

@pytest.mark.environment("box", base_image="python:3.11-slim")
def test_b(environment): pass

@pytest.mark.environment("box", base_image="python:3.11-slim")
@pytest.mark.parametrize("number", range(2))
def test_c(environment, number): pass
"""


@BOTH
def test_once_for_several_markers(dead: Suite, workers: tuple[str, ...]) -> None:
    """What the markers of several tests say is told once, with one of the places."""
    dead.write(BY_MARKERS, '[tool.envrepro.environments.box]\nkind = "container"\n')

    result = dead.run("-q", *workers)

    result.assert_outcomes(skipped=4)
    assert headed(result, "environments") == [
        (
            "box: will rot: base-image: 'python:3.11-slim' is moved by its publisher: "
            'write base-image = "python@sha256:..." (@pytest.mark.environment on test_a, and 2 more places)'
        )
    ]


def test_virtualenvs_do_not_rot(dead: Suite) -> None:
    """Of a virtualenv nothing of the kind is told."""
    dead.write(
        'import pytest\n@pytest.mark.environment(requirements=["alpha==1.0"])\ndef test_it(environment):\n    pass\n'
    )

    result = dead.run()

    result.assert_outcomes(passed=1)
    assert "will rot" not in result.stdout.str()


def explained(suite: Suite, *args: str) -> list[str]:
    """Give what --env-explain says."""
    result = suite.project.test("--env-explain=test_it.py::test_private", *args)
    at = result.outlines.index("test_it.py::test_private")
    return result.outlines[at : result.outlines.index("", at)]


def test_explain_without_an_engine(dead: Suite) -> None:
    """It says what the container would be made of, that there is no engine, and what comes of it."""
    dead.write(TESTS, table("python:3.12-slim"))

    told = explained(dead)

    assert told[1:6] == [
        "  integration 'docker-engine'   missing",
        (
            "    ✗  a Docker engine  is not reachable (tried unix:///nowhere (DOCKER_HOST): no such file or directory): "
            "start the engine there or correct DOCKER_HOST (without it the usual sockets are asked)"
        ),
        "  environment 'box', by 'throwaway_container'",
        "    base      python:3.12-slim",
        '    settings  kind = "container"               # tool.envrepro.environments.box in pyproject.toml',
    ]
    assert "    state     is not known without an engine" in told
    assert any(line.startswith("    will rot  base-image: 'python:3.12-slim' is moved") for line in told)
    assert told[-1] == "  is skipped here"
    assert explained(dead, "--env-strict")[-1] == "  fails here, as this session is strict"
    assert explained(dead, "--env-strict", "--env-allow-missing=docker-engine")[-1] == "  is skipped here"


def test_explain_the_fixture(dead: Suite) -> None:
    """Without a marker the fixture says the kind, and the version of Python the base."""
    dead.write("def test_private(throwaway_container):\n    pass\n")

    told = explained(dead)

    assert told[3:6] == [
        "  an environment without a name, by 'throwaway_container'",
        f"    base      python:{HERE.rpartition('.')[0]}-slim (by the version of Python)",
        "    settings  kind = \"container\"  # the fixture 'throwaway_container'",
    ]


@NEEDS
def test_explain(boxes: Suite, base: Base) -> None:
    """The engine is asked for the base, and for nothing more; one that is not there, and not to be pulled, is told."""
    boxes.write(TESTS, table(base.reference))

    told = explained(boxes)

    assert told[1] == "  integration 'docker-engine'   met"
    state = told.index(next(line for line in told if line.startswith("    state")))
    identity = base.api.inspect_image(base.reference)["Id"]
    assert told[state : state + 2] == [
        f"    state     the base is there: {identity}",
        "              its image is found by its key, or built, when somebody asks for it",
    ]
    assert told[-1] == "  runs here"
    boxes.write(TESTS, table("envrepro-tests/nowhere:1"))
    nowhere = explained(boxes)
    assert (
        '    cannot be: the image envrepro-tests/nowhere:1 is not there, and pull = "never": pull it, or name another base-image'
        in nowhere
    )
    assert nowhere[-1] == "  fails here"
    assert base.images("envrepro/") == base.containers() == []


@NEEDS
@BOTH
def test_told_with_a_failure(boxes: Suite, base: Base, workers: tuple[str, ...]) -> None:
    """A failure says what will rot; the report has the environment once."""
    boxes.write(TESTS, table(base.reference, "skip-build = true"))

    result = boxes.run("--env-keep=none", *workers)

    result.assert_outcomes(passed=1, failed=1)
    said = f"will rot: base-image: '{base.reference}' is moved by its publisher: "
    assert len(lines(result, f"note      {said}")) == 1
    assert len(lines(result, f"box: {said}")) == 1
    (row,) = boxes.rows()
    assert (row["name"], row["kind"], row["cached"]) == ("box", "container", True)
    assert base.containers() == []


@NEEDS
def test_built_and_cleaned(fresh: Suite, base: Base, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An image that one worker builds is new to all; --env-clean removes what its own cache knows, and nobody else's."""
    fresh.write(TESTS, table(base.reference))
    before = left(base)

    fresh.run("-n2").assert_outcomes(passed=1, failed=1)

    (row,) = fresh.rows()
    assert not row["cached"]
    assert row["seconds"] > 0
    assert len(base.images("envrepro/box:")) == len(base.images("envrepro/kept:")) == 1
    monkeypatch.setenv("PYTEST_ENVREPRO_CACHE", str(tmp_path / "other"))
    other = fresh.project.pytester.runpytest_subprocess("--env-clean")
    assert other.outlines[0] == f"there is nothing to remove: {tmp_path / 'other'} does not exist"
    assert len(base.images("envrepro/")) == 2
    monkeypatch.setenv("PYTEST_ENVREPRO_CACHE", str(fresh.cache))
    held = base.api.create_container(base.images("envrepro/kept:")[0], "true")["Id"]

    result = fresh.project.pytester.runpytest_subprocess("--env-clean")

    (kept,) = base.images("envrepro/")
    assert result.ret == 0
    # The image, and what its build has left, which holds all packages.
    assert result.outlines[1].startswith("removed 2 images from Docker ") or " and 2 images from" in result.outlines[1]
    assert result.outlines[2] == f"{kept} stay: containers use them"
    base.api.remove_container(held)
    again = fresh.project.pytester.runpytest_subprocess("--env-clean")
    assert "1 image from Docker " in again.outlines[1]
    assert left(base) == before


def left(base: Base) -> set[str]:
    """Give the images that come from the base and have no child: those that somebody has to remove."""
    return {each["Id"] for each in base.api.images(filters=base.ours)}


@NEEDS
def test_unused_images(engine: Engine, base: Base, tmp_path: Path) -> None:
    """What was not used for two weeks goes, files of containers after three days; and neither what was, nor what is in use."""
    book = ImageBook(tmp_path, engine)
    images = {name: base.built(f"LABEL {OWN}key={name}{base.run}") for name in ("old", "recent", "held", "kept", "new")}
    day = 24 * 3600
    ages = {"old": UNUSED + day, "recent": UNUSED - day, "held": UNUSED + day, "kept": KEPT + day, "new": KEPT - day}
    for name, age in ages.items():
        known = {path: path for path in (tmp_path / ROOM).glob("*")}
        book.use(images[name], "" if name in {"kept", "new"} else f"{name}{base.run}")
        (note,) = {*(tmp_path / ROOM).glob("*")} - known.keys()
        os.utime(note, (time.time() - age,) * 2)
    container = engine.start(Order(image=images["held"], title="held", network="none"))

    removed = book.prune()

    assert (removed.gone, removed.stay) == (2, (images["held"],))
    assert {name for name, image in images.items() if engine.image(image)} == {"recent", "held", "new"}
    container.end()
    assert book.prune().gone == 1
    assert book.clear().gone == 2


@NEEDS
def test_unused_images_at_the_end(fresh: Suite, engine: Engine, base: Base) -> None:
    """A session that uses containers removes such images when it ends; what it uses itself is used now."""
    image = base.built("LABEL old=1")
    ImageBook(fresh.cache, engine).use(image, "no-key")
    (note,) = (fresh.cache / ROOM).iterdir()
    os.utime(note, (0, 0))
    fresh.write(TESTS, table(base.reference, "skip-build = true"))

    fresh.run("-k", "shared").assert_outcomes(passed=1)

    assert engine.image(image) is None
    assert not note.exists()


BESIDE = """
import subprocess
import sys
import pytest

@pytest.mark.environment("box")
def test_it(environment):
    clean = [sys.executable, "-m", "pytest", "--env-clean"]
    done = subprocess.run(clean, capture_output=True, text=True)
    print(done.stdout, done.stderr)
    assert environment.run("true")
"""


@NEEDS
def test_clean_beside_a_session(fresh: Suite, engine: Engine, base: Base) -> None:
    """The containers and the images of a session that runs stay."""
    image = base.built("LABEL used=1")
    book = ImageBook(fresh.cache, engine)
    book.use(image, "no-key")
    fresh.write(BESIDE, table(base.reference, "skip-build = true"))

    result = fresh.run("-rP")

    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["images stay: a session that runs uses them"])
    assert engine.image(image) is not None
    book.clear()


@NEEDS
def test_kept_image_is_nobodys(fresh: Suite, engine: Engine, base: Base) -> None:
    """A container that somebody starts of kept files is theirs: no sweep takes it away."""
    fresh.write(TESTS, table(base.reference, "skip-build = true"))
    fresh.run("-k", "private", subprocess=True).assert_outcomes(failed=1)
    (kept,) = base.images("envrepro/kept:")
    mine = base.api.create_container(kept, "true")["Id"]

    engine.sweep(kept=True)

    assert base.api.inspect_container(mine)["Id"] == mine
    base.api.remove_container(mine)
    ImageBook(fresh.cache, engine).clear()
