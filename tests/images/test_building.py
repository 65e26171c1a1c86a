"""Real images of what is generated: hostile values arrive as they are, with the classic builder and with BuildKit."""

from __future__ import annotations

import json
import re
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from pytest_envrepro import Settings
from pytest_envrepro.enginevalues import Order
from pytest_envrepro.images import (
    BUNDLE,
    FILES,
    INSTALLING,
    WHEELS,
    Entry,
    Facts,
    Installation,
    apt_command,
    apt_words,
    archive,
    entry,
    packed,
    system,
    whole,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_envrepro.engine import Container, Engine

    Build = Callable[..., str]

pytestmark = pytest.mark.requires_integration("docker-engine")

HOSTILE = {
    "SPACES": "  a  b ",
    "QUOTES": 'it\'s "said"',
    "DOLLARS": "$HOME ${PATH:-x} $$ $(touch /pwned) `touch /pwned`",
    "BACKSLASHES": "a\\b\\\\c\\n\\",
    "SIGNS": "; & | < > * ? [a] {b,c} # ! % ~ ^ = , <<EOF",
    "DASHES": "--env=x",
    "UNICODE": "ünï \u2028 \U0001f600 e\u0301",
    "TAB": "a\tb",
    "EMPTY": "",
    "LINES": "a\nRUN touch /pwned\n\n#b\\\nc\r\n",
    "LONG": 70_000 * "x",
}
PLACE = 'it\'s "$HOME" \\n *?[x] ünï\n.txt'
# A command that leaves its words and variables in a file.
TELL = "import json, os, sys; json.dump([sys.argv[1:], dict(os.environ), os.getcwd()], open('/told.json', 'w'))"
SEEN = "import json, os; print(json.dumps([dict(os.environ), os.getcwd(), os.getuid()]))"


@pytest.fixture
def build(engine: Engine, docker_api: Any) -> Iterator[Build]:
    """Give a way to build a Dockerfile; what comes of it goes after the test, with the containers of it."""
    made: list[str] = []
    before = {each["Id"] for each in docker_api.images(all=True)}

    def build(text: str, *entries: Entry, version: str = "1") -> str:
        reference = f"envrepro-tests/{uuid.uuid4().hex}:1"
        params = {"t": reference, "version": version, "rm": "1", "forcerm": "1", "networkmode": "none"}
        said = [*engine.build(params, b"".join(archive([entry("Dockerfile", text.encode()), *entries])))]
        made.extend(re.findall(r" ---> ([0-9a-f]{12})\\n", str(said)))
        made.append(reference)
        assert engine.image(reference), said[-3:]
        return reference

    yield build
    engine.close()
    for reference in reversed(made):  # What was built on another one goes before that.
        found = engine.image(reference)
        if found is not None and ("/" in reference or found.id not in before):
            engine.remove_image(reference)


@pytest.fixture
def start(engine: Engine, build: Build) -> Callable[..., Container]:  # noqa: ARG001  # Containers end before images.
    """Give a way to start a container, which ends with the test."""

    def start(image: str, **given: Any) -> Container:
        return engine.start(Order(image=image, title="images", network="none", **given))

    return start


@pytest.mark.parametrize("version", ["1", "2"], ids=["classic", "buildkit"])
def test_hostile_values(
    build: Build, start: Callable[..., Container], engine: Engine, base_image: str, version: str
) -> None:
    """Variables, words of commands, places of files and folders arrive as they are, and nothing of them is run."""
    settings = Settings(
        kind="container",
        environment={**HOSTILE, 'NAME"': "odd"},
        build_environment={name: value for name, value in HOSTILE.items() if name != "LONG"},
        files={f"/etc/{PLACE}": "a", f"deep/{PLACE}": "b", "/bin/tool": "c"},
        run=[["python3", "-c", TELL, *(value for name, value in HOSTILE.items() if name != "LONG")]],
        workdir="/a  b/$HOME'\"\\ü*[x] ",
        user="1234:1234",
    )
    recipe = whole(settings, Facts(base=base_image, python=None, key="k\"$'", created_by="1.0"))
    files = [entry(f"/etc/{PLACE}", b"1"), entry(f"deep/{PLACE}", b"2"), entry("/bin/tool", b"#!", executable=True)]

    image = build(recipe.text, packed(FILES, files, below="/opt/environment"), version=version)
    box = start(image, environment=recipe.at_run_time)

    variables, folder, user = json.loads(box.run(["python3", "-c", SEEN]).stdout)
    assert {name: variables.get(name) for name in HOSTILE} == HOSTILE
    assert variables['NAME"'] == "odd"
    assert (folder, user) == (settings.workdir, 1234)
    words, building, where = json.loads(box.read("/told.json"))
    assert words == [value for name, value in HOSTILE.items() if name != "LONG"]
    assert {name: building.get(name) for name in settings.build_environment} == settings.build_environment
    assert where == settings.workdir
    assert box.read(f"/etc/{PLACE}") == b"1"
    assert box.read(f"/opt/environment/deep/{PLACE}") == b"2"
    stats = "import os; print(*(oct(os.stat(each).st_mode) for each in ('/usr/bin/tool', '/bin/.', '/etc', '.')), os.stat('.').st_uid)"
    assert box.run(["python3", "-c", stats]).stdout.split() == [
        b"0o100755",
        b"0o40755",
        b"0o40755",
        b"0o40755",
        b"1234",
    ]
    assert box.run(["ls", "/pwned"]).returncode != 0
    found = engine.image(image)
    assert found is not None
    assert found.labels["io.envrepro.key"] == "k\"$'"


def wheel(name: str) -> bytes:
    """Make a wheel that has a module."""
    import io  # noqa: PLC0415  # As the next.
    import zipfile  # noqa: PLC0415

    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archived:
        archived.writestr(f"{name}.py", "VALUE = 1\n")
        archived.writestr(f"{name}-1.dist-info/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n")
        archived.writestr(f"{name}-1.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archived.writestr(f"{name}-1.dist-info/RECORD", "")
    return data.getvalue()


def test_stages(build: Build, start: Callable[..., Container], base_image: str) -> None:
    """The image has the virtualenv, first on its path, and nothing of what built it: no certificate, wheel or variable."""
    settings = Settings(
        kind="container",
        project=True,
        ca_bundle="host",
        build_environment={"BUILDING": "1"},
        run=[["python", "-c", "import lib, own, os; assert os.path.isfile(os.environ['SSL_CERT_FILE'])"]],
    )
    unpack = ("python3", "-m", "zipfile", "-e")
    site = "/opt/environment/lib/python3.11/site-packages"
    # In the place of pip, which these two wheels need as little as an index.
    installation = Installation(
        (
            "python3",
            "-c",
            f"import subprocess, sys; subprocess.check_call(['python3', '-m', 'zipfile', '-e', sys.argv[-1], '{site}'])",
        ),
        ((*unpack, "/envrepro/lib-1-py3-none-any.whl", site),),
        {"PIP_CONFIG_FILE": "/envrepro/pip.conf"},
        ("TOKEN", "HTTPS_PROXY"),
    )
    own = "own-1-py3-none-any.whl"
    recipe = whole(settings, Facts(base=base_image, installation=installation, project=own, bundle=True))
    entries = [
        entry(f"{INSTALLING}/lib-1-py3-none-any.whl", wheel("lib")),
        entry(f"{INSTALLING}/pip.conf", b"[global]\n"),
        entry(f"{WHEELS}/{own}", wheel("own")),
        entry(BUNDLE, b"-----BEGIN CERTIFICATE-----\n"),
    ]

    box = start(build(recipe.text, *entries))

    code = "import json, lib, os, own, sys; print(json.dumps([sys.prefix, os.listdir('/'), dict(os.environ)]))"
    prefix, top, variables = json.loads(box.run(["python", "-c", code]).stdout)
    assert prefix == "/opt/environment"
    assert "envrepro" not in top
    assert not {"BUILDING", "PIP_CONFIG_FILE", "SSL_CERT_FILE", "TOKEN", "PIP_NO_INPUT"} & {*variables}
    assert (variables["LANG"], variables["TZ"]) == ("C.UTF-8", "UTC")


REPOSITORY = r"""
set -eu
mkdir -p /repository && cd /repository
: > Packages
for each in envrepro-one=1 envrepro-one=2 envrepro-two.x=1; do
    name=${each%%=*} version=${each##*=}
    mkdir -p "$name-$version/DEBIAN"
    printf 'Package: %s\nVersion: %s\nArchitecture: all\nMaintainer: nobody <a@example.org>\nDescription: x\n' \
        "$name" "$version" > "$name-$version/DEBIAN/control"
    dpkg-deb --build "$name-$version" "$name-$version.deb" >/dev/null
    { cat "$name-$version/DEBIAN/control"; echo "Filename: ./$name-$version.deb"
      echo "Size: $(stat -c %s "$name-$version.deb")"; echo "SHA256: $(sha256sum "$name-$version.deb" | cut -d' ' -f1)"; echo
    } >> Packages
done
rm -f /etc/apt/sources.list /etc/apt/sources.list.d/*
echo 'deb [trusted=yes] file:/repository ./' > /etc/apt/sources.list
"""


class TestApt:
    """Debian packages, from a repository in the image."""

    @pytest.fixture
    def repository(self, build: Build, base_image: str) -> str:
        """Give a base whose mirror is a folder in it."""
        return build(f"FROM {base_image}\nRUN {json.dumps(['/bin/sh', '-c', REPOSITORY])}\n")

    def test_installed(self, build: Build, start: Callable[..., Container], repository: str) -> None:
        """Packages are there in the versions that were asked for, and nothing of apt's lists and logs."""
        settings = Settings(kind="container", apt_packages=["envrepro-two.x", "envrepro-one:all=1"])
        recipe = system(settings, Facts(base=repository, apt_packages=apt_words(settings.apt_packages), bundle=True))
        assert recipe is not None

        box = start(build(recipe.text, entry(BUNDLE, b"x")))

        query = ["dpkg-query", "-W", "-f", "${Package}=${Version} ", "envrepro-*"]
        assert box.run(query).stdout == b"envrepro-one=1 envrepro-two.x=1 "
        left = ["sh", "-c", "ls -d /var/lib/apt/lists/* /var/log/apt /tmp/* /var/cache/apt/*.bin /envrepro || true"]
        assert box.run(left).stdout == b""

    def test_unknown(self, engine: Engine, repository: str) -> None:
        """A name that apt would take for a pattern of others is looked up as it is."""
        settings = Settings(kind="container", apt_packages=["envrepro-t.o"])
        recipe = system(settings, Facts(base=repository, apt_packages=settings.apt_packages))
        assert recipe is not None

        context = b"".join(archive([entry("Dockerfile", recipe.text.encode())]))
        said = "".join(str(each) for each in engine.build({"rm": "1", "forcerm": "1", "networkmode": "none"}, context))
        assert "Unable to locate package envrepro-t.o" in said

    @pytest.mark.parametrize(
        ("release", "listed"),
        [
            (
                "ID=debian\nVERSION_CODENAME=bookworm",
                [
                    "http://snapshot.debian.org/archive/debian/20260415T000000Z/ bookworm main",
                    "http://snapshot.debian.org/archive/debian/20260415T000000Z/ bookworm-updates main",
                    "http://snapshot.debian.org/archive/debian-security/20260415T000000Z/ bookworm-security main",
                ],
            ),
            (
                "ID=ubuntu\nVERSION_CODENAME=noble",
                [
                    f"http://snapshot.ubuntu.com/ubuntu/20260415T000000Z/ noble{suite} main universe"
                    for suite in ("", "-updates", "-security")
                ],
            ),
        ],
        ids=["debian", "ubuntu"],
    )
    def test_snapshot(self, box: Container, release: str, listed: list[str]) -> None:
        """There, apt is given the snapshot's sources alone, and the image keeps its own."""
        box.write("/etc/os-release", release.encode())
        shown = b"#!/bin/sh\ncase $1 in update) cat $APT_CONFIG; cat $(sed -n 's/.*SourceList \"\\(.*\\)\";/\\1/p' $APT_CONFIG);; esac\n"
        box.write("/usr/local/bin/apt-get", shown, mode=0o755)

        done = box.run(apt_command(["git"], "20260415T000000Z"), environ={"SSL_CERT_FILE": "/ca.pem"})

        said = done.stdout.decode()
        assert [line for line in said.splitlines() if line.startswith("deb ")] == [
            f"deb [check-valid-until=no] {each}" for each in listed
        ]
        assert 'Dir::Etc::SourceParts "/dev/null";' in said
        assert 'Acquire::https::CaInfo "/ca.pem";' in said

    def test_no_snapshots(self, box: Container) -> None:
        """Another system is told that it has none, and one without apt that it needs it."""
        box.write("/etc/os-release", b"ID=alpine\n")
        assert b"there are no snapshots of 'alpine'" in box.run(apt_command(["git"], "20260415T000000Z")).stderr

        done = box.run(apt_command(["git"], None), environ={"PATH": "/nowhere"})
        assert b"this image has no apt-get" in done.stderr


def test_same_context_for_everybody(build: Build, engine: Engine, base_image: str) -> None:
    """The same files come to the same image from the engine's cache, whoever gives them and in whichever order."""
    text = f'FROM {base_image}\nCOPY ["a/", "/a/"]\n'
    one = build(text, entry("a/x", b"1"), entry("a/y", b"2"))
    other = build(text, entry("a/y", b"2"), Entry("a/x", 1, lambda: iter([b"1"])))

    first, second = engine.image(one), engine.image(other)
    assert first is not None
    assert second is not None
    assert first.id == second.id
