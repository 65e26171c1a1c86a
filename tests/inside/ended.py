"""How tests end: skipped, expected to fail, by a word of pytest's, by `raises` and `warns`."""

from __future__ import annotations

TESTS = """
import unittest
import warnings

import pytest
import helper


class OwnWarning(UserWarning):
    pass


class OwnError(ValueError):
    pass


def test_passes():
    pass


def test_skip():
    pytest.skip("not today")


def test_skip_without_a_word():
    pytest.skip()


def test_skip_in_a_helper():
    helper.skipped()


def test_skip_in_a_function():
    def inner():
        pytest.skip("deeper")

    inner()


@pytest.mark.skip(reason="by a mark")
def test_skip_by_a_mark():
    raise OwnError


@pytest.mark.skip
def test_skip_by_a_bare_mark():
    raise OwnError


@pytest.mark.skipif(True, reason="on a condition")
def test_skipif():
    raise OwnError


@pytest.mark.skipif("sys.platform == 'none'", reason="on a condition")
def test_skipif_that_does_not_hold():
    assert 1 == 2


def test_skip_as_unittest_does():
    raise unittest.SkipTest("as unittest does")


def test_importorskip():
    pytest.importorskip("no_such_module")


def test_importorskip_with_a_reason():
    pytest.importorskip("no_such_module", reason="needs what is not there")


def test_importorskip_of_what_is_there():
    assert pytest.importorskip("json").loads("1") == 2


@pytest.mark.xfail
def test_xfail():
    assert 1 == 2


@pytest.mark.xfail(reason="known")
def test_xfail_with_a_reason():
    raise OwnError("as known")


@pytest.mark.xfail(raises=OwnError, reason="of that kind")
def test_xfail_raises():
    raise OwnError


@pytest.mark.xfail(raises=(KeyError, LookupError))
def test_xfail_raises_one_of_several():
    {}["a"]


@pytest.mark.xfail(raises=OwnError)
def test_xfail_raises_another():
    raise KeyError("k")


@pytest.mark.xfail(strict=True, reason="always")
def test_xfail_strict_passes():
    pass


@pytest.mark.xfail(strict=False, reason="sometimes")
def test_xfail_passes():
    pass


@pytest.mark.xfail(run=False, reason="never run")
def test_xfail_not_run():
    raise OwnError


@pytest.mark.xfail(False, reason="not here")
def test_xfail_that_does_not_hold():
    raise OwnError("for real")


def test_xfail_by_hand():
    pytest.xfail("no use")


def test_fail():
    pytest.fail("enough")


def test_fail_without_a_word():
    pytest.fail()


def test_fail_without_a_traceback():
    pytest.fail("enough\\nof that", pytrace=False)


def test_fail_in_a_block():
    try:
        1 / 0
    except ZeroDivisionError as error:
        pytest.fail(f"because of {error}")


def test_raises():
    with pytest.raises(OwnError, match="w.rd") as caught:
        raise OwnError("a word")
    assert caught.value.args == ("another word",)


def test_raises_nothing():
    with pytest.raises(OwnError): pass


def test_raises_another():
    with pytest.raises(OwnError): {}["a"]


def test_raises_other_words():
    with pytest.raises(ValueError, match="number"): raise OwnError("a word")


def test_raises_by_a_call():
    caught = pytest.raises(ValueError, int, "x")
    assert caught.type is TypeError


def test_raises_a_skip():
    with pytest.raises(pytest.skip.Exception, match="later"):
        pytest.skip("later")


def test_raises_is_told():
    with pytest.raises(OwnError) as caught:
        raise OwnError("a word")
    assert str(caught.value) == "words"


def test_raises_is_caught():
    with pytest.raises(KeyError) as caught:
        {}["a"]
    assert (caught.typename, caught.tb.tb_lineno) == ("KeyError", 0), "a line"


def test_warns():
    with pytest.warns(OwnWarning, match="careful"):
        warnings.warn("be careful", OwnWarning)


def test_warns_nothing():
    with pytest.warns(OwnWarning): pass


def test_warns_another():
    with pytest.warns(OwnWarning): warnings.warn("something else", DeprecationWarning)


def test_warns_other_words():
    with pytest.warns(OwnWarning, match="careless"): warnings.warn("be careful", OwnWarning)


def test_warns_is_recorded():
    with pytest.warns() as record:
        warnings.warn("one", OwnWarning)
        warnings.warn("two")
    assert [str(each.message) for each in record] == ["one", "three"]


def test_deprecated():
    with pytest.deprecated_call():
        warnings.warn("old", DeprecationWarning)


def test_deprecated_is_not():
    with pytest.deprecated_call(): warnings.warn("new", OwnWarning)


def test_returns():
    return 3


def test_returns_an_own_value():
    return OwnError("done")


def test_is_no_test_at_last():
    assert helper.checked(1)
    pytest.skip.Exception("made, and not raised")


test_by_another_name = test_passes
"""
