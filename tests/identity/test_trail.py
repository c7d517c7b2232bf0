"""The trail says who did what: no stranger writes in it, and no line goes unnoticed."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from collector.commands import trail as commands
from collector.files import trail
from collector.identity import authority
from collector.identity.authority import Authority, utc_now
from collector.identity.book import TokenRefused
from collector.identity.enrolment import Enrolment, Refused
from collector.web.desk.file import DeskFile
from tests.closes import Closes

NOW = 1_790_000_000_000

EVIL = "x\r\x1b[2K2026-11-26 12:00  root  retired  lp-1\n2026 root\x1b]0;mine\x07"


def test_a_stranger_who_is_refused_writes_no_words_of_their_own_into_the_trail(office: Enrolment) -> None:
    stranger = authority.pem(Authority.new("x", utc_now()).certificate)
    for node in (EVIL, "collector", "lp-1 "):
        with pytest.raises(Refused):
            office.renew(node, stranger, b"", b"", NOW)
    with office.book._file.use() as db:
        assert trail.newest(db, 10) == []


def test_a_flood_of_refusals_is_some_lines_and_a_number(office: Enrolment) -> None:
    stranger = authority.pem(Authority.new("x", utc_now()).certificate)
    for number in range(100):
        with pytest.raises(Refused):
            office.renew("lp-1", stranger, b"", b"", NOW + number)
        with pytest.raises(TokenRefused):
            office.book.take_token("none", "lp-2", NOW + number)
    with pytest.raises(TokenRefused):
        office.book.take_token("none", "lp-2", NOW + 60_000)
    with office.book._file.use() as db:
        lines = trail.newest(db, 300)
        assert trail.verify(db).broken_at is None
    assert len(lines) == 11
    assert lines[0].about == "unknown and 190 more before"


def test_no_line_of_the_trail_commands_the_terminal_or_looks_like_another(tmp_path: Path, closes: Closes) -> None:
    settings = tmp_path / "collector.yaml"
    settings.write_text(
        f"name: c1\nstate_file: {tmp_path}/collector.db\nstore: {{kind: sqlite, path: {tmp_path}/r.db}}\n"
    )
    with closes(DeskFile(tmp_path / "desk.db")).use() as db:
        trail.append(db, trail.Line(NOW, EVIL, "note", "a\u202eb"))
    for as_json in ([], ["--json"]):
        shown = CliRunner().invoke(commands.app, ["list", "--config", str(settings), *as_json]).stdout
        assert shown.count("\n") == 1
        assert shown[:-1].isprintable()


def test_the_trail_tells_when_one_line_of_10000_was_changed_removed_or_cut_off(tmp_path: Path, closes: Closes) -> None:
    file = closes(DeskFile(tmp_path / "desk.db"))
    with file.use() as db:
        for number in range(10_000):
            trail.append(db, trail.Line(NOW + number, "anna", "note", f"line {number}"))
        sound = trail.verify(db)
        assert sound.broken_at is None
        assert sound.lines == 10_000
        db.execute("UPDATE audit SET about = 'line 7' WHERE id = 5001")
        assert trail.verify(db).broken_at == 5001
        db.execute("UPDATE audit SET about = 'line 5000' WHERE id = 5001")
        assert trail.verify(db).broken_at is None
        db.execute("DELETE FROM audit WHERE id = 4000")
        assert trail.verify(db).broken_at == 4000
        db.execute("DELETE FROM audit WHERE id >= 4000")
        assert trail.verify(db).broken_at is None
        assert trail.verify(db, sound.head).broken_at == 4000, "a head that was noted is missed"
