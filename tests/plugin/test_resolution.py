"""The setting `resolution`: the oldest versions that are allowed, of all or of what is asked for directly; by uv."""

from __future__ import annotations

import hashlib
import os
import sys
from typing import TYPE_CHECKING

import making
import pytest
from borrowing import headed, lines

from pytest_envrepro import BuildError, Settings, SettingsError
from pytest_envrepro.installers.pinning import Asked, Sources
from pytest_envrepro.planning import refuse_resolution

if TYPE_CHECKING:
    from pathlib import Path

    from borrowing import Suite
    from boxing import Base
    from workbench import Bench

START = """
import pytest
from pytest_envrepro import matrix

env = pytest.mark.environment
EACH = matrix("highest", "lowest", "lowest-direct")

def seen(environment):
    return {name: each.version for name, each in environment.inventory().items()}

"""
PROJECT = """
[project]
name = "subject"
version = "1"
dependencies = ["alpha>=1.5"]
[project.optional-dependencies]
more = ["subject[most]"]
most = ["gamma>=1.5"]
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
"""
NEEDS = [
    *("Requires-Dist: alpha>=1.5", "Provides-Extra: more", "Provides-Extra: most"),
    *('Requires-Dist: subject[most]; extra == "more"', 'Requires-Dist: gamma>=1.5; extra == "most"'),
]


@pytest.fixture
def wheels(suite: Suite, tmp_path: Path) -> Path:
    """Give wheels of several versions: each of `alpha` and of `gamma` needs some `beta`."""
    folder = tmp_path / "versions"
    folder.mkdir()
    for version in ("1.0", "1.5", "2.0"):
        making.wheel(folder, "alpha", version, ["beta>=1"])
        making.wheel(folder, "beta", version)
        making.wheel(folder, "gamma", version, ["beta"])
    suite.set("UV_FIND_LINKS", folder.as_uri())
    suite.set("PIP_FIND_LINKS", folder.as_uri())
    return folder


@pytest.mark.usefixtures("wheels")
def test_versions(suite: Suite) -> None:
    """`lowest` is for all that is chosen, `lowest-direct` for what is asked for; bounds hold."""
    suite.write(
        f"""{START}
@env(requirements=["alpha>=1.5"], resolution=EACH)
def test_asked(environment):
    versions = {{"highest": ("2.0", "2.0"), "lowest": ("1.5", "1.0"), "lowest-direct": ("1.5", "2.0")}}
    assert tuple(seen(environment).values()) == versions[environment.settings.resolution]

@env(groups=["test"], constraints=["beta<2,>=1.5"], resolution=EACH)
def test_bound(environment):
    versions = {{"highest": ("2.0", "1.5"), "lowest": ("1.0", "1.5"), "lowest-direct": ("1.0", "1.5")}}
    assert tuple(seen(environment).values()) == versions[environment.settings.resolution]

@env("old")
def test_table(environment):
    assert seen(environment) == {{"alpha": "1.0", "beta": "1.0"}}

@env("old", resolution="highest", installer="pip")
def test_taken_back(environment):
    assert seen(environment) == {{"alpha": "2.0", "beta": "2.0"}}
""",
        """
[dependency-groups]
test = ["alpha>=1"]
[tool.envrepro.environments.old]
groups = ["test"]
resolution = "lowest"
""",
    )

    suite.run().assert_outcomes(passed=8)


@pytest.mark.usefixtures("wheels")
@pytest.mark.parametrize("how", ["wheel", "editable"])
def test_project(suite: Suite, how: str) -> None:
    """What this project asks for, its extras and folders too, counts as asked for directly, however it is installed."""
    suite.write(
        f"""{START}
@env(project={how!r}, extras=["more"], resolution=EACH)
def test_project(environment):
    versions = {{"highest": ("2.0",) * 3, "lowest": ("1.5", "1.0", "1.5"), "lowest-direct": ("1.5", "2.0", "1.5")}}
    found = seen(environment)
    assert tuple(found[name] for name in ("alpha", "beta", "gamma")) == versions[environment.settings.resolution]

@env(requirements=["./lib"], resolution="lowest-direct")
def test_folder(environment):
    assert seen(environment) == {{"beta": "2.0", "gamma": "1.5", "lib": "1"}}
""",
        PROJECT,
        backend=making.backend("subject", "1", NEEDS),
    )
    table = PROJECT.replace("subject", "lib").replace("alpha>=1.5", "gamma>=1.5")
    lib = making.backend("lib", "1", ["Requires-Dist: gamma>=1.5"])
    suite.project.write({"lib/pyproject.toml": table, "lib/backend.py": lib})

    result = suite.run()

    result.assert_outcomes(passed=4)
    assert "lower bound" not in str(result.stdout)


@pytest.mark.usefixtures("wheels")
def test_told(fresh: Suite) -> None:
    """Where it comes from is told, what was chosen for want of a lower bound, and it is part of what tells two apart."""
    fresh.write(
        f"""{START}
@env("client", resolution=matrix("lowest", "highest"))
def test_it(environment):
    assert environment.settings.resolution == "highest"

@env(requirements=["gamma>=1"], resolution="lowest")
def test_bounded(environment): pass
""",
        '[tool.envrepro.environments.client]\nrequirements = ["alpha", "gamma<2"]\n',
    )

    result = fresh.run("-p", "no:randomly", "-n0")

    result.assert_outcomes(passed=2, failed=1)
    told = headed(result, "envrepro: environment 'client (lowest)'")
    assert told[3:9] == [
        'settings  requirements = ["alpha", "gamma<2"]  # tool.envrepro.environments.client in pyproject.toml',
        '          resolution = "lowest"                # @pytest.mark.environment on test_it',
        "note      alpha 1.0 is the oldest that fits, since nothing gives it a lower bound",
        "          gamma 1.0 is the oldest that fits, since nothing gives it a lower bound",
        "          its settings do not pin all that is in it: versions were chosen when it was first made",
        "last      nothing was run in it",
    ]
    assert headed(result, "environments")[:2] == [
        "client (lowest): alpha 1.0 is the oldest that fits, since nothing gives it a lower bound",
        "client (lowest): gamma 1.0 is the oldest that fits, since nothing gives it a lower bound",
    ]
    assert [line.partition(": ")[2] for line in headed(result, "environments")[2:]] == [
        "beta 1.0 is the oldest that fits, since nothing gives it a lower bound"
    ]
    assert len({row["key"] for row in fresh.rows()}) == 3
    made = [line.partition(": made")[0] for line in lines(result, "envrepro: ") if ": made" in line]
    assert sorted(made) == [
        "envrepro: client (highest)",
        "envrepro: client (lowest)",
        "envrepro: virtualenv of gamma>=1 (lowest)",
    ]


@pytest.mark.usefixtures("wheels")
def test_chosen_once(fresh: Suite) -> None:
    """What was chosen stays, note and all, and the next session chooses nothing."""
    started = fresh.watched()
    fresh.write(f'{START}@env(requirements=["alpha"], resolution=EACH)\ndef test_it(environment): pass\n')

    told = []
    for _ in range(2):
        result = fresh.run()
        result.assert_outcomes(passed=3)
        told.append([line.partition(": ")[2] for line in headed(result, "environments")])

    assert told == [["alpha 1.0 is the oldest that fits, since nothing gives it a lower bound"] * 2] * 2
    compiled = [line for line in started.read_text().splitlines() if " compile " in line]
    assert len(compiled) == 3
    assert sorted(word for line in compiled for word in line.split() if word.startswith("lowest")) == [
        "lowest",
        "lowest-direct",
    ]


def test_beside_a_lock(suite: Suite, wheels: Path) -> None:
    """A lock has chosen; it is for what is asked for besides."""
    suite.write(
        f"""{START}
@env(lock="pins.txt", resolution=matrix("highest", "lowest"))
def test_alone(environment):
    assert seen(environment) == {{"beta": "1.5"}}

@env(lock="pins.txt", requirements=["gamma>=1.5"], resolution=matrix("highest", "lowest"))
def test_besides(environment):
    assert seen(environment)["beta"] == "1.5"
    assert seen(environment)["gamma"] == {{"highest": "2.0", "lowest": "1.5"}}[environment.settings.resolution]
"""
    )
    digest = hashlib.sha256((wheels / "beta-1.5-py3-none-any.whl").read_bytes()).hexdigest()
    suite.project.write({"pins.txt": f"beta==1.5 --hash=sha256:{digest}\n"})

    result = suite.run()

    result.assert_outcomes(passed=3, errors=1)
    place = "@pytest.mark.environment on test_alone"
    (told,) = headed(result, "ERROR at setup of test_alone[resolution=lowest]")
    assert told == (
        f"resolution: 'lowest' says which versions are chosen ({place}), and the lock pins.txt has chosen them all "
        f"({place}): take requirements in the place of the lock, or leave one of the two out"
    )


def test_without_uv(bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where uv is not here it is told what to install, and nothing is chosen; what is newest others choose."""
    monkeypatch.setattr("sysconfig.get_path", lambda _: str(tmp_path / "nowhere"))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "nowhere" / "python"))
    monkeypatch.setitem(bench.variables, "PATH", os.defpath)
    installer = bench.installer("auto")
    asked = Sources((Asked("tool", "a test"),))

    refuse_resolution(Settings(resolution="highest"), asked, installer)
    with pytest.raises(SettingsError) as raised:
        refuse_resolution(Settings(resolution="lowest"), asked, installer)

    assert str(raised.value) == (
        "resolution: 'lowest' is what uv can choose (Settings(...)), and uv is not here; pip-tools and pip choose the "
        "newest versions alone: pip install uv"
    )
    with pytest.raises(BuildError) as failed:
        bench.resolve("tool", tool="pip-tools", resolution="lowest")
    assert str(failed.value) == (
        "nothing here can choose versions of what is asked for:\n  pip-tools cannot choose the lowest versions\n"
        "  pip cannot choose the lowest versions"
    )


def test_wrong_in_the_table(suite: Suite) -> None:
    """With an installer that cannot, the table is wrong, and says so before anything runs."""
    table = '[tool.envrepro.environments.old]\nresolution = "lowest"\ninstaller = "pip"\n'
    suite.write(f"{START}def test_it(environments): environments.get('old')\n", table)

    result = suite.run()

    assert result.ret == 4
    assert (
        "tool.envrepro.environments.old.resolution: 'lowest' is what uv can choose, and pip cannot: write installer = "
        '"uv"'
    ) in str(result.stderr)


@pytest.mark.requires_integration("docker-engine")
def test_container_of_a_lock(boxes: Suite, base: Base) -> None:
    """In a container a lock has chosen too, and no image is built."""
    boxes.write(
        f"""{START}
@env(kind="container", base_image="{base.reference}", pull="never", lock="pins.txt", installer="uv", resolution="lowest")
def test_it(environment): pass
"""
    )
    digest = hashlib.sha256((boxes.bench.wheels / "beta-1.0-py3-none-any.whl").read_bytes()).hexdigest()
    boxes.project.write({"pins.txt": f"beta==1.0 --hash=sha256:{digest}\n"})

    result = boxes.run()

    result.assert_outcomes(errors=1)
    assert headed(result, "ERROR at setup of test_it")[0].startswith(
        "resolution: 'lowest' says which versions are chosen (@pytest.mark.environment on test_it), and the lock pins.txt"
    )
