"""The operators' desk in a real browser: by keyboard alone, and while it is renewed under their hands."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest

from collector.web.desk.file import DeskFile
from tests.servers import wait_for
from tests.web.seen import Seen
from tests.web.served import Served

pytestmark = pytest.mark.real
INSIDE = (
    *("", "/alert/f1", "/station/lp-0001", "/stations", "/data?q=highest&since=30d", "/maintenance", "/deliveries"),
    *("/reports", "/audit"),
)


def test_an_operator_acknowledges_and_silences_by_keyboard_alone(seen: Seen) -> None:
    seen.enter()
    keyboard = seen.page.keyboard
    keyboard.press("j")
    keyboard.press("a")
    keyboard.type("on my way, j k")
    keyboard.press("Enter")
    seen.page.wait_for_selector("#alert-f1 .word:text('acknowledged')")
    assert "on my way, j k" in seen.page.inner_text("#alert-f1")
    keyboard.press("s")
    keyboard.press("Escape")
    assert seen.page.evaluate("document.activeElement.id") == "alert-f1"
    keyboard.press("s")
    keyboard.press("Enter")
    seen.page.wait_for_selector("#alert-f1 .word:text('silenced')")
    assert seen.complaints == []
    assert seen.page.evaluate("document.documentElement.scrollWidth") <= 360


def test_a_station_s_page_on_the_desk_moves_as_a_whole(seen: Seen, served: Served) -> None:
    """It said that it updates by itself, and what had ended went on firing there, under a "live" of long ago."""
    seen.enter()
    seen.go("/en/ops/station/lp-0001")
    seen.page.wait_for_selector(".link[data-state=connected]")
    assert "live" in seen.page.inner_text("[data-live=conditions]")
    served.city.stations[0] = replace(served.city.stations[0], online=False)
    served.city.alerts = [replace(served.city.alerts[0], state="resolved"), *served.city.alerts[1:]]
    served.city.feed.publish({"node": "lp-0001"})
    served.city.feed.publish({"type": "alert", "fingerprint": "f1"})
    seen.page.wait_for_selector("#alert-f1.resolved")
    seen.page.wait_for_selector("[data-live=conditions]:has-text('offline')")
    assert "offline" in seen.page.inner_text("[data-live=about]")
    assert seen.page.locator("li.alert").count() == 1, "its own alone"
    seen.page.click("#alert-f1 summary")
    seen.page.fill("#alert-f1 [name=note]", "by the stream's own form")
    seen.page.keyboard.press("Enter")
    seen.page.wait_for_url("**/en/ops#alert-f1")  # a browser that is closed on its way to a page may hang
    assert [deed.note for deed in served.city.duty.deeds] == ["by the stream's own form"]


def test_who_presses_a_button_twice_has_done_it_once(seen: Seen) -> None:
    """On a slow line each press was a silence, and the second went on when an operator ended the first."""
    seen.enter()
    seen.page.keyboard.press("s")
    sent = """() => {
      const form = document.querySelector("#alert-f1 details[data-key=s] form"), goes = [];
      addEventListener("submit", (event) => { goes.push(!event.defaultPrevented); event.preventDefault(); });
      for (const comesBack of [false, false, true]) {
        if (comesBack) dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true }));
        form.requestSubmit();
      }
      return goes;
    }"""
    assert seen.page.evaluate(sent) == [True, False, True]


def test_escape_that_ends_what_an_input_method_composes_leaves_the_note_open(seen: Seen) -> None:
    """Who writes Chinese takes syllables back with Escape: the form closed over the half note."""
    seen.enter()
    for key in "jn":
        seen.page.keyboard.press(key)
    methods = seen.page.context.new_cdp_session(seen.page)
    methods.send("Input.imeSetComposition", {"text": "xianchang", "selectionStart": 9, "selectionEnd": 9})
    seen.page.keyboard.press("Escape")
    assert seen.page.is_visible("#alert-f1 details[open] [name=note]")


def test_forms_that_came_by_the_stream_still_work_and_focus_stays(seen: Seen, served: Served) -> None:
    seen.enter()
    seen.page.keyboard.press("j")
    served.city.alerts = [replace(served.city.alerts[0], value=123.0), *served.city.alerts[1:]]
    served.city.feed.publish({"type": "alert", "fingerprint": "f1"})
    seen.page.wait_for_selector("#alert-f1 >> text=123")
    assert seen.page.evaluate("document.activeElement.id") == "alert-f1"
    seen.page.keyboard.press("n")
    seen.page.keyboard.type("sent by the stream's own form")
    with seen.page.expect_navigation():
        seen.page.keyboard.press("Enter")
    seen.go("/en/ops/alert/f1")
    assert "sent by the stream's own form" in seen.page.inner_text("main")


def test_what_somebody_has_is_no_longer_as_red_as_what_waits(seen: Seen, served: Served) -> None:
    """Of forty red rows that one was acknowledged was to be read in each."""
    first = served.city.alerts[0]
    had = replace(first, fingerprint="had", acked_by="wang", acked_ms=first.since_ms)
    quiet = replace(first, fingerprint="quiet", silenced_until_ms=first.since_ms + 9_000_000)
    served.city.alerts = [first, had, quiet]
    seen.enter()
    waits, acked, silenced = seen.page.eval_on_selector_all(
        ".alert.firing", "all => all.map(one => getComputedStyle(one).backgroundColor)"
    )
    assert waits != acked == silenced


def test_a_desk_of_many_alerts_has_the_form_that_is_opened_and_no_other(seen: Seen, served: Served) -> None:
    """A browser looks at each form, whatever it is folded into: of two hundred alerts a desk took two seconds."""
    first = served.city.alerts[0]
    served.city.alerts = [
        replace(first, fingerprint=f"o{n:03d}", rule=f"o{n % 20}", node=f"lp-2{n:03d}") for n in range(200)
    ]
    for alert in served.city.alerts:
        served.city.duty.hear(alert)
    seen.enter()
    page = seen.page
    forms = page.evaluate("document.forms.length")
    page.click("#alert-o007 summary >> nth=0")
    page.fill("#alert-o007 [name=note]", "by mouse")
    assert page.evaluate("document.forms.length") == forms + 1 < 10
    page.click("#alert-o007 [open] button")
    page.wait_for_selector("#alert-o007 .word:text('acknowledged')")
    page.click(".heap summary >> nth=0")
    page.fill(".heap [name=note]", "the heap")
    page.click(".heap[open] button")
    page.wait_for_url("**/en/ops#alerts")
    assert [deed.note for deed in served.city.duty.deeds] == [
        "by mouse",
        *["the heap"] * 10,
    ]  # of a rule's ten stations


def test_without_a_script_the_forms_of_the_list_are_there(seen: Seen, browser: Any, served: Served) -> None:
    seen.enter()
    context = browser.new_context(java_script_enabled=False, storage_state=seen.page.context.storage_state())
    page = context.new_page()
    page.goto(served.url("/en/ops"))
    page.click("#alert-f1 summary >> nth=0")
    page.fill("#alert-f1 details[open] [name=note]", "no script")
    page.click("#alert-f1 details[open] button")
    page.wait_for_selector("#alert-f1 .word:text('acknowledged')")
    context.close()
    assert [deed.note for deed in served.city.duty.deeds] == ["no script"]


def test_who_tabs_through_the_desk_or_scrolls_on_stays_there_while_it_is_renewed(seen: Seen, served: Served) -> None:
    """The same link stands several times: in the bar, and with every alert of one station."""
    first = served.city.alerts[0]
    served.city.alerts = [replace(first, fingerprint=f"o{n}", rule=f"o{n}") for n in range(20)]
    seen.enter()
    page = seen.page
    number = 0

    def renewed() -> None:
        nonlocal number
        number += 1
        served.city.alerts[0] = replace(first, fingerprint="o0", value=200.0 + number)
        served.city.alerts[19] = replace(first, fingerprint="o19", state="pending" if number % 2 else "firing")
        served.city.feed.publish({"type": "alert", "fingerprint": "o0"})
        page.wait_for_selector(f"#alert-o0 >> text={200 + number}")

    for where in ("#alert-o3 a[href$='station/lp-0001']", "#alert-o3 summary >> nth=1", ".ops-bar a >> nth=4"):
        page.focus(where)
        renewed()
        assert page.locator(where).evaluate("here => here === document.activeElement"), where
    page.focus("#alert-o1")
    page.evaluate("scrollTo(0, 9999)")
    below = page.evaluate("scrollY")
    renewed()
    assert page.evaluate("document.activeElement.id") == "alert-o1"
    assert page.evaluate("scrollY") == pytest.approx(below, abs=100)


def test_of_a_list_only_the_rows_that_changed_are_made_anew(seen: Seen, served: Served) -> None:
    """Of two hundred alerts one that moved replaced all: a third of a second of work, each second that one did."""
    first = served.city.alerts[0]
    alerts = [replace(first, fingerprint=f"o{n}", rule=f"o{n}", since_ms=first.since_ms - n) for n in range(6)]
    served.city.alerts = alerts
    seen.enter()
    page = seen.page
    page.evaluate("for (const told of document.querySelectorAll('[data-row] .told')) told.isAsMade = true")
    ended, moved = replace(alerts[1], state="resolved"), replace(alerts[4], since_ms=first.since_ms + 1)
    new = replace(first, fingerprint="new", rule="new", since_ms=first.since_ms + 2)
    served.city.alerts = [new, moved, replace(alerts[0], value=300.0), ended, alerts[3], alerts[5]]
    served.city.feed.publish({"type": "alert", "fingerprint": "o0"})
    page.wait_for_selector("#alert-o1.resolved")
    rows = "all => all.map(one => [one.id.slice(6), !!one.querySelector('.told').isAsMade])"
    assert page.eval_on_selector_all("[data-row]", rows) == [
        ["new", False],
        ["o4", False],
        ["o0", False],
        ["o3", True],
        ["o5", True],
        ["o1", False],
    ]


def test_who_writes_a_note_is_not_disturbed_by_what_comes_to_the_list(seen: Seen, served: Served) -> None:
    """The list stood still meanwhile; and what came above pushed the row from under the hand."""
    first = served.city.alerts[0]
    alerts = [replace(first, fingerprint=f"o{n}", rule=f"o{n}", since_ms=first.since_ms - n) for n in range(6)]
    served.city.alerts = alerts
    seen.enter()
    page = seen.page
    for key in "jjjn":
        page.keyboard.press(key)
    note = page.locator("#alert-o2 [open] [name=note]")
    page.keyboard.type("power is back")
    for _ in range(8):
        page.keyboard.press("ArrowLeft")
    methods = page.context.new_cdp_session(page)
    methods.send("Input.imeSetComposition", {"text": "hui", "selectionStart": 3, "selectionEnd": 3})
    before = note.bounding_box()
    new = [replace(first, fingerprint=f"n{n}", rule=f"n{n}", since_ms=first.since_ms + n) for n in (1, 2)]
    served.city.alerts = [*new, *alerts[3:5], alerts[2], replace(alerts[1], state="resolved")]
    served.city.feed.publish({"type": "alert", "fingerprint": "n1"})
    page.wait_for_selector("#alert-n2")
    page.wait_for_selector("#alert-o4 + #alert-o1.resolved")
    assert note.bounding_box() == pytest.approx(before, abs=1)
    methods.send("Input.insertText", {"text": "回"})
    assert note.input_value() == "power回 is back"
    served.city.alerts = [*new, *alerts[3:5]]
    served.city.feed.publish({"type": "alert", "fingerprint": "o2"})
    page.wait_for_selector("#alert-o1", state="detached")
    assert note.input_value() == "power回 is back", "its alert is gone, and not what was written"
    page.keyboard.press("Escape")
    page.wait_for_selector("#alert-o2", state="detached")
    assert page.evaluate("document.activeElement.id") == "alert-o3", "the next one"


def test_a_row_that_the_pointer_goes_to_stays_under_it(seen: Seen, served: Served) -> None:
    """Who wanted to acknowledge one alert pressed upon another."""
    first = served.city.alerts[0]
    alerts = [replace(first, fingerprint=f"o{n}", rule=f"o{n}", since_ms=first.since_ms - n) for n in range(9)]
    served.city.alerts = alerts
    seen.enter()
    seen.page.hover("#alert-o3 summary >> nth=0")
    seen.page.evaluate("movedMs += 10_000")  # just now, however slow the machine
    before = seen.page.locator("#alert-o3").bounding_box()
    served.city.alerts = [replace(first, fingerprint="new", since_ms=first.since_ms + 1), *alerts]
    served.city.feed.publish({"type": "alert", "fingerprint": "new"})
    seen.page.wait_for_selector("#alert-new")
    assert seen.page.locator("#alert-o3").bounding_box() == pytest.approx(before, abs=1)


def test_what_came_while_a_form_was_filled_in_is_there_once_it_is_closed(seen: Seen, served: Served) -> None:
    seen.enter()
    page = seen.page
    page.keyboard.press("j")
    page.keyboard.press("n")
    page.keyboard.type("half a note")
    served.city.alerts = [replace(served.city.alerts[0], acked_by="wang", acked_ms=served.city.now_ms())]
    served.city.feed.publish({"type": "alert", "fingerprint": "f1"})
    page.wait_for_selector(".ops-bar a:text('1 acknowledged')")
    assert page.input_value("#alert-f1 [open] [name=note]") == "half a note"
    page.keyboard.press("Escape")
    page.wait_for_selector("#alert-f1 .word:text('acknowledged')")


def test_a_message_that_tells_what_the_page_was_made_with_leaves_it_alone(seen: Seen, served: Served) -> None:
    """Each form of two hundred alerts was made anew, behind every acknowledgement; an open one had "news" waiting."""
    seen.enter()
    seen.page.evaluate("""() => {
      document.querySelector("#alert-f1").isAsMade = true;
      addEventListener("renewed", () => document.body.setAttribute("data-heard", ""));
    }""")
    served.city.feed.publish({"type": "alert", "fingerprint": "f1"})
    seen.page.wait_for_selector("body[data-heard]")
    assert seen.page.evaluate("document.querySelector('#alert-f1').isAsMade")


def test_a_form_that_is_left_open_says_that_news_waits_for_it(seen: Seen, served: Served) -> None:
    """The list stood still for as long as it was open, on a page that said that it updates by itself."""
    seen.page.clock.install()
    seen.enter()
    page = seen.page
    page.keyboard.press("j")
    page.keyboard.press("n")
    served.city.alerts = [replace(served.city.alerts[0], value=123.0)]
    served.city.feed.publish({"type": "alert", "fingerprint": "f1"})
    wait_for("the news to come", lambda: page.evaluate("waiting.size") > 0)
    page.clock.run_for(31_000)
    assert "there is news" in page.inner_text(".link[data-state=held]")
    page.keyboard.press("Escape")
    page.clock.run_for(2000)
    page.wait_for_selector(".link[data-state=connected]")
    assert "123" in page.inner_text("#alert-f1")


def test_a_link_in_mail_that_is_read_in_the_browser_leads_who_is_logged_in_to_the_alert(seen: Seen) -> None:
    """The strict cookie does not come along from another site: the door was shown to who stood inside."""
    seen.enter()
    wanted = seen.page.url.replace("/en/ops", "/en/ops/data?q=highest&since=30d")
    seen.page.goto(seen.page.url.replace("127.0.0.1", "localhost").replace("/en/ops", "/data"))
    link = "address => { const a = document.createElement('a'); a.href = address; a.innerText = 'alert'; return a; }"
    seen.page.evaluate(f"address => document.body.prepend(({link})(address))", wanted)
    seen.page.click("a:text-is('alert')")
    seen.page.wait_for_url(wanted)


def test_a_printed_desk_has_the_charts_of_a_sheet_and_nothing_to_press(seen: Seen) -> None:
    """Letters stood as tall as headlines beside a phone's chart, and half the sheet was fields to fill in."""
    seen.enter()
    seen.page.set_viewport_size({"width": 718, "height": 1000})  # A4, as browsers reckon it
    seen.page.emulate_media(media="print")
    assert not seen.page.is_visible("#keys")
    seen.go("/en/ops/data?q=air-latest")  # of the hours there is none in the first minutes of one
    assert seen.page.is_visible("table")
    assert not seen.page.is_visible("form")
    seen.go("/en/ops/station/lp-0001")
    assert seen.page.is_visible(".chart.wide")
    assert not seen.page.is_visible(".chart.narrow")


@pytest.mark.parametrize("root", ["/ops", "/en/ops"])
def test_every_page_behind_the_door_fits_keeps_to_itself_and_has_no_violation(seen: Seen, root: str) -> None:
    seen.enter()
    for path in INSIDE:
        seen.look_at(root + path)


def test_the_question_mark_opens_the_keys_and_escape_closes_them(seen: Seen) -> None:
    seen.enter()
    seen.page.keyboard.press("?")
    assert seen.page.is_visible("#help >> text=next, previous")
    seen.page.keyboard.press("a")
    assert seen.page.locator("details[open]").count() == 0, "behind it a form held up all that came"
    seen.page.keyboard.press("Escape")
    assert not seen.page.is_visible("#help")


def test_escape_closes_the_form_of_a_heap_too(seen: Seen, served: Served) -> None:
    """It stayed open, and held up all that came to the list."""
    first = served.city.alerts[0]
    served.city.alerts += [replace(first, fingerprint=f"h{n}", node=f"lp-00{n}") for n in range(10, 13)]
    seen.enter()
    seen.page.click(".heap summary")
    seen.page.focus(".heap [name=note]")
    seen.page.keyboard.press("Escape")
    assert seen.page.locator(".heap[open]").count() == 0
    assert seen.page.evaluate("document.activeElement.localName") == "summary"


def test_single_keys_are_switched_off_above_the_list_and_stay_off(seen: Seen) -> None:
    """Who dictates a name sets off every letter of it (WCAG 2.1.4)."""
    seen.enter()
    seen.page.get_by_label("Single keys").uncheck()
    for reload in (False, True):
        if reload:
            seen.page.reload()
            assert not seen.page.get_by_label("Single keys").is_checked()
        for key in "ja?":
            seen.page.keyboard.press(key)
        assert seen.page.evaluate("document.activeElement.closest('[data-row]')") is None
        assert seen.page.locator("details[data-key][open], #help[open]").count() == 0
    seen.page.get_by_label("Single keys").check()
    seen.page.keyboard.press("j")
    assert seen.page.evaluate("document.activeElement.id") == "alert-f1"


def test_a_row_that_is_moved_to_is_read_out_by_its_alert_and_station(seen: Seen) -> None:
    """A list item has no name of its own: a screen reader said "item 3 of 40"."""
    seen.enter()
    row = seen.page.get_by_role("listitem", name="PM2.5 hourly mean too high · Jianguo Rd East")
    assert row.first.get_attribute("id") == "alert-f1"


def test_the_tab_s_title_counts_what_fires(seen: Seen, served: Served) -> None:
    seen.enter()
    assert seen.page.title().startswith("(1) ")
    served.city.alerts = [replace(served.city.alerts[0], state="resolved"), *served.city.alerts[1:]]
    served.city.feed.publish({"type": "alert", "fingerprint": "f1"})
    wait_for("the title to follow", lambda: not seen.page.title().startswith("("))


def test_a_desk_whose_session_has_ended_says_so_and_leads_back(seen: Seen, served: Served) -> None:
    seen.enter()
    with closing(DeskFile(served.city.desk)) as file, file.use() as db:
        db.execute("DELETE FROM session")
    served.city.feed.publish({"type": "alert", "fingerprint": "f1"})
    seen.page.click("text=No longer logged in")
    seen.page.wait_for_url("**/en/ops/login")
    assert [one for one in seen.complaints if "MIME type" not in one] == []  # the stream is not one any more
