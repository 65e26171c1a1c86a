"""Plugins that give tests containers, side by side: `python -m benchmarks.peers_of_containers [--rounds N]`.

The same two tests for each, with a container each, of an image with a virtualenv and one package: see `peersuites.py`.
"""

from __future__ import annotations

import argparse
import io
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import docker

from benchmarks.counting import counted
from benchmarks.peersuites import LABEL, SUITES, write_wheel

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_OURS = "pytest-envrepro"
_BASE = "envrepro-tests/python:3.11"
_SOCKET = "/var/run/docker.sock"
_REQUIREMENTS = ("pytest", "testcontainers", "pytest-docker", "pytest-docker-tools")
_PATIENCE = 10.0  # Seconds that a container is given to go, once its session was killed.
_ROWS = {
    "first": "first build, to the first test with its container",
    "cached": "the same in a later session, the image is there",
    "next": "from one test to the next, with another container",
    "exec": "run a program",
    "clean": "from the end of the last test to the end of pytest",
    "processor": "processor time of that later session, pytest and its programs",
}


@dataclass
class Peer:
    """One plugin, and what was measured of it.

    Attributes:
        python: that has it.
        folder: of its project.
        requests: that the engine was asked in a later session.
        left: what there was of each killed session, ten seconds after.
    """

    name: str
    python: str
    folder: Path
    token: str
    taken: dict[str, list[float]] = field(default_factory=lambda: {row: [] for row in _ROWS})
    requests: int = 0
    left: list[str] = field(default_factory=list)


def main() -> int:
    """Print a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers_of_containers", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="each builds one image a round (5)")
    parser.add_argument("--sessions", type=int, default=3, help="later sessions a round (3)")
    parser.add_argument("--peers", help="a Python that has the other plugins; without it, one is made with pip")
    options = parser.parse_args()
    subprocess.run(["bash", str(Path(__file__).parents[1] / "tests" / "base_image.sh")], check=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # Else it would leave its images behind.
    api = docker.APIClient(version="auto")
    with tempfile.TemporaryDirectory(prefix="envrepro-peers-") as name:
        folder = Path(name).resolve()
        python = options.peers or _made(folder / "venv")
        token = uuid4().hex
        peers = [Peer(each, sys.executable if each == _OURS else python, folder / each, token) for each in SUITES]
        try:
            for number in range(options.rounds):
                _round(api, peers, number, options.sessions)
            _show(api, peers, _versions(python))
        finally:
            _remove(api, token)
            api.close()
    return 0


def _made(folder: Path) -> str:
    """Make a virtualenv with the other plugins."""
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    python = str(folder / "bin" / "python")
    subprocess.run([python, "-m", "pip", "install", "--quiet", *_REQUIREMENTS], check=True)
    return python


def _round(api: Any, peers: Sequence[Peer], number: int, sessions: int) -> None:
    """Let each build an image, use it in sessions, turn by turn, and kill one of them."""
    for peer in _turn(peers, number):
        _write(api, peer, number)
        _session(peer, first=True)
    for index in range(sessions):
        for peer in _turn(peers, number + index):
            _session(peer, first=False)
    for peer in peers:
        if not number:
            with counted(_SOCKET, peer.folder / "socket") as counter:
                _run(peer, {"DOCKER_HOST": f"unix://{peer.folder / 'socket'}"})
            peer.requests = counter.total
        peer.left.append(_left_by_a_kill(api, peer))


def _turn(peers: Sequence[Peer], number: int) -> Sequence[Peer]:
    """Give them in an order that begins with another one each time."""
    start = number % len(peers)
    return (*peers[start:], *peers[:start])


def _write(api: Any, peer: Peer, number: int) -> None:
    """Write a project, and make the base of its image, which nobody has built on."""
    base, tag = (f"{LABEL}/{peer.token[:8]}-{peer.name}-{what}:{number}" for what in ("base", "image"))
    # No two bases are the same, so that nobody is given layers that another one has built.
    text = f"FROM {_BASE}\nLABEL {LABEL}={peer.token} {LABEL}.of={base}\n"
    for said in api.build(fileobj=io.BytesIO(text.encode()), tag=base, rm=True, decode=True):
        assert "error" not in said, said
    write_wheel(peer.folder / "wheels")
    for name, content in SUITES[peer.name].written(base, tag).items():
        (peer.folder / name).write_text(content)


def _session(peer: Peer, *, first: bool) -> None:
    """Run both tests, and note what they have taken."""
    started = time.monotonic()
    processor = sum(os.times()[2:4])
    _run(peer)
    ended = time.monotonic()
    processor = sum(os.times()[2:4]) - processor
    one, two = [[float(word) for word in line.split()] for line in (peer.folder / "taken").read_text().splitlines()]
    peer.taken["first" if first else "cached"].append(one[0] - started)
    if not first:
        for row, seconds in (("next", two[0] - one[1]), ("clean", ended - two[1]), ("processor", processor)):
            peer.taken[row].append(seconds)
        peer.taken["exec"] += [one[1] - one[0], two[1] - two[0]]


def _run(peer: Peer, variables: Mapping[str, str] | None = None) -> None:
    (peer.folder / "taken").unlink(missing_ok=True)
    done = _started(peer, variables or {})
    try:
        said, _ = done.communicate()
    except BaseException:  # Ctrl-C, or the end of this process: it is to tidy up what it has started.
        done.send_signal(signal.SIGINT)
        done.wait()
        raise
    assert done.returncode == 0, f"{peer.name}:\n{said}"


def _started(peer: Peer, variables: Mapping[str, str]) -> subprocess.Popen[str]:
    suite = SUITES[peer.name]
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    pip = {"PIP_CONFIG_FILE": os.devnull, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(peer.folder / "wheels")}
    return subprocess.Popen(
        [
            *(peer.python, "-m", "pytest", "-q", "-p", "no:cacheprovider"),
            *(word for plugin in suite.plugins for word in ("-p", plugin)),
            *suite.options,
        ],
        cwd=peer.folder,
        env={
            **kept,
            **pip,
            **suite.variables,
            **variables,
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "PYTEST_ENVREPRO_CACHE": str(peer.folder / "cache"),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _left_by_a_kill(api: Any, peer: Peer) -> str:
    """Kill a session whose first test runs, and say what there is of it, and since when there is nothing."""
    ready = peer.folder / "ready"
    ready.unlink(missing_ok=True)
    session = _started(peer, {"PAUSE": "1"})
    while not ready.exists():
        assert session.poll() is None, session.communicate()[0]
        time.sleep(0.01)
    assert _things(api, peer, session.pid) != ([], [])
    session.send_signal(signal.SIGKILL)
    killed = time.monotonic()
    session.communicate()
    while (things := _things(api, peer, session.pid)) != ([], []) and time.monotonic() < killed + _PATIENCE:
        time.sleep(0.02)
    seconds = time.monotonic() - killed
    containers, networks = things
    for each in containers:
        api.remove_container(each, force=True, v=True)
    for each in networks:
        api.remove_network(each)
    counts = [f"{len(each)} {what}" for each, what in ((containers, "container"), (networks, "network")) if each]
    return ", ".join(counts) or f"nothing, after {seconds:.1f} s"


def _things(api: Any, peer: Peer, pid: int) -> tuple[list[str], list[str]]:
    """Give the containers of all images of this run that are not removed, and the networks of a session's project."""
    label = f"{LABEL}={peer.token}"
    containers = api.containers(all=True, filters={"label": label})
    networks = api.networks(filters={"label": f"com.docker.compose.project=pytest{pid}"})
    return [each["Id"] for each in containers], [each["Id"] for each in networks]


def _show(api: Any, peers: Sequence[Peer], versions: Mapping[str, str]) -> None:
    print(f"{time.strftime('%Y-%m-%d')}, Docker {api.version()['Version']}, {os.cpu_count()} cores; medians\n")
    print("| work |", " | ".join(f"{peer.name} {versions[peer.name]}" for peer in peers), "|")
    print("|---|" + "---|" * len(peers))
    for row, words in _ROWS.items():
        ours = peers[0].taken[row]
        cells = []
        for peer in peers:
            times = median(one / other for one, other in zip(peer.taken[row], ours, strict=True))
            cells.append(_seconds(median(peer.taken[row])) + (f" ({times:.1f} times)" if peer.name != _OURS else ""))
        print(f"| {words} |", " | ".join(cells), "|")
    print(
        "| what the engine is asked in that session |", " | ".join(f"{peer.requests} requests" for peer in peers), "|"
    )
    print("| left ten seconds after `kill -9` |", " | ".join(peer.left[-1] for peer in peers), "|")
    for peer in peers:
        print(f"\n{peer.name}, after each kill: {'; '.join(peer.left)}", end="")
    print()


def _seconds(value: float) -> str:
    return f"{value:.1f} s" if value >= 1 else f"{value * 1000:.0f} ms"


def _versions(python: str) -> dict[str, str]:
    """Give the versions of all plugins."""
    script = "import sys, importlib.metadata as m; print(*map(m.version, sys.argv[1:]))"
    names = [name for name in SUITES if name != _OURS]
    said = subprocess.run([python, "-c", script, *names], capture_output=True, text=True, check=True).stdout
    return {_OURS: version(_OURS), **dict(zip(names, said.split(), strict=True))}


def _remove(api: Any, token: str) -> None:
    """Remove all images that were made here, and what is left of their containers."""
    label = {"label": f"{LABEL}={token}"}
    for each in api.containers(all=True, filters=label):
        api.remove_container(each["Id"], force=True, v=True)
    while found := api.images(filters=label):
        for each in found:
            try:
                api.remove_image(each["Id"], force=True)
            except docker.errors.APIError as error:
                if error.status_code not in (404, 409):  # Gone with another one; another one is made of it.
                    raise


if __name__ == "__main__":
    sys.exit(main())
