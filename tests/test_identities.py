"""What tells environments apart: each setting counts by its value, whatever is shown of it, and files by what they hold."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from pytest_envrepro import Settings, SettingsError
from pytest_envrepro.digests import Digests
from pytest_envrepro.identities import Copies, identity_of
from pytest_envrepro.plans import digest_of
from pytest_envrepro.settingkeys import KEYS

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.core

LOGIN = "https://me:{}@h/a.whl"
# Of each key, settings with two values of it; where a value may hold a secret, both are shown alike.
TWO: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "kind": ({"kind": "virtualenv"}, {"kind": "container"}),
    "python": ({"python": "3.11"}, {"python": "3.12"}),
    "lock": ({"lock": "one.txt"}, {"lock": "two.txt"}),
    "constraints": ({"constraints": [f"a @ {LOGIN.format(1)}"]}, {"constraints": [f"a @ {LOGIN.format(2)}"]}),
    "requirements": ({"requirements": [f"a @ {LOGIN.format(1)}"]}, {"requirements": [f"a @ {LOGIN.format(2)}"]}),
    "resolution": ({"installer": "uv", "resolution": "lowest"}, {"installer": "uv"}),
    "groups": ({"groups": ["one"]}, {"groups": ["two"]}),
    "extras": ({"extras": ["one"]}, {"extras": ["two"]}),
    "required-integrations": ({"required_integrations": ["one"]}, {"required_integrations": ["two"]}),
    "project": ({"project": "wheel"}, {"project": False}),
    "replicate-local": (
        {"replicate_local": ["tool", LOGIN.format(1)]},
        {"replicate_local": ["tool", LOGIN.format(2)]},
    ),
    "environment": ({"environment": {"API_TOKEN": "first"}}, {"environment": {"API_TOKEN": "second"}}),
    "installer": ({"installer": "pip"}, {"installer": "uv"}),
    "installer-args": (
        {"installer_args": [f"--index-url={LOGIN.format(1)}"]},
        {"installer_args": [f"--index-url={LOGIN.format(2)}"]},
    ),
    "files": ({"files": {"a": "one"}}, {"files": {"a": "two"}}),
    "compose": ({"compose": "one.yaml"}, {"compose": "two.yaml"}),
    "base-image": ({"base_image": "a:1"}, {"base_image": "a:2"}),
    "dockerfile": ({"dockerfile": "one"}, {"dockerfile": "two"}),
    "context": ({"dockerfile": "one", "context": "a"}, {"dockerfile": "one", "context": "b"}),
    "skip-build": ({"base_image": "a", "skip_build": True}, {"base_image": "a"}),
    "platform": ({"platform": "linux/amd64"}, {"platform": "linux/arm64"}),
    "apt-packages": ({"apt_packages": ["one"]}, {"apt_packages": ["two"]}),
    "apt-snapshot": ({"apt_snapshot": "20260415T000000Z"}, {"apt_snapshot": "20260416T000000Z"}),
    "build-environment": ({"build_environment": {"PASSWORD": "first"}}, {"build_environment": {"PASSWORD": "second"}}),
    "run": ({"run": [f"curl {LOGIN.format(1)}"]}, {"run": [f"curl {LOGIN.format(2)}"]}),
    "user": ({"user": "one"}, {"user": "two"}),
    "workdir": ({"workdir": "/one"}, {"workdir": "/two"}),
    "network": ({"network": "one"}, {"network": "two"}),
    "limits": ({"limits": {"pids": 100}}, {"limits": {"pids": 101}}),
    "ca-bundle": ({"ca_bundle": "host"}, {"ca_bundle": "none"}),
}
HIDDEN = {"constraints", "requirements", "replicate-local", "environment", "installer-args", "build-environment", "run"}
# They decide how an environment is made, and not which.
HOW: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "pull": ({"pull": "never"}, {"pull": "always"}),
    "builder": ({"builder": "engine"}, {"builder": "buildkit"}),
}


def both(two: tuple[dict[str, Any], dict[str, Any]]) -> tuple[Settings, Settings]:
    """Make the settings of both."""
    one, other = (Settings(**{"kind": "container", **each}) for each in two)
    return one, other


def test_each_key_is_here() -> None:
    """A new key says whether it counts."""
    assert {*TWO, *HOW} == {*KEYS}


@pytest.mark.parametrize("key", TWO)
def test_each_value_counts(key: str) -> None:
    """Two values are two environments, also where what is shown of them is the same."""
    one, other = both(TWO[key])

    assert (repr(one) == repr(other)) is (key in HIDDEN)
    assert identity_of(one) != identity_of(other)


def test_what_does_not_count() -> None:
    """How it is made, what it is called, and in which order variables are written."""
    for two in HOW.values():
        one, other = both(two)
        assert identity_of(one) == identity_of(other)
    named = Settings(kind="container", name="a", environment={"A": "1", "B": "2"})
    assert identity_of(named) == identity_of(Settings(kind="container", environment={"B": "2", "A": "1"}))


def test_mappings_in_digests() -> None:
    """Of a mapping that is no dictionary the values count too."""
    one, other = (Settings(environment={"A": value}).environment for value in "12")

    assert type(one) is not dict
    assert digest_of([one]) != digest_of([other])
    assert digest_of([one]) == digest_of([{"A": "1"}])


def test_digests_of_what_changes(tmp_path: Path) -> None:
    """A file that was rewritten a moment later, as long as before, is another one; one that was not is not read again."""
    file = tmp_path / "file"
    digests = Digests()
    found = []
    for text in "ab":
        file.write_text(text)
        os.utime(file, ns=(1, 1))
        found.append(digests.of(file))

    assert len({*found}) == 2
    assert digests.of(file) == found[1]


def test_copies(tmp_path: Path) -> None:
    """Content, mode and where a link leads count; what has gone is told."""
    file, link = tmp_path / "file", tmp_path / "link"
    file.write_text("1")
    link.symlink_to("file")
    copies = Copies()

    def found() -> str:
        return digest_of(copies.of({"file": file, "link": link}, "dockerfile"))

    seen = [found()]
    file.write_text("2")
    seen.append(found())
    file.chmod(0o755)
    seen.append(found())
    link.unlink()
    link.symlink_to("nowhere")
    seen.append(found())
    assert len({*seen}) == 4
    assert found() == seen[-1]
    file.unlink()
    with pytest.raises(SettingsError, match=f"^dockerfile: {file} cannot be read: No such file or directory$"):
        found()
