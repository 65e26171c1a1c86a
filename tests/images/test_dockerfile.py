"""Settings to Dockerfiles: the order of lines, the setting of each, and what is hidden."""

from __future__ import annotations

from typing import Any

import pytest
from test_settings import refusal

from pytest_envrepro import Settings
from pytest_envrepro.images import Facts, Installation, apt_command, apt_words, default_base, image, system, tag, whole
from pytest_envrepro.images.apt import SCRIPT
from pytest_envrepro.settings import Layer, merge

pytestmark = pytest.mark.core

PIP = ("/opt/environment/bin/python", "-I", "/envrepro/pip.whl/pip")
INSTALLATION = Installation(
    PIP,
    ((*PIP, "install", "-r", "/envrepro/hashed.txt"),),
    {"PIP_CONFIG_FILE": "/envrepro/pip.conf"},
    ("HTTPS_PROXY", "TOKEN"),
)


def container(**given: Any) -> Settings:
    """Make settings of a container."""
    return Settings(kind="container", **given)


def settings_of(recipe: Any) -> list[tuple[str, str]]:
    """Give the instruction and the setting of each line that has one."""
    return [(line.text.partition(" ")[0], line.setting) for line in recipe.lines if line.setting]


class TestOrder:
    """What changes least comes first."""

    def test_all(self) -> None:
        """Each line of a large environment, by what it does and the setting that it comes from."""
        settings = container(
            base_image="python:3.12",
            apt_packages=["git"],
            project=True,
            files={"etc/a": "a"},
            run=["a", "b"],
            environment={"A": "1"},
            build_environment={"B": "1"},
            user="me",
            ca_bundle="host",
        )
        facts = Facts(
            base="python:3.12",
            apt_packages=("git",),
            installation=INSTALLATION,
            project="p-1-py3-none-any.whl",
            bundle=True,
            key="k",
            created_by="1.0",
        )

        assert settings_of(whole(settings, facts)) == [
            ("FROM", "base-image"),
            ("COPY", "ca-bundle"),
            ("RUN", "apt-packages"),
            ("RUN", "ca-bundle"),
            ("RUN", "python"),
            ("RUN", "installer"),
            ("COPY", "project"),
            ("RUN", "project"),
            ("ADD", "files"),
            ("RUN", "user"),
            ("WORKDIR", "workdir"),
            ("COPY", "ca-bundle"),
            ("RUN", "run[0]"),
            ("RUN", "run[1]"),
            ("RUN", "ca-bundle"),
            ("ENV", "environment"),
            ("USER", "user"),
        ]
        text = whole(settings, facts).text
        assert text.splitlines()[-1] == (
            'LABEL io.envrepro.managed="1" io.envrepro.key="k" io.envrepro.created-by="1.0"'
        )
        assert "ARG TOKEN\n" in text
        assert "ARG HTTPS_PROXY" not in text

    def test_stages_apart(self) -> None:
        """The stage `system` alone, and the rest on its tag, are the same lines."""
        settings = container(apt_packages=["git"])
        facts = Facts(base="python:3.12", apt_packages=("git",))
        first, rest = system(settings, facts), image(settings, facts, onto="envrepro/system:abc")

        assert first is not None
        assert first.lines + rest.lines[1:] == whole(settings, facts).lines
        assert rest.lines[0].text == "FROM envrepro/system:abc AS system"

    def test_no_system(self) -> None:
        """Without Debian packages, the base is all of that stage."""
        assert system(container(), Facts(base="python:3.12")) is None
        assert whole(container(), Facts(base="python:3.12")).text.startswith(
            "FROM python:3.12 AS system\nFROM system AS packages\n"
        )

    def test_no_python(self) -> None:
        """An image without a Python gets no virtualenv."""
        text = whole(container(run=["a"]), Facts(base="redis:7", python=None)).text

        assert text == (
            'FROM redis:7 AS system\nENV LANG="C.UTF-8" TZ="UTC" PYTHONDONTWRITEBYTECODE="1"\n'
            'WORKDIR "/app"\nRUN ["a"]\nLABEL io.envrepro.managed="1"\n'
        )

    def test_the_user_of_the_base(self) -> None:
        """What builds is root, and what runs is whom the base has."""
        facts = Facts(base="a", user="app", apt_packages=("git",))
        text = whole(container(apt_packages=["git"]), facts).text

        assert text.count("USER 0\n") == 3
        assert text.endswith('WORKDIR "/app"\nUSER app\nLABEL io.envrepro.managed="1"\n')
        assert "USER" not in whole(container(), Facts(base="a", user="0")).text

    def test_the_path_of_the_base(self) -> None:
        """Programs of the virtualenv come first, then those of the base, in its order."""
        assert (
            'ENV PATH="/opt/environment/bin:/opt/x/bin:/bin" LANG='
            in whole(container(), Facts("a", path="/opt/x/bin:/bin")).text
        )


class TestHidden:
    """What people see has no secrets; what the engine gets has all."""

    def test_variables(self) -> None:
        """Secrets of variables and of URLs are hidden, and nothing else."""
        layer = {
            "kind": "container",
            "environment": {"API_TOKEN": "t0p", "A": "1"},
            "run": ["git clone https://me:pw@host/x"],
        }
        settings = merge([Layer("environments.a in envrepro.toml", layer)], {})
        recipe = whole(settings, Facts(base="a"))

        assert ' API_TOKEN="t0p"' in recipe.text
        assert ' API_TOKEN="****"' in recipe.shown
        assert 'ENV A="1"' in recipe.shown
        assert "me:pw" in recipe.text
        assert "pw" not in recipe.shown

    def test_for_people(self) -> None:
        """`dockerfile()` has the place of each setting, and says what is given later."""
        said = container(
            environment={"NOTE": "a\nb", "DB_PASSWORD": "pw"}, build_environment={"TOKEN": "t0p"}, run=["a"]
        ).dockerfile()

        assert "t0p" not in said
        assert "pw" not in said
        assert '# environment: Settings(...)\nENV DB_PASSWORD="****"\n' in said
        assert said.endswith("# Given to each container as it starts, since no line can hold them: NOTE\n")

    def test_origins_stay_in_their_line(self) -> None:
        """The name of a place cannot add an instruction."""
        said = merge([Layer("a\nRUN id", {"kind": "container", "user": "me"})], {}).dockerfile()

        assert "# user: a\\nRUN id\n" in said

    @pytest.mark.parametrize(
        ("given", "said"),
        [
            ({}, "a virtualenv has no Dockerfile: it is for containers"),
            (
                {"kind": "container", "skip_build": True, "base_image": "a"},
                "skip-build takes an image as it is: there is no Dockerfile",
            ),
            ({"kind": "container", "python": "3.13t"}, 'no image is known for python = "3.13t": write base-image'),
            (
                {"kind": "container", "run": [["a", 70_000 * "b"]]},
                "run[0]: comes to a line of 70013 bytes, and a Dockerfile can hold 65535: put it into a file",
            ),
        ],
        ids=["a virtualenv", "nothing is built", "no image", "a long line"],
    )
    def test_none(self, given: dict[str, Any], said: str) -> None:
        """Where there is none, it says why."""
        (line,) = refusal(Settings(**given).dockerfile)

        assert line.startswith(said)


def test_what_no_line_can_hold() -> None:
    """Variables that no Dockerfile can hold are given when a container starts, and no other."""
    hostile = {"A": "a\nb", "B": "a\rb", "C": 70_000 * "c", 'D"': "d", "É": "e", "F": "$f"}
    recipe = whole(container(environment=hostile), Facts(base="a"))

    assert recipe.at_run_time == {name: hostile[name] for name in ("A", "B", "C", 'D"', "É")}
    assert [line.text for line in recipe.lines if line.setting == "environment"] == ['ENV F="\\$f"']


class TestApt:
    """Debian packages as words."""

    def test_words(self) -> None:
        """Each once, sorted, the version with it."""
        assert apt_words(["git", "curl=7"], ["git", "curl", "git=1"]) == ("curl=7", "git=1")

    def test_two_versions(self) -> None:
        """One package in two versions is told."""
        assert refusal(lambda: apt_words(["a=1", "b=1", "b"], ["a=2"])) == [
            "apt-packages: one package cannot have two versions:",
            "  a=1 and a=2",
        ]

    def test_names_are_arguments(self) -> None:
        """The text that the shell reads is the same for all packages and all days."""
        one, other = apt_command(["git"], None), apt_command(["curl", "jq"], "20260415T000000Z")

        assert one[:3] == other[:3] == ("/bin/sh", "-c", SCRIPT)
        assert (one[4:], other[4:]) == (("-", "git"), ("20260415T000000Z", "curl", "jq"))


@pytest.mark.parametrize(
    ("python", "reference"),
    [
        (None, "python:3.11-slim"),
        ("3.12", "python:3.12-slim"),
        ("cpython3.12.1", "python:3.12.1-slim"),
        ("py310", "python:3.10-slim"),
        ("3.14.0rc1", "python:3.14.0rc1-slim"),
        ("pypy3.10", "pypy:3.10-slim"),
        (">=3.9,<3.12", "python:3.11-slim"),
    ],
)
def test_default_base(python: str | None, reference: str) -> None:
    """The official image of the Python that is asked for."""
    assert default_base(python, "3.11.7") == reference


@pytest.mark.parametrize("python", ["3", ">=3.12", ">=", "graalpy", "3.13t", "/usr/bin/python", "$(id)"])
def test_no_default_base(python: str) -> None:
    """Where none is known, the error says what to write."""
    assert refusal(lambda: default_base(python, "3.11.7")) == [
        f'no image is known for python = "{python}": write base-image, such as "python:3.11-slim"'
    ]


@pytest.mark.parametrize(
    ("name", "tagged"),
    [
        ("execution", "envrepro/execution:"),
        ("My_Env.1", "envrepro/my-env-1:"),
        ("", "envrepro/env:"),
        ("../$(id)é", "envrepro/id:"),
        (300 * "a", f"envrepro/{100 * 'a'}:"),
    ],
)
def test_tag(name: str, tagged: str) -> None:
    """Whatever a name is, the tag is one that engines take."""
    assert tag(name, 64 * "f") == f"{tagged}{24 * 'f'}"
