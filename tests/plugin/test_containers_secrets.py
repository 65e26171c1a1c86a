"""What is secret in settings, in services and in the user's configuration: it is neither shown nor kept."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from borrowing import headed
from boxing import table

from pytest_envrepro.imagebook import ROOM, ImageBook

if TYPE_CHECKING:
    from pathlib import Path

    from borrowing import Suite
    from boxing import Base

BUILT = """
import pytest

SECRET = 'top-"secret"-$1'
KEY = "key-of-" + "x" * 300

@pytest.mark.environment("box", run=["false"], environment={"API_TOKEN": SECRET, "MODE": "fast", "KEY": KEY})
def test_it(environment): pass

@pytest.mark.environment("box", run=[["sh", "-c", "echo say $TOKEN $A; false"]], build_environment={"TOKEN": "abc", "A": "red"})
def test_said(environment): pass
"""


@pytest.mark.requires_integration("docker-engine")
@pytest.mark.parametrize("builder", ["engine", "buildkit"])
def test_failing_build(boxes: Suite, base: Base, builder: str) -> None:
    """Neither the Dockerfile nor what is told of a build has a value that may be secret; others are shown."""
    boxes.write(BUILT, table(base.reference, f'builder = "{builder}"'))

    result = boxes.run("-v", "--tb=short")

    result.assert_outcomes(errors=2)
    shown = result.stdout.str() + result.stderr.str()
    listing = [
        line for line in headed(result, "ERROR at setup of test_it") if "ENV API_TOKEN" in line or " MODE=" in line
    ]
    assert listing
    assert 'API_TOKEN="****"' in shown
    assert 'MODE="fast"' in shown
    assert 'KEY="****"' in shown
    for part in ("top-", "key-of"):
        assert part not in shown, part
    assert "    say **** red" in headed(result, "ERROR at setup of test_said")


LOGS = """
import pytest
import time

SECRET = {"DB_PASSWORD": "hunter2-of-it"}
COMPOSE = {"compose": "c.yaml", "environment": SECRET}

def wait(services):
    while "red" not in services["db"].logs():
        time.sleep(0.05)
    assert "hunter2-of-it" in services["db"].logs()
    raise AssertionError

@pytest.mark.environment("box", skip_build=True, **COMPOSE)
def test_box(environment):
    wait(environment.services)

@pytest.mark.environment(**COMPOSE)
def test_venv(environment):
    wait(environment.services)
"""


@pytest.mark.requires_integration("docker-engine", "compose")
def test_logs_of_services(boxes: Suite, base: Base) -> None:
    """What a service has written is told with a failure without what is secret, beside containers and virtualenvs."""
    script = "import os, time; print('in with', os.environ['DB_PASSWORD'], 'at x://me:pw@db red', flush=True); time.sleep(600)"
    db = {"image": base.reference, "command": ["python3", "-c", script], "environment": ["DB_PASSWORD"]}
    boxes.write(LOGS, table(base.reference))
    file = {"version": "3.8", "services": {"db": {**db, "stop_grace_period": "0s"}}}
    (boxes.path / "c.yaml").write_text(json.dumps(file))

    result = boxes.run("--env-keep=none", "--show-capture=all", "--tb=line")

    result.assert_outcomes(failed=2)
    assert result.outlines.count("in with **** at x://****@db red") == 2


INSTALLS = """
import pytest

def left(box):
    return box.run("sh", "-c", "for each in /envrepro/*; do test -f $each && echo $each; done; true").stdout

@pytest.mark.environment("box", requirements=["alpha"])
def test_cleaned(throwaway_container):
    throwaway_container.install("gamma", "alpha<2")
    assert "gamma" in throwaway_container.inventory()
    assert left(throwaway_container) == ""
    raise AssertionError

@pytest.mark.environment("box", requirements=["alpha"])
def test_not_cleaned(throwaway_container):
    throwaway_container.run("mv", "/usr/bin/python3.11", "/usr/bin/python-itself")
    throwaway_container.container.write("/usr/bin/python3.11", WRAPPER, mode=0o755)
    throwaway_container.install("gamma", "alpha<2")
    assert "gamma" in throwaway_container.inventory()
    assert "/envrepro/pip.conf" in left(throwaway_container)
    raise AssertionError

# A Python that does all that it is asked, but for cleaning up.
WRAPPER = '''#!/bin/bash
[ "${@: -1}" = /envrepro ] && { echo "a fault" >&2; exit 3; }
exec -a "$0" /usr/bin/python-itself "$@"
'''
"""


@pytest.mark.requires_integration("docker-engine")
def test_installed_and_kept(boxes: Suite, base: Base) -> None:
    """What pip is lent is gone after an installation, in an image with no `find` too; where it stays, nothing is kept."""
    reference = base.built("RUN rm -f /usr/bin/find")
    boxes.write(INSTALLS, table(reference))

    result = boxes.run("-p", "no:randomly")

    result.assert_outcomes(failed=2)
    assert result.stdout.str().count("raise AssertionError") == 2
    said = headed(result, "environments")
    (kept,) = [line for line in said if ": kept; " in line]
    assert kept.startswith("test_it.py::test_cleaned: kept; ")
    (refused,) = [line for line in said if "is not kept" in line]
    assert refused.startswith(
        "test_it.py::test_not_cleaned: box is not kept: what install() has lent it is still there, the settings of pip and "
        "uv with their credentials, and could not be removed: /usr/bin/python3"
    )
    assert refused.endswith(" ended with 3: a fault")
    base.api.remove_image(kept.split()[-2])


ELSEWHERE = "tcp://me:sesame@elsewhere:2375"


class Another:
    """An engine elsewhere, that nobody asks."""

    def __init__(self, address: str) -> None:
        self.variables = {"DOCKER_HOST": address}


def test_address_of_another_engine(tmp_path: Path, suite: Suite) -> None:
    """An engine's address is not written down with its password, nor told by --env-clean; the engine's own are found."""
    suite.use(tmp_path / "cache")
    book = ImageBook(tmp_path / "cache", Another(ELSEWHERE))  # type: ignore[arg-type]  # All of it that counts here.
    book.use("envrepro/it:1", "a-key", took=1.5)
    book.note_layers("a-key", ["sha256:1"])

    files = [*(tmp_path / "cache" / ROOM).iterdir()]
    here = ImageBook(tmp_path / "cache", Another("unix:///x"))  # type: ignore[arg-type]  # The same.

    assert len(files) == 2
    assert not [file for file in files if "sesame" in file.read_text()]
    assert book.has_notes
    assert book.made("envrepro/it:1")[1] == 1.5
    assert book.elsewhere() == ()
    assert here.elsewhere() == ("tcp://****@elsewhere:2375",)


@pytest.mark.requires_integration("docker-engine")
def test_cleaned_with_another_engine(tmp_path: Path, suite: Suite) -> None:
    """That there are images with another engine is told without its password."""
    suite.use(tmp_path / "cache")
    ImageBook(tmp_path / "cache", Another(ELSEWHERE)).use("envrepro/it:1", "a-key")  # type: ignore[arg-type]  # The same.

    result = suite.project.pytester.runpytest_subprocess("--env-clean")

    said = "images on tcp://****@elsewhere:2375 stay: another engine is asked now (DOCKER_HOST=... names one)"
    assert said in result.outlines
    assert "sesame" not in result.stdout.str() + result.stderr.str()
