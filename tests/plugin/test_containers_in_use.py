"""What a test has of a container: whose its files and its home are, its log, and what is told of it when the test fails."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from borrowing import headed
from boxing import table

if TYPE_CHECKING:
    from borrowing import Suite
    from boxing import Base

pytestmark = pytest.mark.requires_integration("docker-engine")
FAILING = """
import pytest

@pytest.mark.environment("box", requirements=["alpha"])
def test_installs(throwaway_container):
    throwaway_container.install("gamma", "alpha<2")
    raise AssertionError

@pytest.mark.environment("box", requirements=["alpha"], network="none", limits={"pids": 100})
def test_limited(environment):
    raise AssertionError
"""


def test_key_and_installed(boxes: Suite, base: Base) -> None:
    """The key is that by which the image is found, and what was installed in a test's own is told."""
    boxes.write(FAILING, table(base.reference))

    result = boxes.run("-p", "no:randomly", "--env-keep=none")

    result.assert_outcomes(failed=2)
    own, limited = (told(result, at) for at in (0, 1))
    image = own["path"].rpartition(" of ")[2]
    (key,) = {label["io.envrepro.key"] for label in [base.api.inspect_image(image)["Config"]["Labels"]]}
    assert image == f"envrepro/box:{key[:24]}"
    assert own["key"] == key
    assert own["installed"] == "gamma"
    assert own["last"] == "nothing was run in it but what install() runs"
    assert own["enter"] == "is gone with the test: --env-keep=failed keeps it"
    other = limited["key"].partition(" ")[0]
    assert limited["key"] == f"{other} (with its network and limits; of the image: {key})"
    assert {row["key"] for row in boxes.rows()} == {key, other}
    assert "installed" not in limited
    assert limited["last"] == "nothing was run in it"


def told(result: pytest.RunResult, at: int) -> dict[str, str]:
    """Give the first lines of what is told of an environment, by their labels."""
    starts = [number for number, line in enumerate(result.outlines) if line.startswith("path ")]
    rest = result.outlines[starts[at] :]
    end = next(number for number, line in enumerate(rest) if line.startswith("enter ")) + 1
    return {line[:9].strip(): line[10:] for line in rest[:end] if not line.startswith(" ")}


USERS = """
import pytest

@pytest.mark.environment("box", user="1234:1234")
def test_files(throwaway_container):
    throwaway_container.write("new/sub/text", "it")
    throwaway_container.run("touch", "new/sub/another", "new/another")
    assert throwaway_container.run("stat", "-c", "%u:%g %a", "new", "new/sub").stdout == "1234:1234 755\\n" * 2

@pytest.mark.environment("box", dockerfile="Dockerfile", base_image=None)
def test_user_of_the_image(throwaway_container):
    throwaway_container.write("/srv/own/text", "it")
    assert throwaway_container.run("stat", "-c", "%U", "/srv/own/text", "/srv/own").stdout == "daemon\\n" * 2

def home(environment):
    return environment.run("sh", "-c", "echo $HOME").stdout

@pytest.mark.environment("box", user="1234:1234")
def test_homes(environment, throwaway_container):
    assert (home(environment), home(throwaway_container)) == ("/tmp\\n", "/\\n")

@pytest.mark.environment("box", user="1234:1234", environment={"HOME": "/app"})
def test_own_home(environment, throwaway_container):
    assert (home(environment), home(throwaway_container)) == ("/app\\n", "/app\\n")
    throwaway_container.write("/app/it", "it")
"""


def test_users(boxes: Suite, base: Base) -> None:
    """Files and folders that are written are the user's who works there; a home is that of the settings, else as told."""
    boxes.write(USERS, table(base.reference))
    boxes.project.write({"Dockerfile": f"FROM {base.reference}\nUSER daemon\n"})

    boxes.run().assert_outcomes(passed=4)


LOGS = """
import pytest

@pytest.mark.environment("box", skip_build=True)
def test_log(throwaway_container):
    assert throwaway_container.logs() == ""
    throwaway_container.run("sh", "-c", "echo out > /proc/1/fd/1; echo err > /proc/1/fd/2")
    assert sorted(throwaway_container.logs().splitlines()) == ["err", "out"]
"""


def test_logs(boxes: Suite, base: Base) -> None:
    """No program of an image is run by itself; what programs write to the streams of the first one is the log."""
    image = base.built('CMD ["sh", "-c", "echo it runs"]')
    boxes.write(LOGS, table(image))

    boxes.run().assert_outcomes(passed=1)


ANOTHER = """
import pytest

@pytest.mark.environment("box", python="3.12")
def test_declared(environment): pass

def test_by_call(environments):
    environments.get("box", python="3.13")

@pytest.mark.environment("box", base_image="envrepro-tests/nowhere:1")
def test_no_base(environment): pass
"""


def test_another_python(boxes: Suite, base: Base, monkeypatch: pytest.MonkeyPatch) -> None:
    """An image with another Python is an error everywhere, and so is one that is not there: no test is skipped for it."""
    monkeypatch.delenv("CI", raising=False)
    boxes.write(ANOTHER, table(base.reference))

    result = boxes.run("--no-env-strict")

    result.assert_outcomes(errors=2, failed=1)
    has = f"the image {base.reference} has Python 3.11.2, and python = "
    asks = "asks for another one: name a base-image that has it"
    declared = headed(result, "ERROR at setup of test_declared")
    assert declared == [
        f"box (3.12): {has}'3.12' {asks}",
        "  the setting: python (@pytest.mark.environment on test_declared)",
    ]
    called = [line for line in headed(result, "test_by_call") if line.startswith("E ")]
    assert called == [
        f"E       pytest_envrepro.errors.SettingsError: box (3.13): {has}'3.13' {asks}",
        "E         the setting: python (environments.get(...))",
    ]
    assert headed(result, "ERROR at setup of test_no_base")[0].startswith(
        "box: the image envrepro-tests/nowhere:1 is not on "
    )
