"""Services in whole sessions, plain and by pytest-xdist: what is up meanwhile, and that nothing of it remains."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from pytest_envrepro.engines.projects import PROJECT

if TYPE_CHECKING:
    from borrowing import Suite
    from boxing import Base

pytestmark = pytest.mark.requires_integration("docker-engine", "compose")
BOTH = pytest.mark.parametrize("workers", [(), ("-n2",)], ids=["plain", "n2"])

# Each test writes down which project it has seen.
USING = """
import pathlib
import pytest

@pytest.mark.environment("box")
@pytest.mark.parametrize("number", range(4))
def test_it(environment, number):
    services = environment.services
    pathlib.Path("seen", f"{services.project} {number}").touch()
    assert services["web"].run("true").returncode == 0
"""


def _write(suite: Suite, base: Base, tests: str, scope: str = "session") -> None:
    """Write a project with one service, which has a volume and a network of its own."""
    web = {"image": base.reference, "command": ["sleep", "600"], "stop_grace_period": "0s", "volumes": ["data:/data"]}
    table = f"""
[tool.envrepro.environments.box]
kind = "container"
base-image = "{base.reference}"
pull = "never"
skip-build = true
compose = {{ file = "c.yaml", scope = "{scope}" }}
"""
    suite.write(tests, table)
    (suite.path / "c.yaml").write_text(
        json.dumps({"version": "3.8", "services": {"web": web}, "volumes": {"data": {}}})
    )
    (suite.path / "seen").mkdir()


def _seen(suite: Suite) -> set[str]:
    """Give the projects that tests have seen."""
    return {path.name.split()[0] for path in (suite.path / "seen").iterdir()}


def _left(suite: Suite, api: Any) -> list[str]:
    """Give what is left of these projects: containers, networks and volumes on the engine, and notes."""
    left = [path.name for path in (suite.cache / "compose").iterdir()]
    for project in _seen(suite):
        ours = {"label": f"{PROJECT}={project}"}
        left += [each["Names"][0] for each in api.containers(all=True, filters=ours)]
        left += [each["Name"] for each in api.networks(filters=ours)]
        left += [each["Name"] for each in api.volumes(filters=ours)["Volumes"] or ()]
    return left


@BOTH
def test_one_for_all(fresh: Suite, base: Base, docker_api: Any, workers: tuple[str, ...]) -> None:
    """All tests have the same services, of whichever worker; with the session all of them goes."""
    _write(fresh, base, USING)

    fresh.run(*workers).assert_outcomes(passed=4)

    assert len(_seen(fresh)) == 1
    assert _left(fresh, docker_api) == []
    assert base.containers() == []


def test_one_for_each_worker(fresh: Suite, base: Base, docker_api: Any) -> None:
    """Each worker has its own, and takes them down."""
    _write(fresh, base, USING, "worker")

    fresh.run("-n2", "--dist=each").assert_outcomes(passed=8)

    assert sorted(project.rpartition("-")[2] for project in _seen(fresh)) == ["gw0", "gw1"]
    assert _left(fresh, docker_api) == []
    assert base.containers() == []


KILLED = (
    USING
    + """
@pytest.mark.environment("box")
def test_killed(environment):
    import os, signal
    os.kill(os.getpid(), signal.SIGKILL)
"""
)


@pytest.mark.parametrize("scope", ["session", "worker"])
def test_killed_worker(fresh: Suite, base: Base, docker_api: Any, scope: str) -> None:
    """What a worker has brought up that is killed goes with the session too."""
    _write(fresh, base, KILLED, scope)

    result = fresh.run("-n1")

    result.assert_outcomes(passed=4, failed=1)
    assert len(_seen(fresh)) == 1
    assert _left(fresh, docker_api) == []


def test_ended_early(fresh: Suite, base: Base, docker_api: Any) -> None:
    """A session that the first failure in a worker ends (-x) leaves nothing either."""
    _write(fresh, base, USING.replace("== 0", "== 1"))

    result = fresh.run("-n2", "-x")

    assert result.parseoutcomes()["failed"] >= 1
    assert len(_seen(fresh)) == 1
    assert _left(fresh, docker_api) == []


WITHIN = (
    USING
    + """
@pytest.mark.environment("box")
def test_outer(environment, monkeypatch):
    if "INNER" in __import__("os").environ:
        return
    monkeypatch.setenv("INNER", "1")
    assert pytest.main(["-p", "no:cacheprovider", "-k", "test_it", "test_it.py", *WORKERS]) == 0
    assert environment.services["web"].run("true").returncode == 0
"""
)


@BOTH
def test_a_session_within(fresh: Suite, base: Base, docker_api: Any, workers: tuple[str, ...]) -> None:
    """A session that a test runs in its own process has services of its own, and takes down those alone."""
    _write(fresh, base, WITHIN.replace("WORKERS", repr(workers)))

    fresh.run().assert_outcomes(passed=5)

    assert len(_seen(fresh)) == 2
    assert _left(fresh, docker_api) == []
    assert base.containers() == []
