"""Whether services are ready, and where their ports are reached."""

from __future__ import annotations

import socket

import pytest

from pytest_envrepro.engine import EngineError
from pytest_envrepro.engines.owners import Owner
from pytest_envrepro.engines.projects import SERVICE, member_of, name_of, network_of, owner_of, prefix_of
from pytest_envrepro.engines.reaching import address_of, first_closed
from pytest_envrepro.engines.readiness import readiness, told
from pytest_envrepro.enginevalues import Member

PORT = {8000: ("127.0.0.1", 32768)}


def _open(_: Member) -> None:
    """Say that all ports are open."""


@pytest.mark.parametrize(
    ("member", "failed", "waiting"),
    [
        (Member(id="1", name="x"), None, None),
        (Member(id="1", name="x", health="healthy"), None, None),
        (Member(id="1", name="x", health="starting"), None, "is not healthy yet"),
        (Member(id="1", name="x", health="unhealthy"), "is unhealthy", None),
        (Member(id="1", name="x", state="exited"), None, None),
        (Member(id="1", name="x", state="exited", health="unhealthy"), None, None),
        (Member(id="1", name="x", state="exited", returncode=3), "has ended with 3", None),
        (
            Member(id="1", name="x", state="exited", returncode=127, error="no such file"),
            "did not start: no such file",
            None,
        ),
        (Member(id="1", name="x", state="dead"), "is dead", None),
        (Member(id="1", name="x", state="created"), None, "was not started: what it depends on is not ready"),
        (Member(id="1", name="x", state="created", error="port is taken"), None, "did not start: port is taken"),
        (Member(id="1", name="x", state="paused"), None, "is paused"),
        (
            Member(id="1", name="x", state="restarting", restarts=4, returncode=1),
            None,
            "is started again and again (4 times), and has ended with 1",
        ),
    ],
)
def test_readiness(member: Member, failed: str | None, waiting: str | None) -> None:
    """A health check decides where there is one; one that has ended with 0 has done its work."""
    found = readiness([member], _open)

    assert found.failed == (((member, failed),) if failed else ())
    assert found.waiting == (((member, waiting),) if waiting else ())


def test_ports_decide_without_a_health_check() -> None:
    """Published ports have to be open, but for a service that says itself whether it is healthy."""
    plain = Member(id="1", name="x", published=PORT)
    checked = Member(id="2", name="y", published=PORT, health="healthy")

    found = readiness([plain, checked], lambda member: min(member.published))

    assert found.waiting == ((plain, "runs, and nothing answers at its port 8000"),)


def test_what_only_runs_is_told_apart() -> None:
    """What has neither a health check nor a port is ready as soon as it runs, which may be too soon."""
    assert readiness([Member(id="1", name="x")], _open).loose
    assert not readiness([Member(id="1", name="x", published=PORT)], _open).loose


def test_told() -> None:
    """A failure shows the health check's last words and the end of the log."""
    sick = Member(id="1", name="p_db_1", labels={SERVICE: "db"}, health="unhealthy", said=("no", "no", "refused"))
    quiet = Member(id="2", name="p_web_1", labels={SERVICE: "web"}, state="exited", returncode=1)
    logs = {"1": "".join(f"line {number}\n" for number in range(1, 31)), "2": "\n"}

    text = told([(sick, "is unhealthy"), (quiet, "has ended with 1")], lambda member: logs[member.id])

    assert text == "\n".join(
        [
            "  db (p_db_1) is unhealthy",
            "    its health check says: no",
            "    its health check says: refused",
            "    its log (the end of 30 lines):",
            *(f"      line {number}" for number in range(11, 31)),
            "  web (p_web_1) has ended with 1",
            "    its log is empty",
        ]
    )


def test_the_end_of_what_a_health_check_says() -> None:
    """Of a long answer, as a traceback is one, the last words are shown."""
    sick = Member(id="1", name="p_db_1", health="unhealthy", said=(f"Traceback {'x' * 400} Connection refused",))

    (_, said, _) = told([(sick, "is unhealthy")], lambda _: "").splitlines()

    assert said == f"    its health check says: ...{'x' * 278} Connection refused"


def test_a_proxy_with_nobody_behind_it() -> None:
    """A published port that hangs up at once is closed, one that waits is open."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        member = Member(id="1", name="x", published={80: ("127.0.0.1", server.getsockname()[1])})
        assert first_closed(member, is_remote=False) is None
    assert first_closed(member, is_remote=False) == 80


def test_address() -> None:
    """A port is reached where it is published, else at the container itself, else nowhere."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        member = Member(id="1", name="x_web_1", published=PORT, networks={"x_default": "127.0.0.1"})

        assert address_of(member, 8000, is_remote=True) == ("127.0.0.1", 32768)
        assert address_of(member, port, is_remote=False) == ("127.0.0.1", port)
        with pytest.raises(EngineError) as caught:
            address_of(member, 9000, is_remote=True)
    assert str(caught.value) == (
        "port 9000 of x_web_1 cannot be reached from here: it is not published (published: 8000), and the engine is on "
        "another machine; write ports: ['9000'] in the Compose file"
    )


@pytest.mark.parametrize(
    ("places", "found"),
    [
        ([{"HostIp": "0.0.0.0", "HostPort": "5"}, {"HostIp": "::", "HostPort": "6"}], ("engine.example", 5)),  # noqa: S104  # Is read.
        ([{"HostIp": "::", "HostPort": "6"}], ("engine.example", 6)),
        ([{"HostIp": "172.17.0.1", "HostPort": "7"}], ("172.17.0.1", 7)),
        ([{"HostIp": "", "HostPort": "8"}], ("engine.example", 8)),
    ],
)
def test_published(places: list[dict[str, str]], found: tuple[str, int]) -> None:
    """A port that is published everywhere is reached at the engine's machine, one at an address is reached there."""
    answer = {"Id": "1", "NetworkSettings": {"Ports": {"80/tcp": places, "53/udp": places, "81/tcp": None}}}

    assert member_of(answer, "engine.example").published == {80: found}


def test_network() -> None:
    """Of several networks it is the one that most are on, then the one that Compose makes."""
    both = Member(id="1", name="x", networks={"p_back": "", "p_default": ""})

    assert network_of([both]) == "p_default"
    assert network_of([both, Member(id="2", name="y", networks={"p_back": ""})]) == "p_back"
    assert network_of([Member(id="3", name="z", networks={"host": ""})]) is None


@pytest.mark.parametrize("worker", [None, "gw0"])
@pytest.mark.parametrize("started", ["123", ""])
def test_names_tell_their_owner(worker: str | None, started: str) -> None:
    """Whose a project is can be read from its name, which any Compose tool takes."""
    owner = Owner("Its-word", 4711, "0123456789abcdef", started)

    name = name_of(owner, "f" * 64, worker)

    assert name == f"envrepro-01234567-4711-{started or '0'}-itsword-ffffffff" + (f"-{worker}" if worker else "")
    assert name.startswith(prefix_of(owner))
    assert owner_of(name) == ("01234567", 4711, started)
    assert not name.startswith(prefix_of(owner._replace(session="another")))


@pytest.mark.parametrize(
    "name", ["envrepro", "", "envrepro-01234567-x-1-s-ffffffff", "my-envrepro-01234567-1-1-s-ffffffff"]
)
def test_names_of_others(name: str) -> None:
    """A project that is not named so is somebody else's."""
    assert owner_of(name) is None
