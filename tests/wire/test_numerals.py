"""Numbers as texts: what a file may hold, and what Python alone would take."""

from __future__ import annotations

import pytest

from wire.numerals import number, whole


@pytest.mark.parametrize(
    ("text", "value"), [("0", 0), ("-0.04", -0.04), ("+5", 5), ("5.", 5), (".5", 0.5), ("1e-05", 1e-5), (" 7 ", 7)]
)
def test_a_number_as_files_spell_it(text: str, value: float) -> None:
    assert number(text) == value


@pytest.mark.parametrize(
    "text", ["12_5", "１２", "١٢", "nan", "inf", "1e999", "-Infinity", "0x10", "1,5", "", " ", ".", "1 2"]
)
def test_what_only_python_takes_is_no_number(text: str) -> None:
    with pytest.raises(ValueError, match="is no number"):
        number(text)


@pytest.mark.parametrize("text", ["1_0", "１０", "1.0", "1e3", "", "9" * 20])
def test_nor_is_it_a_whole_one(text: str) -> None:
    assert whole("-12") == -12
    with pytest.raises(ValueError, match="is no whole number"):
        whole(text)


@pytest.mark.parametrize("value", [1e-05, 123456789.125, -0.1 + 0.2, 1e15, 5e-324])
def test_what_an_export_writes_comes_back(value: float) -> None:
    assert number(str(value)) == value
