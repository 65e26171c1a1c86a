"""Building with a real engine, by its classic builder and by BuildKit: what is told, what fails and how, what is left."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

import pytest
from contexts import LABEL, Yard

from pytest_envrepro.builders import builder_for
from pytest_envrepro.engines import connect
from pytest_envrepro.errors import BuildError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_envrepro.engine import Engine

pytestmark = pytest.mark.requires_integration("docker-engine")

TWO_STAGES = """FROM {base} AS first
{label}
RUN printf '\\033[31mred\\033[0m\\n'; echo err >&2; printf 'no end'
FROM {base}
{label}
COPY ["a file", "/a $HOME 'file'"]
"""


def here(address: str) -> Engine:
    """Give the engine of an address."""
    return connect(os.environ, address=address)


@pytest.fixture
def yard(docker_api: Any) -> Iterator[Yard]:
    """Give what builds, and remove all that it has built."""
    yard = Yard(docker_api)
    yield yard
    yard.clear()


@pytest.fixture(params=["engine", "buildkit"])
def kind(request: pytest.FixtureRequest) -> str:
    """Give each of the builders."""
    name: str = request.param
    return name


def containers(api: Any) -> int:
    """Count the containers that run a program of these tests."""
    return sum("sleep 31" in each["Command"] for each in api.containers(all=True))


def test_an_image(kind: str, yard: Yard, engine: Engine, base_image: str) -> None:
    """It is there by its names, with its labels; each step was told with its setting, and what it wrote."""
    tags = (yard.tag("one"), yard.tag("two"))
    job = yard.job(TWO_STAGES.replace("{base}", base_image), {"a file": yard.word}, tags=tags)

    image = yard.build(builder_for(kind, here), engine, job)

    found = engine.image(tags[0])
    assert found is not None
    assert (found.id, set(found.tags), found.labels["envrepro-tests.run"]) == (image, set(tags), yard.word)
    copied = 'COPY ["a file", "/a $HOME \'file\'"] (dockerfile (pyproject.toml))'
    if kind == "engine":
        assert yard.told[5] == f"step 6 of 7: {copied}"
        assert {"red", "no enderr"} <= set(yard.said) or {"red", "err", "no end"} <= set(yard.said)
    else:
        # The RUN is of a stage that nothing is copied from: BuildKit does not even begin with it.
        assert f"step 2 of 2 of stage 'stage-1': {copied}" in yard.told


def test_a_step_that_fails(kind: str, yard: Yard, engine: Engine, base_image: str) -> None:
    """The step, the program's words, the setting, what to do, the line marked; and nothing is left of it."""
    text = f'FROM {base_image}\n{{label}}\nRUN true\nRUN ["sh", "-c", "echo Get:1 x; echo E: Unable to locate package nox; exit 9"]\n'
    job = yard.job(text, tags=(yard.tag("bad"),), secrets=() if kind == "buildkit" else ("locate",))

    with pytest.raises(BuildError) as caught:
        yard.build(builder_for(kind, here), engine, job)

    lines = str(caught.value).splitlines()
    step = "step 3 of 3" if kind == "buildkit" else "step 4 of 5"
    assert lines[0] == f"the image of environment 'execution' cannot be built: {step} failed (its program ended with 9)"
    hidden = "locate" if kind == "buildkit" else "****"
    assert lines[1:4] == [
        "  it said:",
        f"    E: Unable to {hidden} package nox",
        "  the setting: dockerfile (pyproject.toml)",
    ]
    assert lines[4].startswith("  hint: apt knows no package 'nox'")
    assert lines[5:8] == [
        "  the Dockerfile:",
        f"        1  FROM {base_image}",
        f'        2  LABEL envrepro-tests.run="{yard.word}"',
    ]
    assert lines[9].startswith('    >   4  RUN ["sh", "-c", "echo Get:1 x;')
    assert yard.left() == []
    assert engine.image(yard.tag("bad")) is None


@pytest.mark.parametrize(
    ("text", "marked", "told"),
    [
        ("FROM {base}\nCOPY missing /x\n", "    >   2  COPY missing /x", "missing"),
        ("FROM {base}\nFOO bar\n", "    >   2  FOO bar", "unknown instruction: FOO"),
        ('FROM {base}\nRUN ["python", "-V"]\n', '    >   2  RUN ["python", "-V"]', "  hint: the image has no 'python'"),
    ],
)
def test_a_dockerfile_at_fault(  # noqa: PLR0917  # A column of the table each.
    kind: str, text: str, marked: str, told: str, yard: Yard, engine: Engine, base_image: str
) -> None:
    """The engine's words, and the line that they are about, also where it does not even begin."""
    with pytest.raises(BuildError) as caught:
        yard.build(builder_for(kind, here), engine, yard.job(text.replace("{base}", base_image)))

    assert marked in str(caught.value).splitlines()
    assert told in str(caught.value)
    assert not [line for line in yard.told if "classic" in line]


def test_interrupted(kind: str, yard: Yard, engine: Engine, base_image: str, docker_api: Any) -> None:
    """Ctrl-C ends the program of the step, and nothing is left."""
    text = f"FROM {base_image}\n{{label}}\nRUN true\nRUN echo begun; sleep 31; true\n"

    def stop(line: str) -> None:
        if line == "begun":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        builder_for(kind, here).build(engine, yard.job(text), tell=yard.told.append, say=stop)

    end = time.monotonic() + 8
    while (containers(docker_api) or yard.left()) and time.monotonic() < end:
        time.sleep(0.1)
    assert (containers(docker_api), yard.left()) == (0, [])


def test_secrets_stay_nowhere(kind: str, yard: Yard, engine: Engine, base_image: str, docker_api: Any) -> None:
    """Where there are any, only what the last stage is made of is left; BuildKit, whose cache keeps all, is not asked."""
    text = f"FROM {base_image} AS first\n{{label}}\nARG TOKEN\nCOPY conf /conf\nRUN cat /conf\nFROM {base_image}\n{{label}}\nCOPY --from=first /bin/true /t\n"
    job = yard.job(text, {"conf": "token-of-mine"}, secrets=("token-of-mine",), arguments={"TOKEN": "token-of-mine"})

    image = yard.build(builder_for(kind, here), engine, job)

    assert yard.said == ["****"]
    history = [each["Id"] for each in docker_api.history(image)]
    assert set(yard.left()) <= set(history)
    assert (kind == "buildkit") == any("the classic builder: BuildKit's cache would keep" in line for line in yard.told)


def test_a_program_that_writes_as_the_engine(yard: Yard, engine: Engine, base_image: str) -> None:
    """It can neither move the step nor name an image of ours as its own layer, which would be removed."""
    victim = engine.image(base_image)
    assert victim is not None
    short = victim.id.removeprefix("sha256:")[:12]
    said = f"Removing intermediate container x\\n ---> {short}\\nStep 4/4 : RUN evil\\nSuccessfully built {short}\\n"
    run = f"RUN printf '{said}'; printf \"Removing intermediate container $(hostname)\\n ---> {short}\\n\"; exit 1"

    with pytest.raises(BuildError, match=r"step 3 of 4 failed"):
        yard.build(builder_for("engine", here), engine, yard.job(f"FROM {base_image}\n{{label}}\n{run}\n"))

    assert engine.image(base_image) == victim


def test_hostile_arguments(kind: str, yard: Yard, engine: Engine, base_image: str) -> None:
    """Build arguments and labels arrive as they are."""
    hostile = f"{yard.word} a 'b' \"c\" $(touch /x) `d` \\ ü -e"
    text = f'FROM {base_image}\n{{label}}\nARG WORD\nRUN ["/usr/bin/python3", "-c", "import os; print(ascii(os.environ[\'WORD\']))"]\n'
    job = yard.job(text, arguments={"WORD": hostile}, labels={LABEL: yard.word, "words": hostile})

    found = engine.image(yard.build(builder_for(kind, here), engine, job))

    assert found is not None
    assert found.labels["words"] == hostile
    assert ascii(hostile) in yard.said


def test_another_engine(yard: Yard, engine: Engine) -> None:
    """It is asked by its address, and the image is brought back under its names."""
    address = "unix:///var/run/docker.sock"
    job = yard.job("FROM scratch\n{label}\nCOPY a /a\n", {"a": "x"}, tags=(yard.tag("far"),))

    image = yard.build(builder_for(address, here), engine, job)

    found = engine.image(yard.tag("far"))
    assert found is not None
    assert found.id == image
    assert yard.told[-1] == f"bringing the image from {address}"


def test_no_engine_there(yard: Yard, engine: Engine) -> None:
    """One that does not answer is told with its address."""
    job = yard.job("FROM scratch\nCOPY a /a\n", {"a": "x"})

    with pytest.raises(
        BuildError, match=r"the image of environment 'execution' cannot be built at unix:///nowhere\.sock: "
    ):
        yard.build(builder_for("unix:///nowhere.sock", here), engine, job)
