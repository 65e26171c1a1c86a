"""What programs write while an image is built, and what is made of it for people."""

from __future__ import annotations

import pytest

from pytest_envrepro.builders.words import last_words, plain
from pytest_envrepro.buildhints import hints, refused_packages
from pytest_envrepro.hiding import NOTHING

pytestmark = pytest.mark.core


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[91mred\x1b[0m\r\n", "red"),
        ("10%\r50%\r100%", "100%"),
        ("done\r", "done"),
        ("\x1b]0;title\x07text\x1b]8;;http://x\x1b\\link", "textlink"),
        ("a\x00b\x07c\td", "abc\td"),
        ("$(rm -rf /) `x` ü", "$(rm -rf /) `x` ü"),
    ],
)
def test_plain(text: str, shown: str) -> None:
    """No colours, no bells, the last state of a line that was written over; all else as it was."""
    assert plain(text) == shown


def test_last_words() -> None:
    """The chatter of pip and apt goes, what they complain of stays; where there is only chatter, that."""
    said = ["Get:1 http://deb.example.org x", "Setting up y", "E: broken", "Collecting z", "ERROR: no z", ""]

    assert last_words(said, NOTHING) == ["E: broken", "ERROR: no z"]
    assert last_words(["Setting up y", ""], NOTHING) == ["Setting up y"]
    assert last_words([f"line {number}" for number in range(50)], NOTHING)[0] == "line 30"


@pytest.mark.parametrize(
    ("said", "advice"),
    [
        ("OSError: [Errno 28] No space left on device", "the engine's disk is full"),
        ("SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED] certificate", 'ca-bundle = "host"'),
        ("Certificate verification failed: The certificate is NOT trusted.", 'ca-bundle = "host"'),
        ("E: Unable to locate package libfoo", "apt knows no package 'libfoo'"),
        ("E: Package 'python2' has no installation candidate", "apt has no file of 'python2'"),
        ("E: Version '1.0-1' for 'curl' was not found", "apt has no version '1.0-1'"),
        ("The virtual environment was not created successfully because ensurepip is not available.", "python3-venv"),
        ("/usr/bin/python3: No module named venv", "python3-venv"),
        ("error: externally-managed-environment", "PEP 668"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.", "is not the one that was locked"),
        ("ERROR: No matching distribution found for torch==2.0+cpu", "no file of 'torch' fits the Python"),
        (
            (
                "ERROR: Could not find a version that satisfies the requirement six==99.0 (from versions: 1.0, 1.16.0)\n"
                "ERROR: No matching distribution found for six==99.0"
            ),
            (
                "ask for one of the versions of 'six' that pip lists, which are those for the Python and the platform of the "
                "image; where a lock pins another one, have it compiled for these"
            ),
        ),
        (
            (
                "ERROR: Could not find a version that satisfies the requirement nosuch-zzz (from versions: none)\n"
                "ERROR: No matching distribution found for nosuch-zzz"
            ),
            (
                "no index that was asked has a file of 'nosuch-zzz' for the Python and the platform of the image: is the name "
                "spelled right?"
            ),
        ),
        (
            "ERROR: x-1-cp312-cp312-win32.whl is not a supported wheel on this platform.",
            "x-1-cp312-cp312-win32.whl is for",
        ),
        ("error: [Errno 2] No such file or directory: 'gcc'", "build-essential"),
        (
            "unable to execute 'x86_64-linux-gnu-gcc': No such file or directory\nerror: command 'gcc' failed: No such",
            "build-ess",
        ),
        ("ERROR: Error [Errno 2] No such file or directory: 'git' while executing", 'apt-packages = ["git"]'),
        ("standard_init_linux.go:228: exec user process caused: exec format error", "another platform"),
        ('exec: "python3": executable file not found in $PATH: unknown', "the image has no 'python3'"),
        ("pull access denied for nosuch, repository does not exist", "does not have the image"),
        ("unable to find user bob: no matching entries in passwd file", "no user 'bob'"),
    ],
)
def test_hints(said: str, advice: str) -> None:
    """Each well-known reason is told with what to do."""
    (told,) = hints(said)

    assert advice in told


def test_hint_of_the_network() -> None:
    """It depends on what the build was told; what follows from it is not told besides."""
    said = "Temporary failure in name resolution\nERROR: No matching distribution found for flask"

    assert hints(said, "none") == ('the build has no network: it was told network = "none"',)
    assert "proxy" in hints(said)[0]
    assert len(hints(said)) == 1


def test_no_hint() -> None:
    """What nobody knows is not guessed at."""
    assert hints("Segmentation fault") == ()


def test_refused_packages() -> None:
    """The packages that pip refuses, whatever they come from."""
    said = (
        "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.\n"
        "    Beta_B==1.0 from file:///envrepro/wheels/beta-1.0.whl (from -r hashed.txt (line 1)):\n"
        "        Expected sha256 00\n             Got        11\n"
        "ERROR: No matching distribution found for gamma==2"
    )

    assert refused_packages(said) == ("beta-b", "gamma")
