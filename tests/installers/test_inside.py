"""Resolving in a container, and installing what was chosen in a build: for its own Python, with this machine's packages."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from contexts import LABEL, Yard
from inner import python_in
from making import wheel
from workbench import Bench

from pytest_envrepro.builders import builder_for
from pytest_envrepro.engines import connect
from pytest_envrepro.enginevalues import Order
from pytest_envrepro.errors import BuildError
from pytest_envrepro.installers.carrying import carry
from pytest_envrepro.installers.inside import resolve_inside
from pytest_envrepro.installers.needs import needs_of
from pytest_envrepro.installers.pinning import Asked, Sources
from pytest_envrepro.installers.taking import digest_of, inside

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytest_envrepro.engine import Container, Engine
    from pytest_envrepro.installers.carrying import Carried
    from pytest_envrepro.installers.pinning import Resolved
    from pytest_envrepro.interpreter import Python

pytestmark = pytest.mark.requires_integration("docker-engine")


class Box(NamedTuple):
    """A container of the base image, and its Python."""

    container: Container
    python: Python

    def carried(self, bench: Bench, **options: Any) -> Carried:
        """Give a configuration for it."""
        return carry(bench.environ, self.python, bench.folder(), **options)

    def resolve(self, bench: Bench, *asked: tuple[str, str], **options: Any) -> Resolved:
        """Resolve requirements, each with its source."""
        sources = Sources(tuple(Asked(*each) for each in asked), options.pop("constraints", ()))
        carried = options.pop("carried", None) or self.carried(bench)
        return resolve_inside(sources, self.python, self.container, carried, timeout=120, **options)


@pytest.fixture(scope="module")
def box(base_image: str) -> Iterator[Box]:
    """Give one container for all tests: each brings its own files, and none is left a requirement of another's."""
    engine = connect(os.environ)
    container = engine.start(Order(image=base_image, title="resolving", network="none", user="0"))
    yield Box(container, python_in(container))
    engine.close()


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """Give a folder of wheels in which `alpha` needs `beta`, and something else on other Pythons."""
    folder = tmp_path / "a user's folder $HOME"
    folder.mkdir()
    bench = Bench(folder)
    bench.variables["PIP_FIND_LINKS"] = bench.wheels.as_uri()
    bench.wheel("alpha", "1.0", ("beta<2", "tau; python_version < '3.0'"))
    bench.wheel("beta", "1.0")
    bench.wheel("beta", "2.0")
    (bench.wheels / "beta-1.0-cp27-cp27m-win32.whl").write_bytes(b"for another Python")
    return bench


def test_for_the_python_of_the_container(box: Box, bench: Bench) -> None:
    """Its markers count, all are hashed, and each says who asks for it; wheels that cannot fit are not even copied."""
    resolved = box.resolve(bench, ("alpha ; sys_platform == 'linux'", "requirements.in:1"), ("tau; os_name=='nt'", "x"))

    alpha, beta = (digest_of(bench.wheels / f"{name}-1.0-py3-none-any.whl") for name in ("alpha", "beta"))
    assert resolved.text == (
        f"alpha==1.0 \\\n    --hash=sha256:{alpha}\n    # via requirements.in:1\n"
        f"beta==1.0 \\\n    --hash=sha256:{beta}\n    # via alpha\n"
    )
    assert (resolved.tool.split()[0], resolved.weak, resolved.unpinned) == ("pip", False, True)
    copied = box.container.run(["ls", inside(bench.wheels)]).stdout.decode().split()
    assert sorted(copied) == ["alpha-1.0-py3-none-any.whl", "beta-1.0-py3-none-any.whl", "beta-2.0-py3-none-any.whl"]


def test_contradictions(box: Box, bench: Bench) -> None:
    """Those that can be seen and those that only pip finds are told with both who ask."""
    with pytest.raises(BuildError) as seen:
        box.resolve(bench, ("beta<2", "requirements.in:1"), ("beta>=2", "integration 'x'"))
    with pytest.raises(BuildError) as found:
        box.resolve(bench, ("alpha", "requirements.in:1"), ("beta>=2", "integration 'x'"))

    assert "beta: no version is <2 (requirements.in:1) and >=2 (integration 'x')" in str(seen.value)
    lines = str(found.value).splitlines()
    assert lines[0].endswith("finds no versions for Python 3.11.2 that can be installed together:")
    assert lines[1:3] == ["  alpha (requirements.in:1)", "  beta>=2 (integration 'x')"]


def test_what_cannot_be_had(box: Box, bench: Bench) -> None:
    """It is named, with who asks for it, and what helps."""
    with pytest.raises(BuildError) as caught:
        box.resolve(bench, ("nosuch>=1", "requirements.in:1"), offline=True)

    lines = str(caught.value).splitlines()
    assert lines[0] == "offline, no file of 'nosuch' is at hand that fits Python 3.11.2 and what is asked for:"
    assert lines[1] == "  nosuch>=1 (requirements.in:1)"
    assert lines[2].startswith("  ask once without --env-offline")


def test_what_is_waited_for(box: Box, bench: Bench) -> None:
    """An index that is asked again, as it does not answer, is told while pip goes on; the same once."""
    bench.variables |= {"PIP_INDEX_URL": "http://me:word@127.0.0.1:9/simple", "PIP_RETRIES": "2", "PIP_NO_INDEX": "0"}
    told: list[str] = []

    box.resolve(bench, ("beta", "requirements.in:1"), tell=told.append)

    begin, *again = [line for line in told if line.startswith("choosing versions")]
    assert begin == "choosing versions"
    assert len(again) == 1
    assert again[0].startswith("choosing versions: /simple/beta/ is asked for again: NewConnectionError(")
    assert "Connection refused" in again[0]
    assert "word" not in again[0]


def test_a_folder_that_is_bound(engine: Engine, base_image: str, bench: Bench) -> None:
    """It is not copied, where the container sees what is here; where it sees something else, that is told."""
    other = wheel(bench.path / "other", "gamma", "3.0").parent
    told: list[str] = []
    binds = {str(bench.wheels): inside(bench.wheels), str(bench.wheels.parent): inside(other)}
    container = engine.start(Order(image=base_image, title="bound", network="none", user="0", binds=binds))
    box = Box(container, python_in(container))

    resolved = box.resolve(bench, ("beta", "requirements.in:1"), tell=told.append)
    carried = box.carried(bench, arguments=("--find-links", str(other)))
    with pytest.raises(BuildError, match=r"other, where packages are found on this machine, cannot be taken into"):
        box.resolve(bench, ("beta", "requirements.in:1"), carried=carried)

    assert [pin.line for pin in resolved.pins] == ["beta==2.0"]
    assert not [line for line in told if str(bench.wheels) in line]


def test_constraints_and_own_options(box: Box, bench: Bench) -> None:
    """The user's constraints, those of the settings, and an option with a folder count, with the image's pip as well."""
    other = wheel(bench.path / "other", "gamma", "3.0").parent
    bounds = bench.path / "bounds.txt"
    bounds.write_text("beta<2\n")
    bench.variables["PIP_CONSTRAINT"] = bounds.as_uri()
    carried = box.carried(bench, arguments=("--find-links", str(other)))._replace(wheel=None)  # The image's own pip.
    constraint = (Asked("gamma<4", "constraints"),)

    resolved = box.resolve(bench, ("beta", "a"), ("gamma", "b"), carried=carried, constraints=constraint)

    assert [pin.line for pin in resolved.pins] == ["beta==1.0", "gamma==3.0"]
    assert resolved.tool == "pip 23.0.1"
    assert not resolved.weak


def test_an_image_of_it(box: Box, bench: Bench, engine: Engine, base_image: str, docker_api: Any) -> None:
    """What was chosen is installed by a build; only the environment reaches the last stage, and no credential any layer."""
    local = wheel(bench.path / "my dist", "own", "1.0", ("beta",))
    bench.variables["PIP_EXTRA_INDEX_URL"] = "http://me:sesame22@127.0.0.1:9/simple"
    bench.variables |= {"PIP_RETRIES": "0", "PIP_TIMEOUT": "1"}
    sources = Sources((Asked(f"own @ {local.as_uri()}", "this project"), Asked("alpha", "requirements.in:1")))
    carried = box.carried(bench)
    resolved = resolve_inside(sources, box.python, box.container, carried, timeout=120)
    python = "/opt/environment/bin/python"
    needs = needs_of(resolved, carried, sources, python=python)
    (command,) = needs.commands
    yard = Yard(docker_api)
    words = ", ".join(f'"{word}"' for word in command)
    variables = "".join(f"ENV {name}={value}\n" for name, value in needs.variables.items())
    text = (
        f'FROM {base_image} AS packages\n{{label}}\nCOPY ["installing/", "/envrepro/"]\n{variables}'
        f'RUN ["/usr/bin/python3", "-m", "venv", "--without-pip", "/opt/environment"]\nRUN [{words}]\n'
        f"FROM {base_image}\n{{label}}\nCOPY --from=packages /opt/environment /opt/environment\n"
    )
    files = {f"installing/{name}": content for name, content in needs.files.items()}
    try:
        image = yard.build(builder_for("engine", connect_to), engine, yard.job(text, files, secrets=needs.secrets))
        made = engine.start(Order(image=image, title="made", network="none"))
        ask = "import alpha, beta, own, importlib.util as u; print(alpha.version, beta.version, own.version, u.find_spec('pip'))"
        told = made.run([python, "-c", ask]).stdout.decode()
        left = made.run(["ls", "/envrepro"])
        history = {each["Id"] for each in docker_api.history(image)}
        layers = set(docker_api.images(all=True, quiet=True, filters={"label": f"{LABEL}={yard.word}"}))
        made.end()
    finally:
        yard.clear()

    assert told.split() == ["1.0", "1.0", "1.0", "None"]
    assert left.returncode
    assert layers <= history
    place = f"local/{digest_of(local)[:16]}/own-1.0-py3-none-any.whl"
    assert needs.keyed == {"hashed.txt", place}
    assert (
        f"own @ file:///envrepro/{place} \\\n    --hash=sha256:{digest_of(local)}\n    # via this project\n"
        in resolved.text
    )
    assert needs.secrets == ("me:sesame22", "sesame22")
    assert "sesame22" not in "\n".join([*yard.told, *yard.said, text])


def connect_to(address: str) -> Any:
    """Give no engine: nothing here is built elsewhere."""
    raise AssertionError(address)


@pytest.mark.requires_integration("network")
def test_uv(base_image: str, engine: Engine, bench: Bench) -> None:
    """Uv is installed there, and gives every file's hash."""
    container = engine.start(Order(image=base_image, title="uv", network="host", user="0"))
    python = python_in(container)
    carried = carry(os.environ, python, bench.folder())._replace(places=(), pip={})  # Of the index alone.

    resolved = resolve_inside(
        Sources((Asked("itsdangerous", "requirements.in:1"),)), python, container, carried, tool="uv", timeout=120
    )

    (pin,) = resolved.pins
    assert (pin.name, pin.via, resolved.tool.split()[0]) == ("itsdangerous", ("requirements.in:1",), "uv")
    assert len(pin.hashes) > 1


@pytest.mark.requires_integration("network")
def test_oldest(base_image: str, engine: Engine, bench: Bench) -> None:
    """There too uv chooses the oldest of what is asked for, and what a wheel of this machine asks for is among it."""
    container = engine.start(Order(image=base_image, title="uv", network="host", user="0"))
    python = python_in(container)
    carried = carry(os.environ, python, bench.folder())._replace(places=(), pip={})  # Of the index alone.
    own = bench.wheel("own", "1.0", ["itsdangerous>=2.1"])
    sources = Sources((Asked(f"own @ {own.as_uri()}", "this project"), Asked("click<8.1.1", "requirements.in:1")))

    resolved = resolve_inside(sources, python, container, carried, tool="uv", resolution="lowest-direct", timeout=120)

    versions = {pin.name: pin.version for pin in resolved.pins}
    assert (versions["itsdangerous"], resolved.unbound) == ("2.1.0", ("click",))
