"""What tells containers apart: values that are not shown, what each is started with, and files that change meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from boxing import table

if TYPE_CHECKING:
    from borrowing import Suite
    from boxing import Base

pytestmark = pytest.mark.requires_integration("docker-engine")
HIDDEN = """
import pytest

@pytest.mark.environment("box", environment={"API_TOKEN": "first-secret"})
def test_first(environment):
    assert environment.run("printenv", "API_TOKEN").stdout == "first-secret\\n"

@pytest.mark.environment("box", environment={"API_TOKEN": "second-secret"})
def test_second(environment):
    assert environment.run("printenv", "API_TOKEN").stdout == "second-secret\\n"

@pytest.mark.environment("box", environment={"API_TOKEN": "second-secret"})
def test_own(throwaway_container):
    assert throwaway_container.run("printenv", "API_TOKEN").stdout == "second-secret\\n"

def test_by_calls(environments):
    one, two = (
        environments.get({"extends": "box", "environment": {"URL": f"postgres://a/{each}"}}) for each in ("one", "two")
    )
    assert [each.run("printenv", "URL").stdout for each in (one, two)] == ["postgres://a/one\\n", "postgres://a/two\\n"]
    assert one.key != two.key
    assert one.diff(two, depth="system")
"""


def test_values_that_are_hidden(boxes: Suite, base: Base) -> None:
    """Two values that are shown alike make two environments."""
    boxes.write(HIDDEN, table(base.reference))

    boxes.run("-p", "no:randomly").assert_outcomes(passed=4)


AS_IT_IS = """
def test_it(environments):
    def given(**more):
        return environments.get("box", skip_build=True, **more)

    plain, alpha, beta = given(), given(environment={"MODE": "alpha"}), given(environment={"MODE": "beta"})
    other, slim = given(user="1000"), given(limits={"pids": 50})
    assert [each.run("printenv", "MODE").stdout for each in (alpha, beta)] == ["alpha\\n", "beta\\n"]
    assert [each.run("id", "-u").stdout for each in (plain, other)] == ["0\\n", "1000\\n"]
    assert len({each.key for each in (plain, alpha, beta, other, slim)}) == 5
    assert given(environment={"MODE": "alpha"}) is alpha
    assert given(user="1000", pull="missing").container is other.container
"""


def test_images_as_they_are(boxes: Suite, base: Base) -> None:
    """What containers of one image are started with tells them apart, in what tests share and in their keys."""
    boxes.write(AS_IT_IS, table(base.reference))

    boxes.run().assert_outcomes(passed=1)


CHANGED = """
import pathlib

HERE = pathlib.Path(__file__).parent

def test_it(environments):
    def given(**more):
        return environments.get(kind="container", dockerfile="docker/Dockerfile", context="docker", pull="never", **more)

    one = given()
    assert one.read("/word") == b"1"
    assert given() is one
    (HERE / "docker" / "word").write_text("2")
    two = given()
    assert (one.read("/word"), two.read("/word")) == (b"1", b"2")
    assert one.key != two.key
    dockerfile = HERE / "docker" / "Dockerfile"
    dockerfile.write_text(dockerfile.read_text() + "RUN printf 3 > /word\\n")
    assert given(skip_build=True).read("/word") == given().read("/word") == b"3"

    (HERE / "copied").write_text("1")
    settings = {"kind": "container", "base_image": BASE, "pull": "never", "files": {"/copied": "copied"}}
    assert environments.get(settings).read("/copied") == b"1"
    (HERE / "copied").write_text("2")
    assert environments.get(settings).read("/copied") == b"2"
    (HERE / "copied").unlink()
    try:
        environments.get(settings)
    except Exception as error:
        assert str(error) == "files: copied does not exist (environments.get(...))"
    else:
        raise AssertionError
"""


def test_files_that_change_meanwhile(boxes: Suite, base: Base) -> None:
    """What is copied counts as it is when the environment is asked for: a Dockerfile, its context, and `files`."""
    boxes.write(CHANGED.replace("BASE", repr(base.reference)))
    boxes.project.write({"docker/Dockerfile": f"FROM {base.reference}\nCOPY word /word\n", "docker/word": "1"})

    boxes.run().assert_outcomes(passed=1)


REQUIREMENTS = """
import pytest

@pytest.mark.environment("box", requirements="requirements.in")
def test_it(environment):
    found = {name: str(each.version) for name, each in environment.inventory().items()}
    assert found == eval((request_path := __import__("pathlib").Path(__file__).with_name("expected.txt")).read_text())
"""


def test_requirements_that_change(fresh: Suite, base: Base) -> None:
    """Another text of a requirements file is another choice of versions in the next session."""
    fresh.write(REQUIREMENTS, table(base.reference))
    fresh.project.write({"requirements.in": "alpha==1.0\n", "expected.txt": "{'alpha': '1.0'}"})
    fresh.run().assert_outcomes(passed=1)

    fresh.project.write({"requirements.in": "beta\n", "expected.txt": "{'beta': '1.0'}"})
    fresh.run().assert_outcomes(passed=1)


NEEDED = """
import pytest

def test_it(environments):
    settings = {"kind": "container", "dockerfile": "Dockerfile", "pull": "never"}
    found = environments.get(settings, build_environment={"BASE": "NAME"})
    assert (found.read("/begins"), found.read("/copied")) == (b"WORD", b"WORD")
"""


def test_images_of_a_dockerfile(boxes: Suite, base: Base) -> None:
    """Where an image moves that a Dockerfile needs by a variable, or copies from, it is built again."""
    name, other = base.built("RUN printf one > /begins"), base.built("RUN printf one > /copied")
    boxes.project.write({"Dockerfile": f"ARG BASE\nFROM $BASE\nCOPY --from={other} /copied /copied\n"})
    boxes.write(NEEDED.replace("NAME", name).replace("WORD", "one"))
    boxes.run().assert_outcomes(passed=1)

    for reference, file in ((name, "begins"), (other, "copied")):
        base.api.tag(base.built(f"RUN printf two > /{file}"), *reference.rsplit(":", 1))
    boxes.write(NEEDED.replace("NAME", name).replace("WORD", "two"))
    boxes.run().assert_outcomes(passed=1)


UNKNOWN = """
def test_it(environments):
    environments.get(kind="container", dockerfile="Dockerfile", pull="never")
"""


def test_image_that_cannot_be_known(boxes: Suite, base: Base) -> None:  # noqa: ARG001  # There is an engine.
    """An image that nobody can name before the build is an error, with what to do; the base is not taken for it."""
    boxes.write(UNKNOWN)
    boxes.project.write({"Dockerfile": "FROM python:$VERSION\n"})

    result = boxes.run()

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "*dockerfile: Dockerfile: FROM python:$VERSION: it names no image as it is filled in: write a default (ARG NAME=...) before the first FROM, or set it in build-environment (environments.get(...))"
        ]
    )


def test_nothing_is_fetched_offline(boxes: Suite, base: Base) -> None:
    """An `ADD` of an address is refused offline before it is built, without the credentials in it."""
    boxes.write(UNKNOWN)
    boxes.project.write({"Dockerfile": f"FROM {base.reference}\nADD https://me:pass@h.invalid/a.tgz /a\n"})

    result = boxes.run("--env-offline")

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "*the image of Dockerfile cannot be built offline, as it fetches what is not here: have it in the context",
            "*  ADD https://****@h.invalid/a.tgz /a",
        ]
    )
    boxes.project.write({"Dockerfile": f"# syntax=h.invalid/frontend:1\nFROM {base.reference}\nRUN true\n"})
    boxes.write(UNKNOWN.replace("pull=", 'builder="buildkit", pull='))
    result = boxes.run("--env-offline")
    result.stdout.fnmatch_lines(
        [
            "*the image of Dockerfile cannot be built offline by BuildKit: '# syntax=h.invalid/frontend:1' names an image that is not here: pull it before, or leave that line out"
        ]
    )


BESIDE = """
def test_it(environments):
    def given(compose):
        return environments.get(kind="container", base_image=BASE, pull="never", skip_build=True, network="none", compose=compose)

    one, two = given("one.yaml"), given("two.yaml")
    assert ([*one.services], [*two.services]) == (["first"], ["second"])
    assert given("one.yaml") is one
"""


def test_services_beside(boxes: Suite, base: Base) -> None:
    """Two with other services are two, also on one network that the settings name."""
    boxes.write(BESIDE.replace("BASE", repr(base.reference)))
    for file, service in (("one", "first"), ("two", "second")):
        text = f"services:\n  {service}:\n    image: {base.reference}\n    command: ['sleep', '600']\n    init: true\n"
        boxes.project.write({f"{file}.yaml": text})

    boxes.run().assert_outcomes(passed=1)


FILES = """
import pathlib

def test_it(environments):
    file = pathlib.Path(__file__).with_name("copied")
    found = []
    for text in ("1", "2", "1"):
        file.write_text(text)
        environment = environments.get(files={"copied": "copied"})
        found.append((environment.prefix / "copied").read_text())
    assert found == ["1", "2", "1"]
"""


def test_virtualenvs_too(suite: Suite) -> None:
    """The same goes for what virtualenvs copy."""
    suite.write(FILES)
    suite.project.write({"copied": ""})

    suite.run().assert_outcomes(passed=1)
