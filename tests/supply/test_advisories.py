"""What is not looked up is said loudly: a mirror that knows no advisories is no clean bill."""

from __future__ import annotations

import pytest

from tests.supply.advisories import UNCHECKED, WEAK, ask, report

GOOD = {"name": "a", "version": "1", "vulns": []}
BAD = {"name": "b", "version": "2", "vulns": [{"id": "CVE-2026-1", "fix_versions": ["2.1"]}]}
SKIPPED = {"name": "c", "skip_reason": "not found"}


@pytest.mark.parametrize(
    ("answers", "code", "said"),
    [
        ([[GOOD]], 0, "1 packages looked up, 0 known"),
        ([[GOOD, SKIPPED]], UNCHECKED, "NOT CHECKED"),
        ([[GOOD, SKIPPED], [{"name": "c", "version": "3", "vulns": []}]], 0, "2 packages looked up"),
        ([], UNCHECKED, "NOT CHECKED"),
        ([[GOOD, BAD]], WEAK, "b 2: CVE-2026-1; mended in: 2.1"),
        ([[BAD, SKIPPED]], WEAK, "NOT CHECKED"),
    ],
)
def test_each_package_counts_only_when_it_was_looked_up(
    answers: list[list[dict[str, object]]], code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert report([{"dependencies": one} for one in answers]) == code
    out = capsys.readouterr()
    assert said in out.out + out.err


def test_a_service_that_cannot_be_had_is_none() -> None:
    assert ask("/nonexistent/pip-audit", "osv", []) is None
    assert ask("/bin/true", "osv", []) is None
