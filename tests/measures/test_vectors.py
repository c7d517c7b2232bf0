"""The kept vectors pass whole, and the runner tells a failure, an unknown function and a missing file apart."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests import vectors

KEPT = Path(__file__).parent / "domain_vectors.json"


def test_every_kept_vector_passes() -> None:
    passed, failures = vectors.run(KEPT)
    assert not failures, "\n".join(map(str, failures))
    assert passed == 367


def _run(tmp_path: Path, capsys: pytest.CaptureFixture[str], *given: dict[str, Any]) -> tuple[int, str]:
    path = tmp_path / "some.json"
    path.write_text(json.dumps({"vectors": list(given)}), encoding="utf-8")
    code = vectors.main([str(path)])
    return code, capsys.readouterr().out


def _vector(function: str, given: dict[str, Any], expect: dict[str, Any]) -> dict[str, Any]:
    return {"id": f"{function}-1", "function": function, "input": given, "expect": expect}


def test_a_wrong_expectation_is_shown_with_id_expected_and_got(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out = _run(
        tmp_path,
        capsys,
        _vector("signal_los", {"control_delay_s": 10}, {"los": "B"}),
        _vector("signal_los", {"control_delay_s": 10}, {"los": "A"}),
    )
    assert code == 1
    assert "signal_los-1" in out
    assert '"B"' in out
    assert '"A"' in out
    assert out.splitlines()[-1] == "1 passed, 1 failed"


def test_an_unknown_function_fails_and_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out = _run(tmp_path, capsys, _vector("moon_phase", {}, {}))
    assert code == 1
    assert "unknown function 'moon_phase'" in out


def test_an_error_is_expected_as_such_and_never_passes_for_a_value(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    full = {"lost_time_s": 12, "critical_flows": [{"flow": 1800, "saturation_flow": 1800}]}
    code, out = _run(
        tmp_path,
        capsys,
        _vector("webster_cycle", full, {"error": "oversaturated (Y >= 1)"}),
        _vector("webster_cycle", full, {"cycle_s": 90}),
        _vector("signal_los", {"control_delay_s": 10}, {"error": "none"}),
    )
    assert code == 1
    assert out.splitlines()[-1] == "1 passed, 2 failed"


def test_a_broken_input_fails_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    missing = {"file": "nowhere.csv", "column": "x"}
    code, out = _run(tmp_path, capsys, _vector("hourly_summary", missing, {}), _vector("cn_aqi", {}, {}))
    assert code == 1
    assert "nowhere.csv is in none of" in out
    assert out.splitlines()[-1] == "0 passed, 2 failed"


def test_data_files_are_looked_for_beside_the_vectors_first(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "real_data").mkdir()
    (tmp_path / "real_data" / "tiny.csv").write_text("time_utc,x\n2026-01-01T00:00:00Z,3\n2026-01-01T01:00:00Z,\n")
    given = {"file": "tiny.csv", "column": "x"}
    code, _ = _run(tmp_path, capsys, _vector("hourly_summary", given, {"valid_hours": 1, "mean": 3}))
    assert code == 0


def test_an_unreadable_file_is_wrong_usage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "x.json").write_text("{}")
    assert vectors.main([str(tmp_path / "x.json")]) == 2
    assert vectors.main([]) == 2
    assert "no list of `vectors`" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("expected", "got", "alike"),
    [
        (None, None, True),
        ("NA", None, True),
        (None, 0, False),
        (0, None, False),
        ([], [], True),
        (["a", "b"], ["b", "a"], True),
        ([1, 3], [3, 1], False),
        (True, 1, False),
        (Decimal("0.1"), 0.1, True),
        (1, Decimal("1.0"), True),
        (1, 1.0000001, False),
    ],
)
def test_matching(expected: Any, got: Any, alike: bool) -> None:
    assert vectors.matches(expected, got, {}) is alike
