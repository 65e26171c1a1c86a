"""Settings of containers: what each key takes, what a virtualenv makes of them, and what is shown of them."""

from __future__ import annotations

import dataclasses
import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as some
from test_settings import OF_CONTAINERS, refusal, table

from pytest_envrepro import Settings, SettingsError
from pytest_envrepro.config import read_config
from pytest_envrepro.settings import Layer, merge
from pytest_envrepro.tables import load_toml

if TYPE_CHECKING:
    from collections.abc import Mapping

pytestmark = pytest.mark.core

DIGEST = f"sha256:{64 * 'a'}"
TEST = "@pytest.mark.environment on test_one"
SKIPPED: dict[str, Any] = {"skip_build": True, "base_image": "redis:7"}


def make(given: Mapping[str, Any]) -> Settings:
    """Make settings of a container."""
    return Settings(**{"kind": "container", **given})


ACCEPTED: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"base_image": "python:3.12-slim"}, {"base_image": "python:3.12-slim"}),
    ({"base_image": f"host.example:5000/a/b_c@{DIGEST}"}, {"base_image": f"host.example:5000/a/b_c@{DIGEST}"}),
    ({"base_image": DIGEST}, {"base_image": DIGEST}),
    (
        {"dockerfile": Path("docker") / "Dockerfile", "context": "./docker"},
        {"own_dockerfile": "docker/Dockerfile", "context": "docker"},
    ),
    ({"dockerfile": "Dockerfile", "context": "."}, {"context": "."}),
    (SKIPPED, {"skip_build": True}),
    ({"pull": "never"}, {"pull": "never"}),
    ({"platform": "linux/arm64/v8"}, {"platform": "linux/arm64/v8"}),
    (
        {"apt_packages": ("g++", "libpq5:amd64=15.*", "a2=1:2.3~rc-1+b1")},
        {"apt_packages": ("g++", "libpq5:amd64=15.*", "a2=1:2.3~rc-1+b1")},
    ),
    ({"apt_snapshot": "20260228T235959Z"}, {"apt_snapshot": "20260228T235959Z"}),
    ({"build_environment": {"B": "$x\n", "A": ""}}, {"build_environment": {"A": "", "B": "$x\n"}}),
    ({"run": ["make 'a b'", ["sh", "-c", "a && b"]]}, {"run": (("make", "a b"), ("sh", "-c", "a && b"))}),
    ({"user": "me"}, {"user": "me"}),
    ({"user": "1000:1000"}, {"user": "1000:1000"}),
    ({"workdir": "//a/./b c/../$d/"}, {"workdir": "/a/$d"}),
    ({"network": "my_net-1"}, {"network": "my_net-1"}),
    (
        {"limits": {"pids": 9, "memory": "1.5g", "cpus": 0.5}},
        {"limits": {"cpus": 0.5, "memory": 1610612736, "pids": 9}},
    ),
    (
        {"limits": {"memory": 8_000_000, "cpus": 2, "pids": "7"}},
        {"limits": {"cpus": 2, "memory": 8_000_000, "pids": 7}},
    ),
    ({"ca_bundle": "host"}, {"ca_bundle": "host"}),
    ({"ca_bundle": Path("/etc/proxy.pem")}, {"ca_bundle": "/etc/proxy.pem"}),
    ({"ca_bundle": "./certs/a.pem"}, {"ca_bundle": "certs/a.pem"}),
    ({"builder": "ssh://me@host:22"}, {"builder": "ssh://me@host:22"}),
    ({"builder": "kaniko"}, {"builder": "kaniko"}),
    ({"files": {"/etc//a b$.ini": "a", "b": "b"}}, {"files": {"/etc/a b$.ini": "a", "b": "b"}}),
    ({"project": True, "python": "3.12"}, {"project": "wheel"}),
    ({}, {"workdir": "/app", "pull": "missing", "builder": "engine", "ca_bundle": "none", "run": ()}),
]


@pytest.mark.parametrize(("given", "expected"), ACCEPTED, ids=[str(given) for given, _ in ACCEPTED])
def test_accepted(given: dict[str, Any], expected: dict[str, Any]) -> None:
    """What each key takes, and what it comes to; and that is what it takes again."""
    settings = make(given)

    assert {key: getattr(settings, key) for key in expected} == expected
    assert dataclasses.replace(settings) == settings
    assert hash(dataclasses.replace(settings)) == hash(settings)


IMAGE = "is no image: write NAME:TAG, NAME@sha256:... or sha256:..."
COMMAND = 'write two commands, or name the shell: ["sh", "-c", "..."]'
ENGINES_OWN = "is the engine's own in each container: nothing of an image is seen there"
REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"base_imag": "a"}, "base_imag: unknown key (did you mean 'base_image'?)"),
    ({"base_image": 3}, "base_image: has to be a string, not an integer (3)"),
    ({"base_image": "Python:3"}, f"base_image: 'Python:3' {IMAGE} (names of images have no capital letters)"),
    ({"base_image": "a b"}, f"base_image: 'a b' {IMAGE}"),
    ({"base_image": "$(id)"}, f"base_image: '$(id)' {IMAGE}"),
    ({"base_image": "a\nUSER root"}, f"base_image: 'a\\nUSER root' {IMAGE}"),
    ({"base_image": "--platform=x"}, f"base_image: '--platform=x' {IMAGE}"),
    ({"base_image": "a@sha256:12"}, f"base_image: 'a@sha256:12' {IMAGE}"),
    ({"dockerfile": "/Dockerfile"}, "dockerfile: has to be a path below the root, not '/Dockerfile'"),
    ({"context": "a"}, "context: is what the Dockerfile of 'dockerfile' copies from, and there is none"),
    (
        {"base_image": "a", "dockerfile": "b"},
        "base_image: stands beside 'dockerfile', whose own FROM says what it begins with",
    ),
    ({"skip_build": "yes"}, "skip_build: has to be true or false, not a string ('yes')"),
    ({"skip_build": True}, "skip_build: takes an image as it is, and none is named: write base-image or dockerfile"),
    *(
        (
            {**SKIPPED, key: value},
            f"skip_build: takes the image as it is, and '{key.replace('_', '-')}' would have to be put into it",
        )
        for key, value in {
            "apt_packages": ["git"],
            "lock": "a.txt",
            "requirements": ["a"],
            "groups": ["a"],
            "extras": ["a"],
            "required_integrations": ["a"],
            "project": True,
            "replicate_local": True,
            "files": {"a": "a"},
            "run": ["a"],
            "build_environment": {"A": "1"},
        }.items()
    ),
    (
        {"pull": "alway"},
        "pull: 'alway' is not known: it may be 'missing', 'never' or 'always' (did you mean 'always'?)",
    ),
    ({"platform": "amd64"}, "platform: 'amd64' is no platform, such as 'linux/amd64' or 'linux/arm64/v8'"),
    ({"apt_packages": "git"}, "apt_packages: has to be a list of strings, not a string ('git')"),
    *(
        (
            {"apt_packages": ["git", text]},
            f"apt_packages[1]: '{shown}' is not the name of a Debian package: NAME:ARCH=VERSION",
        )
        for text, shown in {
            "a;id": "a;id",
            "pkg $(id)": "pkg $(id)",
            "-o": "-o",
            "a\nb": "a\\nb",
            "git\n": "git\\n",
            "": "",
            "a/stable": "a/stable",
            "./a.deb": "./a.deb",
            "git=": "git=",
            "ünï": "ünï",
        }.items()
    ),
    ({"apt_packages": ["git-"]}, "apt_packages[0]: 'git-' would remove 'git': apt reads a '-' at the end so"),
    ({"apt_packages": ["git-=1"]}, "apt_packages[0]: 'git-=1' would remove 'git': apt reads a '-' at the end so"),
    ({"apt_snapshot": "2026-04-15"}, "apt_snapshot: '2026-04-15' is no time of a snapshot, such as '20260415T000000Z'"),
    (
        {"apt_snapshot": "20260230T000000Z"},
        "apt_snapshot: '20260230T000000Z' is no time of a snapshot, such as '20260415T000000Z'",
    ),
    ({"build_environment": {"A B": "1"}}, "build_environment: 'A B' is not the name of a variable, such as PGHOST"),
    ({"build_environment": {"-x": "1"}}, "build_environment: '-x' is not the name of a variable, such as PGHOST"),
    ({"build_environment": {"A": "\ud800"}}, "build_environment.A: is no Unicode text"),
    ({"build_environment": {"A": "\0"}}, "build_environment.A: has a NUL in it, which no variable can hold"),
    ({"run": "make"}, "run: has to be a list of commands, not a string ('make')"),
    ({"run": [3]}, "run[0]: has to be a command: a string or a list of words, not an integer (3)"),
    ({"run": ["a", " "]}, "run[1]: is an empty command"),
    ({"run": [[]]}, "run[0]: is an empty command"),
    ({"run": ["a 'b"]}, "run[0]: cannot be split into words: no closing quotation"),
    ({"run": ["a && b"]}, f"run[0]: '&&' means something to a shell alone, and none runs this: {COMMAND}"),
    ({"run": [["a", "\0"]]}, "run[0]: has a NUL in it, or what is no Unicode text, which no program can be given"),
    ({"user": 1000}, 'user: has to be a string with quotes, such as "1000", not an integer (1000)'),
    ({"user": "-u root"}, "user: '-u root' is no user: write NAME, NAME:GROUP or their numbers"),
    ({"user": "a\nRUN id"}, "user: 'a\\nRUN id' is no user: write NAME, NAME:GROUP or their numbers"),
    ({"workdir": "app"}, "workdir: has to be an absolute path in one line, such as '/app', not 'app'"),
    ({"workdir": "/a\nRUN id"}, "workdir: has to be an absolute path in one line, such as '/app', not '/a\\\\nRUN id'"),
    ({"network": "a b"}, "network: 'a b' is no network: 'none', 'bridge', 'host' or the name of one"),
    ({"network": "container:x"}, "network: 'container:x' is no network: 'none', 'bridge', 'host' or the name of one"),
    ({"limits": {"mem": 1}}, "limits.mem: unknown key (did you mean 'memory'?)"),
    (
        {"limits": {"memory": "5m"}},
        "limits.memory: has to be a size of 6m or more, such as '512m', not '5m'",
    ),
    (
        {"limits": {"memory": True}},
        "limits.memory: has to be a size of 6m or more, such as '512m', not a boolean (True)",
    ),
    ({"limits": {"cpus": 0}}, "limits.cpus: has to be a number above 0, such as 1.5, not an integer (0)"),
    ({"limits": {"cpus": float("inf")}}, "limits.cpus: has to be a number above 0, such as 1.5, not a float (inf)"),
    ({"limits": {"pids": 0}}, "limits.pids: has to be a whole number from 1 on, not 0"),
    ({"limits": {"pids": 1.5}}, "limits.pids: has to be a whole number from 1 on, not a float (1.5)"),
    ({"ca_bundle": "../a.pem"}, "ca_bundle: has to be a path below the root, not '../a.pem'"),
    (
        {"builder": "ftp://me:pw@host"},
        "builder: 'ftp://****@host' is no builder: 'engine', 'buildkit', the address of an engine such as 'ssh://me@host', or a name",
    ),
    ({"environment": {"A": "\ud800"}}, "environment: 'A' is no Unicode text, and no engine can be given it"),
    ({"installer_args": ["a\0"]}, "installer_args: 'a\\x00' has a NUL in it, or what is no Unicode text"),
    (
        {"project": "editable"},
        "project: 'editable' needs the source beside it, which a container has not: write \"wheel\"",
    ),
    *(({"files": {place: "a"}}, f"files: '{place}' {ENGINES_OWN}") for place in ("/dev/a", "/proc/a", "/etc/hosts")),
    ({"files": {"/a\0": "a"}}, "files: '/a\\x00' has to be a path within the environment, such as 'etc/tool.ini'"),
]


@pytest.mark.parametrize(("given", "fault"), REFUSED, ids=[repr(given) for given, _ in REFUSED])
def test_refused(given: dict[str, Any], fault: str) -> None:
    """Each fault, in full."""
    assert refusal(lambda: make(given)) == ["the settings of an environment cannot be followed:", f"  {fault}"]


def accepts(key: str, value: Any) -> bool:
    """Tell whether a value is taken; any error but one of ours goes through."""
    try:
        make({key: value})
    except SettingsError:
        return False
    return True


@given(some.text() | some.text("git=-:.+$;'\"\\\n\0 ab1"))
def test_no_text_gets_through(text: str) -> None:
    """What is accepted as a word of one of the engine's lines has no sign in it that the line could be broken by."""
    is_harmless = re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.:/@=+~*-]*", text) is not None

    for key in ("base_image", "user", "platform", "network"):
        assert is_harmless or not accepts(key, text)
    assert is_harmless or not accepts("apt_packages", [text])


BOTH = table(
    client={"python": "3.12", "environment": {"A": "1"}},
    execution={
        "kind": "container",
        "extends": "client",
        "base-image": "python:3.12",
        "apt-packages": ["git"],
        "run": ["a"],
        "files": {"/etc/a": "a", "etc/b": "b"},
        "build-environment": {"B": "1"},
        "limits": {"pids": 9},
    },
)


class TestKinds:
    """One declaration, and two kinds."""

    def test_a_container_extends_a_virtualenv(self) -> None:
        """What the virtualenv says holds in the container."""
        merged = merge([Layer(TEST, {}, "execution")], BOTH)

        assert (merged.kind, merged.python, merged.environment) == ("container", "3.12", {"A": "1"})
        execution, client = (f"environments.{name} in envrepro.toml" for name in ("execution", "client"))
        assert [tuple(re.split(" +# ", line)) for line in merged.explain().splitlines()] == [
            ('kind = "container"', execution),
            ('python = "3.12"', client),
            ('base-image = "python:3.12"', execution),
            ('apt-packages = ["git"]', execution),
            ('build-environment.B = "1"', execution),
            ('environment.A = "1"', client),
            ('files."/etc/a" = "a"', execution),
            ('files."etc/b" = "b"', execution),
            ('run = ["a"]', execution),
            ('limits.pids = "9"', execution),
        ]

    def test_layers(self) -> None:
        """Lists are replaced or appended to, mappings merged, also of containers."""
        values = {
            "extend-apt-packages": ["curl"],
            "extend_run": ["b c"],
            "limits": {"memory": "6m"},
            "build_environment": {"B": "2"},
        }
        merged = merge([Layer(TEST, values, "execution")], BOTH)

        assert merged.apt_packages == ("git", "curl")
        assert merged.run == (("a",), ("b", "c"))
        assert merged.limits == {"memory": 6 * 1024**2, "pids": 9}
        assert merged.build_environment == {"B": "2"}
        assert merged.origins["run[1]"] == merged.origins["limits.memory"] == TEST

    def test_taken_as_a_virtualenv(self) -> None:
        """What is for containers is ignored where the declaration speaks of them."""
        merged = merge([Layer(TEST, {"kind": "virtualenv"}, "execution")], BOTH)

        assert merged == Settings(
            name="execution", python="3.12", environment={"A": "1"}, files={"etc/b": "b"}, kind="virtualenv"
        )
        assert "apt-packages" not in merged.explain()
        assert merged.origins["files"] == "environments.execution in envrepro.toml"

    def test_both_in_one_layer(self) -> None:
        """A layer that says that it is a virtualenv may have no keys of containers."""
        values = {"kind": "virtualenv", "apt_packages": ["git"]}

        assert refusal(partial(merge, [Layer(TEST, values)], {}))[1:] == [
            f'  {TEST}: apt_packages: is for containers, and this is a virtualenv: write kind = "container", or leave it out'
        ]

    def test_keys_in_a_virtualenv(self) -> None:
        """All keys of containers are told, as they were written, and so are places that a virtualenv has not."""
        values = {"extend-run": ["a"], "base_image": "a", "files": {"/etc/a": "a"}}
        alone = 'is for containers, and this is a virtualenv: write kind = "container", or leave it out'

        assert refusal(partial(merge, [Layer(TEST, values)], {}))[1:] == [
            f"  {TEST}: base_image: {alone}",
            f"  {TEST}: extend-run: {alone}",
            f"  {TEST}: files: '/etc/a' has to be a path within the environment, such as 'etc/tool.ini'",
        ]
        assert refusal(lambda: Settings(apt_packages=["git"], skip_build=False))[1:] == [f"  apt_packages: {alone}"]

    def test_a_wrong_kind(self) -> None:
        """Where the kind is wrong, nothing is said of what would be for which."""
        assert refusal(lambda: Settings(kind="podman", base_image="a"))[1:] == [
            "  kind: 'podman' is not known: it may be 'virtualenv' or 'container'"
        ]

    def test_who_made_it_a_container(self) -> None:
        """A fault of the two together names both places."""
        said = refusal(partial(merge, [Layer("far", {"project": "editable"}), Layer(TEST, {"kind": "container"})], {}))

        assert said[1:] == [
            (
                "  far: project: 'editable' needs the source beside it, which a container has not: write \"wheel\" "
                f"(kind = 'container' is from {TEST})"
            )
        ]


def test_shown() -> None:
    """What is shown could stand in a table, and has no secret in it."""
    settings = make(
        {
            "build_environment": {"NPM_TOKEN": "t0p", "A": "1"},
            "run": [["sh", "-c", "a && b\n"], "git clone https://me:pw@host/x"],
            "limits": {"memory": "512m", "cpus": 1.5},
            "builder": "tcp://me:pw@host:1",
        }
    )

    assert [line.rpartition("  # ")[0].strip() for line in settings.explain().splitlines()] == [
        'kind = "container"',
        'build-environment.A = "1"',
        'build-environment.NPM_TOKEN = "****"',
        'run = ["sh -c \'a && b\\n\'", "git clone https://****@host/x"]',
        'limits.cpus = "1.5"',
        'limits.memory = "512m"',
        'builder = "tcp://****@host:1"',
    ]
    assert repr(settings) == (
        "Settings(kind='container', build_environment={'A': '1', 'NPM_TOKEN': '****'}, "
        "run=(\"sh -c 'a && b\\n'\", 'git clone https://****@host/x'), limits={'cpus': '1.5', 'memory': '512m'}, "
        "builder='tcp://****@host:1')"
    )


class TestPage:
    """`docs/containers.md` says what is there."""

    PAGE = (Path(__file__).parent.parent / "docs" / "containers.md").read_text(encoding="utf-8")
    SETTINGS = PAGE.partition("\n## Settings\n")[2].partition("\n## ")[0]

    def test_keys(self) -> None:
        """The table of keys has every key of containers, and no other; each example is accepted."""
        rows = re.findall(r"^\| `([a-z-]+)` \| [^|]* \| ([^|]*) \| ([^|]*) \|", self.SETTINGS, re.MULTILINE)

        assert {key for key, _, _ in rows} == OF_CONTAINERS
        for key, _, examples in rows:
            for example in re.findall(r"`([^`]*)`", examples):
                besides = 'dockerfile = "Dockerfile"' if key == "context" else ""
                tables = load_toml("a page", f'[environments.it]\nkind = "container"\n{besides}\n{key} = {example}\n')
                found = read_config(tables, file="envrepro.toml", prefix="", codes=()).environments
                assert merge([Layer("", {}, "it")], found).origins[key] == "environments.it in envrepro.toml"

    def test_defaults(self) -> None:
        """The defaults that the table has in quotes are those of the settings."""
        for key, default in re.findall(r"^\| `([a-z-]+)` \| string \| `\"(.*?)\"` \|", self.SETTINGS, re.MULTILINE):
            assert getattr(Settings(), key.replace("-", "_")) == default

    def test_how_layers_merge(self) -> None:
        """Each key is in the row of how it meets the one that it extends."""
        rows = re.findall(r"^\| (`[^|]*`) \| ([^|]*) \|$", self.SETTINGS, re.MULTILINE)
        told = {key: words for keys, words in rows for key in re.findall(r"`([a-z-]+)`", keys)}

        assert set(told) == OF_CONTAINERS
        for key, words in told.items():
            said = "".join(refusal(partial(merge, [Layer("", {f"extend-{key}": 3, "kind": "container"})], {})))
            wanted = "has to be a list" if "appended" in words else "is merged" if "merged" in words else "is no list"
            assert wanted in said

    def test_example(self) -> None:
        """The table that the page shows is accepted."""
        (shown,) = re.findall(r"^```toml\n(.*?)^```$", self.SETTINGS, re.MULTILINE | re.DOTALL)
        whole = load_toml("a page", shown)["tool"]["envrepro"]
        found = read_config(whole, file="pyproject.toml", prefix="tool.envrepro.", codes=()).environments

        assert merge([Layer("", {}, "execution")], found).lock == "requirements.txt"

    def test_dockerfile(self) -> None:
        """The Dockerfile that the page shows is the one that its settings come to."""
        section = self.PAGE.partition("\n## The image\n")[2].partition("\n## ")[0]
        (code,) = re.findall(r"^```python\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
        (shown,) = re.findall(r"^```text\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
        printed: list[str] = []
        exec(code, {"print": printed.append})  # noqa: S102  # The page's own example.

        assert printed == [shown]
