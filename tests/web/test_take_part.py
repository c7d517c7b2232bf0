"""Citizens' reports: taken without an account, shown with care, answered in the open."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path
from urllib.parse import urlencode

import pytest

from collector.web.desk.file import DeskFile
from collector.web.desk.reports import Reports
from collector.web.forms import Allowance
from tests.web.served import Answer, Served

FORM = "application/x-www-form-urlencoded"


def send(served: Served, node: str = "lp-0001", origin: str | None = None, **fields: str) -> Answer:
    headers = {"Content_Type": FORM} | ({"Origin": origin} if origin else {})
    return served.get(f"/en/station/{node}/report", "POST", urlencode(fields), **headers)


def test_a_report_is_taken_and_stands_without_its_text_and_contact(served: Served) -> None:
    answer = send(served, kind="values", text="<b>always 12</b>", contact="me@example.org")
    assert (answer.status, answer.headers["location"]) == (303, "/en/station/lp-0001?reported=1#reports")
    page = served.get("/en/station/lp-0001?reported=1").text
    assert "Values look wrong" in page
    assert "waiting for an answer" in page
    assert "always 12" not in page
    assert "me@example.org" not in page


def test_an_answer_may_show_the_text_and_forgets_the_contact(tmp_path: Path) -> None:
    file = DeskFile(tmp_path / "desk.sqlite")
    reports = Reports(file)
    number = reports.submit("lp-0001", "values", "always 12", "me@example.org", 1)
    assert [report.id for report in reports.waiting()] == [number]
    assert reports.answer(number, "The fan was blocked; cleaned.", True, "li", 2)
    (report,) = reports.of("lp-0001")
    assert (report.public_text, report.contact, report.answer) == ("always 12", "", "The fan was blocked; cleaned.")
    assert reports.waiting() == []
    assert not reports.answer(99, "x", False, "li", 2)
    file.close()


@pytest.mark.parametrize(
    "fields", [{}, {"kind": "values"}, {"kind": "rude", "text": "x"}, {"kind": "other", "text": "x" * 1001}]
)
def test_an_incomplete_report_is_refused(served: Served, fields: dict[str, str]) -> None:
    assert send(served, **fields).status == 400


def test_a_report_from_another_site_is_refused(served: Served) -> None:
    assert send(served, origin="https://evil.example", kind="other", text="x").status == 403


def test_a_report_about_no_station_is_404(served: Served) -> None:
    assert send(served, "lp-9999", kind="other", text="x").status == 404


def test_an_overlong_body_and_another_type_are_refused(served: Served) -> None:
    assert send(served, kind="other", text="x" * 20_000).status == 413
    assert served.get("/station/lp-0001/report", "POST", "{}", Content_Type="application/json").status == 415


def test_the_sixth_report_of_an_hour_is_too_many(served: Served) -> None:
    assert [send(served, kind="other", text="x").status for _ in range(6)] == [303] * 5 + [429]


def test_an_allowance_comes_back_with_time_and_holds_for_all_together() -> None:
    allowance = Allowance(1, 1000)
    assert [allowance.take("a", 0), allowance.take("a", 999), allowance.take("a", 1000)] == [True, False, True]
    crowd = Allowance(1, 1000)
    assert [crowd.take(str(n), 0) for n in range(11)] == [True] * 10 + [False]


def test_every_question_of_the_data_page_is_answered_as_it_is_pasted(served: Served) -> None:
    """Four of six were refused: they asked of a station NODE."""
    (code,) = re.findall("<pre[^>]*><code>(.*?)</code>", served.get("/en/data").text, re.S)
    asked = [unescape(line).removeprefix("curl '").removesuffix("'") for line in code.splitlines()]
    assert len(asked) == 6
    for address in asked:
        answer = served.get(address.removeprefix(served.url("")))
        assert answer.status == 200, f"{address}: {answer.text}"


def test_the_data_page_links_every_station(served: Served) -> None:
    page = served.get("/en/data").text
    assert "node=lp-0002&amp;kind=air_quality&amp;format=excel" in page
    assert 'aria-label="CSV: Xueyuan Rd, Air, a day, 5 min">CSV</a>' in page, "who hears it hears where it leads"
    assert not [letter for letter in page.replace('aria-label="中文">中文', "") if "一" <= letter <= "鿿"]
