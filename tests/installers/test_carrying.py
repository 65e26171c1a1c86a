"""The user's configuration of pip and uv on its way into a container: what goes along, as what, and what is secret."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from making import wheel
from workbench import python_of

from pytest_envrepro.errors import BuildError
from pytest_envrepro.installers.carrying import Carried, carry
from pytest_envrepro.installers.effective import written
from pytest_envrepro.installers.inside import resolve_inside
from pytest_envrepro.installers.needs import Needs, needs_of
from pytest_envrepro.installers.pinning import Asked, Pinned, Resolved, Sources
from pytest_envrepro.installers.taking import digest_of, inside
from pytest_envrepro.provenance import Option

pytestmark = [pytest.mark.core, pytest.mark.skipif(not hasattr(Path, "is_mount"), reason="is written for POSIX")]

NOTHING: Any = None  # A container that must not be asked.


class Machine:
    """A user's home, with settings."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.environ = {"HOME": str(path / "home"), "PATH": "/usr/bin", "XDG_CONFIG_DIRS": str(path / "machine")}
        self.environ["PIP_CONFIG_FILE"] = "/dev/null"  # Not that of the machine that these tests run on.
        (path / "home").mkdir()

    def write(self, name: str, text: str) -> Path:
        """Write a file below the home."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def carried(self, **options: Any) -> Carried:
        """Give what goes along."""
        folder = self.path / f"folder{len(list(self.path.iterdir()))}"
        folder.mkdir()
        return carry(self.environ, python_of(), folder, **options)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """Give an empty home."""
    return Machine(tmp_path)


def needs(carried: Carried, *pins: Pinned, sources: Sources | None = None) -> Needs:
    """Say what it takes to install pins."""
    resolved = Resolved(pins, "", "pip", False, (), True)
    return needs_of(resolved, carried, sources or Sources(), python="/opt/environment/bin/python")


def test_options_of_files(machine: Machine) -> None:
    """What files say is said to pip by its settings, and to uv in its own words; a folder is where it stands there.

    A place with credentials is named to uv by a variable: they come onto no command line.
    """
    wheels = machine.path / "the wheels"
    wheels.mkdir()
    machine.environ["PIP_EXTRA_INDEX_URL"] = "https://further.example/simple"
    options = [
        Option("--index-url", "https://bob:s3cretpw@private.example/simple", "", "reqs.in", 1),
        Option("--find-links", wheels.as_uri(), "", "reqs.in", 2),
        Option("--only-binary", "a,b", "", "reqs.in", 3),
        Option("--pre", "", "", "reqs.in", 4),
    ]

    found = machine.carried(options=options, tool="uv")

    assert found.pip == {
        "index-url": "https://bob:s3cretpw@private.example/simple",
        "extra-index-url": "https://further.example/simple",
        "find-links": Path(inside(wheels)).as_uri(),
        "only-binary": "a,b",
        "pre": "true",
    }
    assert found.arguments_of_build["UV_DEFAULT_INDEX"] == "https://bob:s3cretpw@private.example/simple"
    assert found.uv == (
        *("--find-links", Path(inside(wheels)).as_uri()),
        *("--only-binary", "a", "--only-binary", "b", "--prerelease", "allow"),
    )
    assert found.arguments == ()
    assert found.places == (wheels,)
    assert any("s3cretpw" in secret for secret in found.secrets)
    assert machine.carried(options=options).uv == ()


def test_options_beside_variables(machine: Machine) -> None:
    """Where a variable of uv names places too, files add theirs to it: no credentials come onto a command line for it."""
    index = machine.path / "index"
    index.mkdir()
    machine.environ["UV_EXTRA_INDEX_URL"] = "https://bob:s3cretpw@private.example/simple"
    options = [Option("--extra-index-url", index.as_uri(), "", "reqs.in", 1)]

    found = machine.carried(options=options, tool="uv")

    assert found.uv == ()
    places = [Path(inside(index)).as_uri(), "https://bob:s3cretpw@private.example/simple"]
    assert found.arguments_of_build["UV_EXTRA_INDEX_URL"] == " ".join(places)
    assert "UV_EXTRA_INDEX_URL" not in found.variables
    assert any("s3cretpw" in secret for secret in found.secrets)


def pin(name: str, *hashes: str, version: str = "1.0") -> Pinned:
    """Give a pin."""
    return Pinned(name, version, None, hashes, f"{name}=={version}", ("requirements.in:1",))


def test_files_and_variables_in_their_order(machine: Machine) -> None:
    """The machine's, the user's, the section of the command, the variables; nothing that says where, or for whom."""
    machine.write(
        "machine/pip/pip.conf", "[global]\ntimeout = 1\nindex-url = https://machine/simple\ntarget = /elsewhere\n"
    )
    machine.write(
        "home/.config/pip/pip.conf",
        "[global]\nindex-url = https://user/simple\nretries = 1\n[install]\nretries = 2\nuser = yes\n",
    )
    del machine.environ["PIP_CONFIG_FILE"]
    machine.environ |= {
        "PIP_ONLY_BINARY": ":all:",
        "PIP_PREFIX": "/elsewhere",
        "PIP_CACHE_DIR": "/c",
        "PIP_PYTHON": "x",
    }

    carried = machine.carried()

    expected = {"timeout": "1", "index-url": "https://user/simple", "retries": "2", "only-binary": ":all:"}
    assert expected.items() <= carried.pip.items()
    assert not {"target", "user", "prefix", "cache-dir", "python"} & carried.pip.keys()


def test_places(machine: Machine) -> None:
    """Folders of packages stand elsewhere, as do indexes of files with what they link to; URLs stay."""
    links = wheel(machine.path / "my links", "a", "1.0").parent
    index = machine.write("index/simple/b/index.html", '<a href="../../files/b-1.0.tar.gz#sha256=0">b</a>').parents[1]
    machine.write("index/files/b-1.0.tar.gz", "")
    machine.environ["PIP_FIND_LINKS"] = f"{links.as_uri()} https://host/links"
    machine.environ["PIP_EXTRA_INDEX_URL"] = f"{index.as_uri()}"
    machine.environ["UV_FIND_LINKS"] = f"{links},https://host/links"

    carried = machine.carried(arguments=("-f", str(links), "--index-url=https://host/simple", "--pre"))

    there = Path(inside(links)).as_uri()
    assert carried.pip["find-links"].split() == [there, "https://host/links"]
    assert carried.pip["extra-index-url"] == Path(inside(index)).as_uri()
    assert carried.arguments == ("-f", inside(links), "--index-url=https://host/simple", "--pre")
    assert carried.places == (machine.path / "index/files", index, links)
    assert carried.arguments_of_build["UV_FIND_LINKS"] == f"{inside(links)},https://host/links"


def test_certificates(machine: Machine) -> None:
    """Those that pip is told of and those of the setting are trusted together; a client's own key is secret."""
    machine.environ["PIP_CERT"] = str(machine.write("ca.pem", "ONE"))
    machine.environ["PIP_CLIENT_CERT"] = str(machine.write("client.pem", "KEY OF MINE"))

    carried = machine.carried(ca_bundle=b"TWO")

    assert carried.files == {"ca.pem": b"ONE\nTWO", "client.pem": b"KEY OF MINE"}
    assert carried.variables["SSL_CERT_FILE"] == carried.variables["PIP_CERT"] == "/envrepro/ca.pem"
    assert carried.pip == {"client-cert": "/envrepro/client.pem"}
    assert "KEY OF MINE" in carried.secrets


def test_secrets(machine: Machine) -> None:
    """Users and passwords of URLs, as written and as meant, tokens, and the netrc's for the hosts that are asked alone."""
    machine.write(
        "home/.netrc", "machine host login me password netrc-word\nmachine other login me password not-this\n"
    )
    machine.environ["PIP_INDEX_URL"] = "https://me:p%40ss@host/simple"
    machine.environ |= {"HTTPS_PROXY": "http://user:proxied@proxy:3128", "TOKEN": "tok-123", "UNRELATED": "x"}

    carried = machine.carried(texts=("x @ https://${TOKEN}@git/x.whl", "y @ https://z/y.whl?token=in-query"))

    assert {"me:p%40ss", "p%40ss", "p@ss", "netrc-word", "proxied", "tok-123", "in-query"} <= set(carried.secrets)
    assert carried.files["netrc"] == b"machine host login me password netrc-word\n"
    assert dict(carried.arguments_of_build) == {"HTTPS_PROXY": "http://user:proxied@proxy:3128", "TOKEN": "tok-123"}
    shown = repr(carried.variables) + repr(needs(carried, pin("a", "sha256:0")).commands)
    assert not [secret for secret in carried.secrets if secret in shown]


def test_uv_settings(machine: Machine) -> None:
    """The user's file goes along, the places of the container in it; what leads elsewhere does not."""
    links = wheel(machine.path / "links", "a", "1.0").parent
    machine.write("home/.config/uv/uv.toml", f'find-links = ["{links}"]\n[[index]]\nurl = "https://host/simple"\n')
    machine.environ |= {"UV_CACHE_DIR": "/c", "UV_PYTHON": "3.8", "UV_PRERELEASE": "allow", "UV_TARGET": "/x"}

    carried = machine.carried()

    assert carried.files["config/uv/uv.toml"].decode().splitlines()[0] == f'find-links = ["{inside(links)}"]'
    assert carried.variables == {"UV_PRERELEASE": "allow"}


def test_needs(machine: Machine) -> None:
    """Of the folders only the files that are meant go along; a pin without a hash is installed in a step of its own."""
    kept = wheel(machine.path / "links", "a-b", "1.0")
    wheel(kept.parent, "a-b", "2.0")
    machine.environ |= {"PIP_FIND_LINKS": str(kept.parent), "PIP_CONSTRAINT": str(machine.write("c.txt", "a-b<2"))}

    found = needs(machine.carried(), pin("a-b", f"sha256:{digest_of(kept)}"), pin("c"))

    assert found.files["wheels/a_b-1.0-py3-none-any.whl"] == kept
    names = {name for name in found.files if name.endswith((".whl", ".txt")) and not name.startswith("pip-")}
    assert names == {"hashed.txt", "unhashed.txt", "wheels/a_b-1.0-py3-none-any.whl"}
    assert found.keyed == {"hashed.txt", "unhashed.txt"}
    first, second = found.commands
    assert first[:2] == ("/opt/environment/bin/python", "-I")
    assert first[-3:] == ("--require-hashes", "-r", "/envrepro/hashed.txt")
    assert second[-3:] == ("--no-warn-script-location", "-r", "/envrepro/unhashed.txt")
    conf = found.files["pip.conf"]
    assert isinstance(conf, bytes)
    assert "find-links = /envrepro/wheels" in conf.decode().splitlines()
    assert "constraint" not in conf.decode()


def test_an_index_that_stays_behind(machine: Machine) -> None:
    """Where the only index is a folder of this machine, a build looks nowhere else in its place."""
    machine.environ["PIP_INDEX_URL"] = machine.write("simple/x/index.html", "").parents[1].as_uri()
    conf = needs(machine.carried(), pin("a", "sha256:0")).files["pip.conf"]
    machine.environ["PIP_EXTRA_INDEX_URL"] = "https://one/simple https://two/simple"
    other = needs(machine.carried(), pin("a", "sha256:0")).files["pip.conf"]

    assert isinstance(conf, bytes)
    assert isinstance(other, bytes)
    assert "no-index = true" in conf.decode().splitlines()
    assert {"index-url = https://one/simple", "extra-index-url = https://two/simple"} <= set(
        other.decode().splitlines()
    )
    assert b"no-index" not in other


def test_nothing_to_install(machine: Machine) -> None:
    """Then nothing is needed, and nothing is secret."""
    machine.environ["PIP_INDEX_URL"] = "https://me:word@host/simple"

    found = needs(machine.carried())

    assert (found.files, found.keyed, found.variables, found.arguments, found.commands, found.secrets) == (
        *({}, frozenset(), {}, {}, (), ()),
    )


def test_what_another_step_installs(machine: Machine) -> None:
    """This project is left out, and pip is there for it all the same; a credential in a pin is a secret too."""
    carried = machine.carried()
    private = Pinned("b", None, "https://me:word22@h/b.whl", ("sha256:0",), "b @ https://me:word22@h/b.whl")

    found = needs_of(Resolved((pin("own"),), "", "", False, (), False), carried, Sources(), python="py", left={"own"})
    other = needs(carried, private)

    assert found.commands == ()
    assert found.pip == carried.pip_words("py")
    assert set(found.files) == {"pip.conf", *([carried.wheel.name] if carried.wheel is not None else [])}
    assert other.secrets == ("me:word22", "word22")


def test_a_lock_needs_no_container(machine: Machine) -> None:
    """It is taken as it is, for the target's markers; an archive of this machine stands at a place that tells its content."""
    own = wheel(machine.path / "my dist", "own", "1.0")
    texts = (f"a==1 --hash=sha256:{'0' * 64}", "b==1 ; sys_platform == 'win32'", f"own @ {own.as_uri()}")
    sources = Sources(lock=tuple(Asked(text, "requirements.txt:1") for text in texts))

    resolved = resolve_inside(sources, python_of(), NOTHING, machine.carried())

    place = f"local/{digest_of(own)[:16]}/{own.name}"
    assert [each.line for each in resolved.pins] == ["a==1", f"own @ file:///envrepro/{place}"]
    assert resolved.pins[1].hashes == (f"sha256:{digest_of(own)}",)
    assert needs(machine.carried(), *resolved.pins, sources=sources).files[place] == own


@pytest.mark.parametrize("asked", ["-e {0}", "own @ {0}/nothing.whl"])
def test_what_cannot_go_along(asked: str, machine: Machine) -> None:
    """What is editable, or is not there, is refused with who asks for it."""
    text = asked.format(machine.path.as_uri())

    with pytest.raises(BuildError, match=r"editable, which a container cannot be|nothing\.whl"):
        resolve_inside(Sources((Asked(text, "requirements.in:1"),)), python_of(), NOTHING, machine.carried())


def test_hostile_words() -> None:
    """A value of several lines stays one value, and starts no section of its own."""
    text = written({"find-links": "/a b\n[global]\n/c", "index-url": "https://h/$HOME/`x`"})

    assert (
        text.splitlines()[-4:] == ["    [global]", "    /c", "index-url = https://h/$HOME/`x`"]
        or "\n    [global]\n    /c\n" in text
    )
