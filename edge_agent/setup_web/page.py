"""The set-up page as HTML: no script, no outside request, readable on an old phone in the rain. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from edge_agent.screens.words import reading, span
from edge_agent.setup_web.form import FIELDS
from edge_agent.setup_web.live import Row
from edge_agent.setup_web.texts import TEXTS, Words
from wire.both import in_language, joined
from wire.exits import Failure

_OTHER = {"zh": "English", "en": "中文"}


def code_page(t: Words, left: int, wrong: bool) -> str:
    """The door."""
    said = f'<p class="bad" role="alert">{escape(t("wrong", n=left))}</p>' if wrong else ""
    return _page(
        t,
        f'{said}<form method="post" action="/enter?lang={t.language}"><label>{escape(t("code"))}'
        '<input class="digits" name="code" inputmode="numeric" autocomplete="off" maxlength="9" required autofocus>'
        f"</label><button>{escape(t('enter'))}</button></form>",
    )


def refusal_page(t: Words, text: str) -> str:
    """One sentence: why this page is not to be had."""
    return _page(t, f'<p class="bad">{escape(text)}</p>')


def form_page(
    t: Words,
    key: str,
    given: Mapping[str, str],
    wrong: Mapping[str, str],
    unsure: Sequence[Row],
    trouble: str,
    minutes: int,
    clock_is_set: bool,
) -> str:
    """Sensors moving, and what there is to fill in. `wrong` says of a field what is wanted."""

    def field(name: str, more: str = "") -> str:
        said = f' <span class="bad" role="alert">{escape(t.known(wrong[name]))}</span>' if name in wrong else ""
        more += ' aria-invalid="true"' if name in wrong else ""
        more += " autofocus" if name == first_wrong else ""  # it lies below what a phone shows of the page
        value = escape(given.get(name, ""))
        return f'<label>{escape(t(name))}{said}<input name="{name}" value="{value}" maxlength="2000" {more}></label>'

    first_wrong = next((name for name in FIELDS if name in wrong), None) if not trouble else None
    picks = "".join(_pick(t, row, given) for row in unsure)
    plain = 'autocapitalize="none" autocorrect="off" spellcheck="false"'
    alarm = f'<p class="bad" role="alert">{escape(trouble)}</p>' if trouble else ""
    return _page(
        t,
        f"{alarm}<h2>{escape(t('sensors'))}</h2>"
        f'<iframe name="live" src="/live?lang={t.language}" title="{escape(t("sensors"))}"></iframe>'
        f'<p class="how">{escape(t("moving"))}</p>'
        f'<form method="post" action="/again?lang={t.language}" target="live">'  # what was typed below stays
        f'<input type="hidden" name="key" value="{key}"><button class="plain">{escape(t("again"))}</button></form>'
        f"<h2>{escape(t('station'))}</h2>"
        f'<form method="post" action="/start?lang={t.language}"><input type="hidden" name="key" value="{key}">{picks}'
        f"{''.join(field(name, '' if name in ('who', 'where') else plain) for name in FIELDS)}"
        f"{'' if clock_is_set else _clock(t, given)}"
        f'<p class="how">{escape(t("password"))}</p><button>{escape(t("start"))}</button></form>'
        f'<p class="how">{escape(t("left", n=minutes))}</p>',
    )


def live_page(t: Words, rows: Sequence[Row], searching: bool, trouble: Failure | None) -> str:
    """The inside of the frame that renews itself."""
    lines = [_sensor(t, row) for row in rows]
    if searching:
        lines.insert(0, f'<p class="how">{escape(t("searching"))}</p>')
    elif not rows or trouble:
        why = (
            t("no_ports")
            if trouble is None
            else t.known(trouble.word)
            if trouble.word in TEXTS
            else t.known(trouble.message)
        )
        lines.insert(0, f'<p class="bad">{escape(why)}</p>')
    return _document(t, '<meta http-equiv="refresh" content="3">', "".join(lines), "inside")


def progress_page(t: Words, lines: Sequence[str], ending: str | None) -> str:
    """What the terminal shows, and how it ended."""
    style = {None: "how", "proved": "good"}.get(ending, "bad")
    head = '<meta http-equiv="refresh" content="3">' if ending is None else ""
    told, said = escape(t(ending or "proving")), escape(in_language(joined("\n", lines), t.language))
    body = f'<h1>{escape(t("title"))}</h1><p class="{style}" role="status">{told}</p><pre>{said}</pre>'
    return _document(t, head, body)


def _sensor(t: Words, row: Row) -> str:
    port = f'<br><span class="how">{escape(row.port)}</span>'
    trouble = f' <span class="bad">{escape(t.known(row.trouble))}</span>' if row.trouble else ""
    if row.profile is None:
        what = t("unsure") if row.others else t("nothing_heard")
        return f'<div class="sensor">{escape(what)}{trouble}{port}</div>'
    shown = in_language(reading(row.values), t.language)
    told = f"<br><b>{escape(shown)}</b> {escape(row.recent)}" if shown else ""
    words = [t.known(row.quality)] + ([in_language(span(row.age_s), t.language)] if row.age_s is not None else [])
    quality = f' <span class="how">{escape(" · ".join(words))}</span>' if row.quality else ""
    return f'<div class="sensor">{escape(row.name or "")} · {escape(row.profile)}{told}{quality}{trouble}{port}</div>'


def _clock(t: Words, given: Mapping[str, str]) -> str:
    chosen = " selected" if given.get("clock") == "always" else ""
    return (
        f'<label>{escape(t("clock"))}<select name="clock"><option value="when-synchronised">{escape(t("clock_wait"))}'
        f'</option><option value="always"{chosen}>{escape(t("clock_believe"))}</option></select></label>'
    )


def _pick(t: Words, row: Row, given: Mapping[str, str]) -> str:
    name = f"pick {row.port}"
    options = "".join(
        f"<option{' selected' if given.get(name) == one else ''}>{escape(one)}</option>" for one in row.choices
    )
    return (
        f'<label>{escape(t("which", port=row.port))}<select name="{escape(name)}">'
        f'<option value="">{escape(t("none"))}</option>{options}</select></label>'
    )


def _page(t: Words, body: str) -> str:
    other = "en" if t.language == "zh" else "zh"
    head = f'<a class="lang" href="/?lang={other}">{_OTHER[t.language]}</a><h1>{escape(t("title"))}</h1>'
    return _document(t, "", head + body)


def _document(t: Words, head: str, body: str, style: str = "") -> str:
    language = "zh-CN" if t.language == "zh" else "en"
    return (
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8"><title>{escape(t("title"))}</title>'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<link rel="stylesheet" href="/style.css">{head}</head><body class="{style}"><main>{body}</main></body></html>'
    )
