"""What is said where a container cannot be had as its settings want it: the environment, the setting, and what to do."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from borrowing import headed
from boxing import base_of_a_test, table  # noqa: F401  # One is a fixture.

if TYPE_CHECKING:
    from borrowing import Suite
    from boxing import Base

pytestmark = pytest.mark.requires_integration("docker-engine")


REFUSED = """
import pytest

@pytest.mark.environment("box", limits={"cpus": 9999})
def test_cpus(throwaway_container): pass

@pytest.mark.environment("box", network="envrepro-tests-nowhere")
def test_network(environment): pass

@pytest.mark.environment("box", platform="linux/arm64")
def test_platform(environment): pass

@pytest.mark.environment("box", base_image="sha256:" + 64 * "0", pull="missing")
def test_id(environment): pass

@pytest.mark.environment("box", base_image="envrepro-tests/nowhere:1")
def test_base(environment): pass

@pytest.mark.environment("box", user="somebody", skip_build=True)
def test_user(environment): pass

@pytest.mark.environment("box", files={"/a": "nowhere.txt", "/b": "folder"})
def test_files(environment): pass

@pytest.mark.environment("box", ca_bundle="nowhere.pem")
def test_bundle(environment): pass
"""


def test_refused(boxes: Suite, base: Base) -> None:
    """What an engine refuses is told with the environment and the setting; an id is not looked for in a registry."""
    boxes.write(REFUSED, table(base.reference))
    (boxes.path / "folder").mkdir()

    result = boxes.run("-p", "no:randomly")

    result.assert_outcomes(errors=8)

    def told(name: str) -> list[str]:
        return headed(result, f"ERROR at setup of test_{name}")

    def by(setting: str, test: str) -> str:
        return f"  the setting: {setting} (@pytest.mark.environment on test_{test})"

    image = base.images("envrepro/box:")
    assert len(image) == 1
    shown = base.api.inspect_image(image[0])["Id"][:19]
    [cpus, *more] = told("cpus")
    assert cpus.startswith(f"box: the engine cannot make a container of {shown}: Range of CPUs is from 0.01 to ")
    assert more == [by("limits.cpus", "cpus")]
    assert told("network") == [
        f"box: the engine cannot start a container of {shown}: network envrepro-tests-nowhere not found",
        by("network", "network"),
    ]
    version = base.api.version()["Version"]
    engine = f"Docker {version} at {base.api.base_url}".replace(
        "http+docker://localhost", "unix:///var/run/docker.sock"
    )
    here = base.api.inspect_image(base.reference)
    assert told("platform") == [
        (
            f"box: the image {base.reference} is on {engine} for {here['Os']}/{here['Architecture']} alone; platform = "
            '"linux/arm64" asks for another, and pull = "never": pull it, or name another base-image'
        ),
        by("platform", "platform"),
    ]
    assert told("id") == [
        (
            f"box: the image sha256:{64 * '0'} is not on {engine}, and no registry knows an id: load it (docker load), or name another "
            "base-image"
        ),
        by("base-image", "id"),
    ]
    assert told("base") == [
        f'box: the image envrepro-tests/nowhere:1 is not on {engine}, and pull = "never": pull it, or name another base-image',
        by("base-image", "base"),
    ]
    assert told("user") == [
        (
            f"box: the engine cannot start a container of {here['Id'][:19]}: unable to find user somebody: no matching entries in "
            "passwd file"
        ),
        by("user", "user"),
    ]
    assert told("files") == [
        "files: folder is no file (@pytest.mark.environment on test_files)",
        "files: nowhere.txt does not exist (@pytest.mark.environment on test_files)",
    ]
    assert told("bundle") == ["ca-bundle: 'nowhere.pem' does not exist (@pytest.mark.environment on test_bundle)"]


ASKED = """
import pytest
from pytest_envrepro import CommandFailed, EngineError, EnvReproError, UnknownServiceError

pytestmark = pytest.mark.environment("box")

def said(kind, call, *args, **more):
    with pytest.raises(kind) as caught:
        call(*args, **more)
    print("SAID", caught.value)

def test_shared(environment):
    said(EngineError, environment.read, "/nowhere")
    said(EngineError, environment.run, "true", cwd="/nowhere")
    said(EngineError, environment.run, "true", cwd="/etc/passwd")
    assert issubclass(UnknownServiceError, EngineError) and issubclass(EngineError, EnvReproError)

def test_private(throwaway_container):
    said(EngineError, throwaway_container.write, "/etc", "x")
    said(EngineError, throwaway_container.write, "/etc/passwd/x", "x")

@pytest.mark.environment(limits={"memory": "20m"})
def test_memory(environment):
    said(CommandFailed, environment.run_python, "-c", "x = bytearray(200 << 20)")
    said(CommandFailed, environment.run, "sh", "-c", "kill -9 $$")
"""


def test_asked(boxes: Suite, base: Base) -> None:
    """What cannot be done in a container names the environment, and not the runtime's words; so does memory that is short."""
    boxes.write(ASKED, table(base.reference))

    result = boxes.run("-s", "-p", "no:randomly")

    result.assert_outcomes(passed=3)
    told = [line.partition("SAID ")[2] for line in result.outlines if "SAID " in line]
    assert [re.sub(r"(envrepro-box)-\w+", r"\1-x", line) for line in told] == [
        "environment 'box': there is no /nowhere in the container",
        "environment 'box': there is no folder '/nowhere' in the container envrepro-box-x",
        "environment 'box': '/etc/passwd' in the container envrepro-box-x is no folder",
        "environment 'box': /etc in the container is a folder, not a file",
        "environment 'box': /etc/passwd in the container is a file, not a folder",
        (
            "python -c 'x = bytearray(200 << 20)' in environment 'box' was ended by SIGKILL, as it had more than limits.memory = "
            "20m (@pytest.mark.environment on test_memory), and wrote nothing"
        ),
        "sh -c 'kill -9 $$' in environment 'box' was ended by SIGKILL, and wrote nothing",
    ]


def test_builder(boxes: Suite, base: Base) -> None:
    """A builder that is not known is an error, also where the image is there."""
    boxes.write(
        'import pytest\n@pytest.mark.environment("box")\ndef test_it(environment): pass\n'
        '@pytest.mark.environment("box", builder="kaniko")\ndef test_other(environment): pass\n',
        table(base.reference),
    )

    result = boxes.run()

    result.assert_outcomes(passed=1, errors=1)
    assert headed(result, "ERROR at setup of test_other") == [
        (
            "builder = 'kaniko' is not known here (known: buildkit, engine); it may also be the address of an engine, as "
            "ssh://user@host or tcp://host:2376 (@pytest.mark.environment on test_other)"
        )
    ]


FAILING = """
import pytest

@pytest.mark.environment("box", apt_packages=["nowhere-zzz"])
def test_apt(environment): pass

@pytest.mark.environment("box", ca_bundle="ca.pem", run=["false"])
@pytest.mark.parametrize("number", [1, 2])
def test_run(environment, number): pass
"""
PEM = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"


def test_failing_builds(boxes: Suite, base: Base) -> None:
    """What of ours stands around a command is not shown, and the Dockerfile once for all tests of an environment."""
    boxes.write(FAILING, table(base.reference))
    (boxes.path / "ca.pem").write_text(PEM)

    result = boxes.run("-p", "no:randomly")

    result.assert_outcomes(errors=3)
    said = headed(result, "ERROR at setup of test_apt")
    assert re.fullmatch(r"the image of box cannot be built: step 2 of 4 failed \(its program ended with \d+\)", said[0])
    assert said[-3:] == [
        "  the Dockerfile:",
        f"        1  FROM {base.reference} AS system",
        '    >   2  RUN ["/bin/sh", "-c", "...", "apt-packages", "-", "nowhere-zzz"]',
    ]
    first, again = (headed(result, f"ERROR at setup of test_run[{number}]") for number in (1, 2))
    told = [
        "the image of box cannot be built: step 10 of 14 failed (its program ended with 1)",
        "  it wrote nothing",
        "  the setting: run[0] (@pytest.mark.environment on test_run)",
    ]
    assert first[:4] == [*told, "  the Dockerfile:"]
    assert first[12:14] == ['        9  COPY ["ca.pem", "/envrepro/ca.pem"]', '    >  10  RUN ["false"]']
    assert again == [*told, "  the Dockerfile: see the first test that asked for it"]


def test_two_of_one_name(fresh: Suite, base: Base) -> None:
    """While they are made, one that a marker has changed is told from the one of the table, by what was changed."""
    fresh.write(
        'import pytest\n@pytest.mark.environment("box")\ndef test_it(environment): pass\n'
        '@pytest.mark.environment("box", workdir="/other", build_environment={"A": "1"})\ndef test_other(environment): pass\n',
        table(base.reference, 'environment = { OF = "two" }'),  # So no other test has made it.
    )

    result = fresh.run()

    result.assert_outcomes(passed=2)
    built = [line.partition(": built in ")[0] for line in result.outlines if ": built in " in line]
    assert sorted(built) == ["envrepro: box", "envrepro: box (build-environment, workdir)"]
