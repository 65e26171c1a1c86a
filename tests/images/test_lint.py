"""What will rot: each kind, its setting, and what to write; and certificates."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from test_settings import refusal

from pytest_envrepro import Settings
from pytest_envrepro.builders import foreign_images, read_lines
from pytest_envrepro.images import Known, candidates, chosen, rotting
from pytest_envrepro.settings import Layer, merge

pytestmark = pytest.mark.core

SOUND: dict[str, Any] = {
    "python": "3.12",
    "base_image": f"python:3.12-slim@sha256:{64 * 'a'}",
    "apt_packages": ["git", "jq=1"],
    "apt_snapshot": "20260415T000000Z",
    "lock": "requirements.txt",
    "run": ["python -m app init", ["sh", "-c", "echo $HOME > /x"], "git config a b", "uv pip check"],
}


def found(known: Known | None = None, **changed: Any) -> list[tuple[str, str]]:
    """Give the codes and the settings of what rots."""
    settings = Settings(kind="container", **{**SOUND, **changed})
    return [(rot.code, rot.setting) for rot in rotting(settings, known or Known())]


def test_sound() -> None:
    """What is pinned to the end does not rot, and a virtualenv is not looked at."""
    assert found() == []
    assert rotting(Settings(requirements=["a"]), Known()) == ()


ROTTING: list[tuple[dict[str, Any], list[tuple[str, str]]]] = [
    ({"base_image": "python:3.12"}, [("floating-base", "base-image")]),
    ({"base_image": "host:5000/python"}, [("floating-base", "base-image")]),
    ({"base_image": None}, [("floating-base", "base-image")]),
    ({"base_image": None, "python": None}, [("floating-base", "base-image"), ("python-of-pytest", "python")]),
    ({"base_image": f"sha256:{64 * 'a'}"}, [("local-base", "base-image")]),
    ({"pull": "always"}, [("always-pulled", "pull")]),
    ({"apt_snapshot": None}, [("unpinned-apt", "apt-packages"), ("vanishing-apt", "apt-packages")]),
    ({"apt_snapshot": None, "apt_packages": ["aa:b=1.*"]}, [("unpinned-apt", "apt-packages")]),
    ({"lock": None, "requirements": ["aa", "bb>=1", "cc==1.*"]}, [("unpinned", "requirements")]),
    ({"lock": None, "requirements": ["aa==1", "bb"]}, [("no-hashes", "requirements"), ("unpinned", "requirements")]),
    (
        {"lock": None, "requirements": "requirements.in", "groups": ["test"]},
        [("unpinned", "groups"), ("unpinned", "requirements")],
    ),
    ({"requirements": ["a @ git+https://h/a@main"]}, [("moving-commit", "requirements")]),
    ({"requirements": [f"a @ git+https://h/a@{40 * 'a'}"]}, []),
    ({"requirements": ["a @ file:///a"]}, [("local-path", "requirements")]),
    ({"replicate_local": True}, [("replicated", "replicate-local")]),
    ({"ca_bundle": "/etc/a.pem"}, [("local-path", "ca-bundle")]),
    ({"ca_bundle": "certs/a.pem"}, []),
    *(
        ({"run": ["true", command]}, [("fetching", "run[1]")])
        for command in (
            "curl https://h",
            "/usr/bin/wget x",
            "git -q clone x",
            "pip install a",
            "python -m pip install a",
            "uv pip install a",
            "apt-get -y install a",
            ["sh", "-c", "cd /x && (curl -O y)"],
            ["/bin/bash", "-c", "apt-get update;apt-get install -y a"],
        )
    ),
    ({"run": ["echo $HOME"]}, [("not-expanded", "run[0]")]),
    ({"run": [["echo", "`id`"]]}, [("not-expanded", "run[0]")]),
    ({"run": ["echo curl", "echo 5$"]}, []),
]


@pytest.mark.parametrize(("changed", "told"), ROTTING, ids=[str(changed) for changed, _ in ROTTING])
def test_rotting(changed: dict[str, Any], told: list[tuple[str, str]]) -> None:
    """Each kind, where it is."""
    assert found(**changed) == told


DOCKERFILE = """
ARG V=1
FROM --platform=linux/amd64 python:3.12 AS base
FROM base AS next
from debian \\
  AS other
FROM ubuntu@sha256:0
FROM a:$V
COPY --from=busybox:1 /bin/cat /cat
RUN <<EOF
FROM users
EOF
FROM scratch
"""


def test_own_dockerfile() -> None:
    """The images that one's own Dockerfile needs are looked at, as builders find them, and its stages are none."""
    settings = Settings(kind="container", dockerfile="docker/Dockerfile")
    found = foreign_images(read_lines(DOCKERFILE), {}, None)
    known = Known(images=[(each.how, each.written, each.image) for each in found])

    assert [str(rot) for rot in rotting(settings, known)] == [
        "dockerfile: COPY --from=busybox:1 is moved by its publisher: write its digest into docker/Dockerfile: COPY --from=busybox@sha256:... (Settings(...))",
        "dockerfile: FROM a:$V is moved by its publisher: write its digest into docker/Dockerfile: FROM NAME@sha256:... (Settings(...))",
        "dockerfile: FROM debian is moved by its publisher: write its digest into docker/Dockerfile: FROM debian@sha256:... (Settings(...))",
        "dockerfile: FROM python:3.12 is moved by its publisher: write its digest into docker/Dockerfile: FROM python@sha256:... (Settings(...))",
    ]


def test_what_is_known_besides() -> None:
    """What the session knows is told too: packages of integrations, pins without hashes, folders of this machine."""
    known = Known(apt_packages=["libpq5"], unhashed=["a", "b", "c", "d"], local=["./x"])

    assert [
        str(rot)
        for rot in rotting(Settings(kind="container", **{**SOUND, "apt_snapshot": None, "apt_packages": []}), known)
    ] == [
        'apt-packages: the mirror of the day decides on libpq5: write apt-snapshot, such as "20260415T000000Z" (default)',
        "lock: without hashes, so that other files may come: a, b, c and 1 more: compile it with hashes (--generate-hashes) (Settings(...))",
        "requirements: on this machine alone: ./x: publish it, or write project = true for this project (default)",
    ]


def test_told() -> None:
    """A line says what, where it came from and what to write; and has no secret."""
    layers = [
        Layer("environments.a in envrepro.toml", {"kind": "container", "base-image": "host:1/team/python:3.12"}),
        Layer("@test", {"requirements": ["a @ https://me:pw@h/a.whl"], "python": "3.12"}),
    ]

    assert [str(rot) for rot in rotting(merge(layers, {}), Known())] == [
        (
            "base-image: 'host:1/team/python:3.12' is moved by its publisher: write base-image = "
            '"host:1/team/python@sha256:..." (environments.a in envrepro.toml)'
        ),
        (
            "requirements: chosen on the day: a @ https://****@h/a.whl: compile them to a lock with hashes, and name it: "
            "lock = ... (@test)"
        ),
    ]


def test_page() -> None:
    """`docs/containers.md` has every code, with its settings."""
    page = (Path(__file__).parents[2] / "docs" / "containers.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([a-z-]+)` \| (`[^|]*`) \|", page.partition("\n## What will rot\n")[2], re.MULTILINE)
    told = {(code, setting) for code, settings in rows for setting in re.findall(r"`([a-z-]+)`", settings)}

    seen = {(code, setting.partition("[")[0]) for _, each in ROTTING for code, setting in each}
    seen |= {
        ("floating-base", "dockerfile"),
        ("no-hashes", "lock"),
        ("unpinned", "extras"),
        ("unpinned", "required-integrations"),
    }
    assert told == seen


PEM = "-----BEGIN CERTIFICATE-----\nMIIB+/=\n-----END CERTIFICATE-----\n"
SECRET = "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n"  # noqa: S105  # A made-up one.


class TestCertificates:
    """Which certificates a build is given."""

    def test_none(self) -> None:
        """Where none are wanted, no file is looked at."""
        assert candidates("none", {"SSL_CERT_FILE": "/a"}) == ()
        assert chosen("none", {}, {}) is None

    def test_host(self) -> None:
        """The variables that programs go by, then the places of systems; the first with certificates is taken."""
        environ = {"SSL_CERT_FILE": "/a", "CURL_CA_BUNDLE": "/b", "REQUESTS_CA_BUNDLE": ""}

        assert candidates("host", environ)[:3] == ("/a", "/b", "/etc/ssl/certs/ca-certificates.crt")
        assert chosen("host", {"/a": "nothing", "/b": PEM, "/etc/ssl/cert.pem": SECRET}, environ) == PEM.encode()

    def test_nothing_but_certificates(self) -> None:
        """A key that stands beside them does not go into an image's context."""
        assert chosen("a.pem", {"a.pem": f"# mine\r\n{SECRET}{PEM}x\n{PEM}"}, {}) == 2 * PEM.encode()

    @pytest.mark.parametrize(
        ("setting", "texts", "said"),
        [
            ("a.pem", {}, "ca-bundle: 'a.pem' does not exist"),
            ("a.pem", {"a.pem": SECRET}, "ca-bundle: 'a.pem' holds no certificate (PEM: -----BEGIN CERTIFICATE-----)"),
            (
                "host",
                {},
                (
                    "ca-bundle: this machine has no certificates in /etc/ssl/certs/ca-certificates.crt, "
                    "/etc/pki/tls/certs/ca-bundle.crt, /etc/ssl/ca-bundle.pem, /etc/ssl/cert.pem: name the file"
                ),
            ),
        ],
        ids=["no file", "no certificate", "a host without"],
    )
    def test_missing(self, setting: str, texts: dict[str, str], said: str) -> None:
        """What is not there is told."""
        assert refusal(lambda: chosen(setting, texts, {})) == [said]
