"""What tests write, log and warn, and what is captured of it."""

from __future__ import annotations

TESTS = """
import io
import logging
import os
import subprocess
import sys
import threading
import time
import warnings

import pytest
import helper

log = logging.getLogger("tests.written")


class OwnWarning(UserWarning):
    pass


class DeeperWarning(OwnWarning, DeprecationWarning):
    pass


def test_print():
    print("one", 2, sep=", ")
    assert False


def test_print_where_it_passes():
    print("to be seen with -rA")


def test_errors():
    print("to the other stream", file=sys.stderr)
    sys.stderr.write("without an end")
    assert False


def test_both():
    print("out 1")
    print("err 1", file=sys.stderr)
    print("out 2", flush=True)
    raise ValueError("after all")


def test_by_file():
    print("before")
    sys.stdout.flush()
    os.write(1, b"by the file\\n")
    os.write(2, b"by the other file\\n")
    print("after")
    assert False


def test_by_programs():
    subprocess.run(["sh", "-c", "echo of a program; echo its trouble >&2"], check=True)
    os.system("echo of a shell")
    assert False


def test_buffer():
    sys.stdout.buffer.write(b"bytes\\n")
    sys.stdout.buffer.flush()
    assert False


def test_letters():
    print("Grüße, 世界 \\U0001f600")
    assert False


def test_undecodable():
    os.write(1, b"a \\xff b \\xc3\\n")
    assert False


def test_lone():
    print("a \\udc80 b \\ud800")
    assert False


def test_newlines():
    print("a\\rb\\r\\nc\\x0bd\\x1be")
    assert False


def test_much():
    for number in range(20_000):
        print(f"line {number} of many")
    assert False


def test_what_streams_are():
    assert (sys.stdout.encoding.lower(), sys.stdout.errors, sys.stdout.isatty()) == ("utf-8", "replace", True)


def test_threads():
    def work(number):
        print(f"thread {number}")

    for number in range(3):
        thread = threading.Thread(target=work, args=(number,))
        thread.start()
        thread.join()
    assert False


def test_redirected():
    import contextlib

    with contextlib.redirect_stdout(io.StringIO()) as text:
        print("kept")
    assert text.getvalue() == "other\\n"


def test_capsys(capsys):
    print("out")
    print("err", file=sys.stderr)
    assert capsys.readouterr() == ("out\\n", "")


def test_capsys_what_is_left(capsys):
    print("read")
    capsys.readouterr()
    print("left")
    assert False


def test_capsys_disabled(capsys):
    with capsys.disabled():
        pass
    print("a")
    assert capsys.readouterr().out == "b\\n"


def test_capfd(capfd):
    os.system("echo of a shell")
    print("and of Python")
    captured = capfd.readouterr()
    assert captured.out == "of Python"


def test_capsysbinary(capsysbinary):
    sys.stdout.buffer.write(b"\\xff")
    assert capsysbinary.readouterr().out == b"\\xfe"


def test_log():
    log.warning("careful, %s", "friend")
    log.error("wrong: %d", 3)
    assert False


def test_log_where_it_passes():
    log.warning("to be seen with -rA")


def test_log_below():
    log.info("is not captured")
    assert False


def test_log_of_an_error():
    try:
        {}["a"]
    except KeyError:
        log.exception("while looking")
    assert False


def test_log_in_lines():
    logging.warning("first\\nsecond")
    assert False


def test_caplog(caplog):
    with caplog.at_level(logging.INFO):
        log.info("heard, %s", 1)
    assert caplog.record_tuples == [("tests.written", logging.INFO, "heard, 2")]


def test_caplog_messages(caplog):
    caplog.set_level(logging.DEBUG, logger="tests.written")
    log.debug("low")
    logging.debug("not heard")
    assert caplog.messages == ["low", "not heard"]


def test_caplog_text(caplog):
    log.error("e")
    assert "e" not in caplog.text.split()


def test_warning():
    warnings.warn("something is old")


def test_warning_of_an_own_class():
    warnings.warn("of an own class", OwnWarning)
    warnings.warn(DeeperWarning("deeper"))


def test_warning_twice():
    for _ in range(2):
        warnings.warn("the same")


def test_warning_of_deprecation():
    warnings.warn("will go", DeprecationWarning)
    warnings.warn("will go later", PendingDeprecationWarning)


def test_warning_of_a_helper():
    helper.warned()


def test_warning_and_failure():
    warnings.warn("and then it fails")
    assert False


@pytest.mark.filterwarnings("ignore:quiet")
def test_warning_that_is_ignored():
    warnings.warn("quiet now")
    warnings.warn("loud")


@pytest.mark.filterwarnings("error")
def test_warning_as_an_error():
    warnings.warn("too much")


@pytest.mark.filterwarnings("error::DeprecationWarning")
def test_warning_of_a_kind_as_an_error():
    warnings.warn("passes")
    warnings.warn("does not", DeprecationWarning)


@pytest.mark.filterwarnings("error::UserWarning", "ignore:of an own")
def test_several_filters():
    warnings.warn("of an own class", OwnWarning)
    warnings.warn("all else", OwnWarning)


def test_warnings_are_caught_by_hand():
    with warnings.catch_warnings(record=True) as record:
        warnings.simplefilter("always")
        warnings.warn("by hand")
    assert [str(each.message) for each in record] == ["by foot"]


def test_recwarn(recwarn):
    warnings.warn("one")
    assert len(recwarn) == 2


def test_a_thread_that_goes_on():
    threading.Thread(target=time.sleep, args=(0.2,), daemon=True).start()
"""
