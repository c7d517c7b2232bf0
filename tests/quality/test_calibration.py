"""Calibration: the record in force at a reading's time, raw beside corrected, every step on record."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import typer
import yaml
from typer.testing import CliRunner

from collector.commands.calibrate import app as calibrate
from collector.commands.query import station as query_command
from collector.files.statedb import open_state
from collector.numbers.calibration import Calibrations, Record
from collector.numbers.derive import Derivation
from collector.numbers.quality import Quality
from collector.numbers.recalibrate import rewrite
from collector.numbers.reporting import Reporting
from collector.numbers.rollups import Rollups
from collector.numbers.window_book import WindowBook
from collector.numbers.windows import hour_of
from collector.stores.line_protocol import lines
from collector.stores.sqlite import Sqlite
from collector.stores.store import Select, Stored, Table
from measures.corrections import fire_and_smoke, us_wide
from tests import stored
from tests.closes import Closes
from tests.quality.bench import SHANGHAI
from wire.batch import Block, Envelope
from wire.exits import Failure
from wire.times import HOUR_MS, MINUTE_MS

NOON = 1_772_337_600_000  # 2026-03-01T12:00+08:00
CHINA = Reporting(SHANGHAI)

query = typer.Typer()
query.command()(query_command)


def envelope(seq: int = 1) -> Envelope:
    return Envelope("lp-1", "s", "0" * 32, seq, "b71d04c2", "synced", [])


def record(from_ms: int, slope: float = 2.0, offset: float = 1.0, quantity: str = "pm25_ugm3", **more: Any) -> Record:
    return Record("lp-1", "air-1", quantity, from_ms, from_ms, "somebody", slope=slope, offset=offset, **more)


@pytest.fixture
def calibrations(tmp_path: Path, closes: Closes) -> Calibrations:
    return Calibrations(closes(open_state(tmp_path / "state.db")))


def derived(calibrations: Calibrations, reporting: Reporting = CHINA, **fields: list[Any]) -> dict[str, list[Any]]:
    count = len(next(iter(fields.values())))
    times = [NOON + n * MINUTE_MS for n in range(count)]
    return calibrations.derive("lp-1", "air-1", times, fields, reporting)


def test_without_a_record_the_corrected_value_is_the_raw_one(calibrations: Calibrations) -> None:
    assert derived(calibrations, pm25_raw_ugm3=[0, None]) == {"pm25_ugm3": [0, None], "cal_id": ["identity"] * 2}


def test_the_record_in_force_at_the_readings_time_is_used(calibrations: Calibrations) -> None:
    calibrations.add(record(NOON + MINUTE_MS))
    calibrations.add(record(NOON + 3 * MINUTE_MS, slope=3, offset=0))
    calibrations.add(record(NOON + 3 * MINUTE_MS, slope=4, offset=0))  # the last made of one time counts
    found = derived(calibrations, pm25_raw_ugm3=[10, 10, None, 10], pm10_raw_ugm3=[7, 7, 7, 7])
    assert found["pm25_ugm3"] == [10, 21, None, 40]
    assert found["pm10_ugm3"] == [7, 7, 7, 7]
    assert found["cal_id"] == ["identity", "pm25_ugm3:c1", "pm25_ugm3:c1", "pm25_ugm3:c3"]


@pytest.mark.parametrize(("state", "no2"), [("25C", 18.804526), ("20C", 19.125243), ("0C", 20.525674)])
def test_gases_become_mass_at_the_stations_state(calibrations: Calibrations, state: Any, no2: float) -> None:
    reporting = Reporting(SHANGHAI, gas_state=state)
    found = derived(calibrations, reporting, no2_raw_ppb=[10.0], co_raw_ppm=[0.0])
    assert found["no2_ugm3"] == [pytest.approx(no2, abs=2e-3)]
    assert found["co_mgm3"] == [0.0]
    assert found["cal_id"] == [f"no2_ugm3:{state},co_mgm3:{state}"]


def test_a_formula_takes_the_sensors_own_humidity(calibrations: Calibrations) -> None:
    calibrations.add(record(NOON, formula="us-wide-2021"))
    found = derived(calibrations, pm25_raw_ugm3=[20, 20, 20, -0.5], case_rh_pct=[50.0, None, 110.0, 50.0])
    assert found["pm25_ugm3"] == [pytest.approx(us_wide(20, 50.0)), None, None, None]


def test_the_us_wide_formula_reads_the_value_it_is_fitted_on(calibrations: Calibrations) -> None:
    """A Plantower in dense smoke: 194 with CF=1, 129 for the atmosphere (Barkjohn et al. 2021)."""
    calibrations.add(record(NOON, formula="us-wide-2021"))
    fields: dict[str, Any] = {"pm25_raw_ugm3": [129], "pm25_cf1_ugm3": [194], "case_rh_pct": [50.0]}
    found = derived(calibrations, **fields)
    assert found["pm25_ugm3"] == [pytest.approx(0.524 * 194 - 0.0862 * 50 + 5.75)]
    assert found["cal_id"] == ["pm25_ugm3:c1@cf1"]
    without = derived(calibrations, **fields | {"pm25_cf1_ugm3": [None]})
    assert without["pm25_ugm3"] == [None]
    calibrations.add(record(NOON, formula="fire-and-smoke-2021"))
    found = derived(calibrations, **fields)
    assert found["pm25_ugm3"] == [pytest.approx(fire_and_smoke(129, 50.0))]
    assert found["cal_id"] == ["pm25_ugm3:c2"]


def test_each_row_reads_what_its_own_formula_is_fitted_on(calibrations: Calibrations) -> None:
    calibrations.add(record(NOON, formula="us-wide-2021"))
    calibrations.add(record(NOON + MINUTE_MS))
    found = derived(calibrations, pm25_raw_ugm3=[129, 10], pm25_cf1_ugm3=[194, 11], case_rh_pct=[50.0, 50.0])
    assert found["pm25_ugm3"] == [pytest.approx(us_wide(194, 50.0)), 21.0]
    assert found["cal_id"] == ["pm25_ugm3:c1@cf1", "pm25_ugm3:c2"]


@pytest.mark.parametrize("stat", ["", "_mean"])
def test_a_calibration_that_changes_within_a_batch_changes_from_its_row_on(
    calibrations: Calibrations, stat: str
) -> None:
    """2·100 + 1; then 0.524·100 - 0.0862·40 + 5.75 with the humidity of that very row. What is absent stays absent."""
    calibrations.add(record(NOON))
    calibrations.add(record(NOON + MINUTE_MS, formula="us-wide-2021"))
    fields: dict[str, list[Any]] = {
        "pm25_raw_ugm3": [100, 100, None],
        "case_rh_pct": [10.0, 40.0, 40.0],
        "no2_raw_ppb": [None, 10.0, None],
    }
    found = derived(calibrations, CHINA, **{name + stat: column for name, column in fields.items()})
    assert found["pm25_ugm3" + stat] == [201.0, 54.702, None]
    assert found["no2_ugm3" + stat] == [None, 18.804309, None]
    assert found["cal_id"] == [f"pm25_ugm3:c{n},no2_ugm3:25C" for n in (1, 2, 2)]


def test_thinned_rows_are_corrected_as_readings_are(calibrations: Calibrations) -> None:
    calibrations.add(record(NOON))
    block = Block("air-1", "air_quality_1m", [NOON], {"pm25_raw_ugm3_mean": [10.0], "pm25_raw_ugm3_n": [60]})
    (table,) = Derivation(Quality({}), calibrations, lambda _: CHINA).tables(envelope(), [block])
    assert (table.columns["pm25_ugm3_mean"], table.columns["pm25_ugm3_n"]) == ([21.0], [60])
    assert "pm25_ugm3_n" in table.whole


def test_a_formula_holds_from_no_particles_and_no_humidity_to_all_of_it(calibrations: Calibrations) -> None:
    """0.524 raw - 0.0862 RH + 5.75 (Barkjohn 2021): 5.75 at 0 and 0, -2.87 at 0 and 100 %, told with six decimals."""
    calibrations.add(record(NOON, formula="us-wide-2021"))
    found = derived(
        calibrations,
        pm25_raw_ugm3=[0, 0, 1 / 3, -0.1, 10.0, 10.0],
        case_rh_pct=[0, 100, 50.0, 50.0, -0.1, 100.1],
    )
    assert found["pm25_ugm3"] == [5.75, -2.87, 1.614667, None, None, None]


def test_the_record_that_began_last_is_in_force_and_of_two_the_one_made_last(calibrations: Calibrations) -> None:
    """A record for an earlier time, made later, does not take the place of the one after it."""
    later = calibrations.add(record(NOON + HOUR_MS, slope=3.0))
    first = calibrations.add(record(NOON, slope=4.0))
    second = calibrations.add(record(NOON, slope=5.0))
    calibrations.add(replace(record(NOON), node="lp-2"))
    assert (first.number, second.number) == (2, 3)
    told = [calibrations.in_force("lp-1", "air-1", "pm25_ugm3", NOON + n * HOUR_MS) for n in (-1, 0, 1, 2)]
    assert told == [None, second, later, later]
    assert [calibrations.of_node("lp-1", NOON + n * HOUR_MS) for n in (-1, 0, 1)] == [[], [second], [later]]


def test_records_are_kept_over_restarts_and_never_changed(tmp_path: Path, closes: Closes) -> None:
    Calibrations(closes(open_state(tmp_path / "state.db"))).add(record(NOON))
    again = Calibrations(closes(open_state(tmp_path / "state.db")))
    other = Calibrations(closes(open_state(tmp_path / "state.db")))
    other.add(record(NOON, slope=9))
    again.refresh()
    assert [each.slope for each in again.all()] == [2.0, 9.0]
    assert again.in_force("lp-1", "air-1", "pm25_ugm3", NOON) == again.all()[1]
    assert again.in_force("lp-1", "air-1", "pm25_ugm3", NOON - 1) is None


class City:
    """A collector's files, its windows driven by hand, and the commands run on them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = folder / "collector.yaml"
        settings = {
            "store": {"kind": "sqlite", "path": str(folder / "readings.db")},
            "state_file": str(folder / "state.db"),
        }
        self.config.write_text(yaml.safe_dump(settings))
        self.store = Sqlite(folder / "readings.db")
        assert self.store.prepare() == Stored()
        self._state = open_state(folder / "state.db")
        self.calibrations = Calibrations(self._state)
        self.derivation = Derivation(Quality({}), self.calibrations, lambda _: CHINA)
        self.rollups = Rollups(self.store, WindowBook(self._state), lambda _: CHINA, Quality({}))

    def close(self) -> None:
        self.store.close()
        self._state.close()

    def send(self, times: list[int], values: list[Any], now_ms: int, **more: list[Any]) -> None:
        self.calibrations.refresh()
        block = Block("air-1", "air_quality", times, {"pm25_raw_ugm3": values, **more})
        tables = self.derivation.tables(envelope(), [block])
        stored.put(self.store, *tables)
        self.rollups.observe(tables, now_ms)
        self.rollups.step(now_ms)

    def settle(self, now_ms: int) -> None:
        for _ in range(200):
            now_ms += 20_000
            self.rollups.step(now_ms)
            if not self.rollups.waiting(now_ms):
                return

    def rows(self, measurement: str, *columns: str) -> list[list[Any]]:
        return stored.rows(self.store, measurement, *columns)

    def run(self, app: Any, *arguments: str) -> str:
        result = CliRunner().invoke(app, [*arguments, "--config", str(self.config)], catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.output


def test_fit_and_apply_rewrite_what_is_after_the_date_and_leave_a_line(tmp_path: Path, closes: Closes) -> None:
    city = closes(City(tmp_path))
    day = list(range(NOON - 12 * HOUR_MS, NOON + 12 * HOUR_MS, MINUTE_MS))
    city.send(day, [20.0] * len(day), NOON + 12 * HOUR_MS)
    city.settle(NOON + 20 * HOUR_MS)
    file = tmp_path / "pole.csv"
    file.write_text("sensor,reference\n" + "".join(f"{n},{2 * n + 1}\n" for n in range(20)))
    which = ("--node", "lp-1", "--sensor", "air-1", "--quantity", "pm25_ugm3", "--from", "2026-03-01T15:00")
    assert "nothing was kept" in city.run(calibrate, "fit", str(file), *which, "--try")
    assert "kept as c1" in city.run(calibrate, "fit", str(file), *which)
    before = city.rows("air_quality_1h", "pm25_ugm3_mean")
    said = json.loads(city.run(calibrate, "apply", "--since", "2026-03-01T14:30", "--json"))
    assert said["rows"] == 9 * 60 + 30
    city.settle(NOON + 30 * HOUR_MS)
    readings = city.rows("air_quality", "pm25_raw_ugm3", "pm25_ugm3", "cal_id")
    for time_ms, raw, corrected, cal_id in readings:
        after = time_ms >= NOON + 3 * HOUR_MS
        assert (raw, corrected, cal_id) == ((20, 41, "pm25_ugm3:c1") if after else (20, 20, "identity"))
    hours = city.rows("air_quality_1h", "pm25_ugm3_mean")
    assert hours == [[t, 41.0 if t >= NOON + 3 * HOUR_MS else 20.0] for t, _ in before]
    assert city.rows("air_quality_1d", "pm25_ugm3_mean") == [[NOON - 12 * HOUR_MS, round((15 * 20 + 9 * 41) / 24, 6)]]
    assert city.rows("air_quality_1m", "pm25_ugm3_mean")[-1][1] == 41.0
    listed = json.loads(city.run(calibrate, "list", "--json"))
    assert [line["what"] for line in listed["audit"]] == ["fit", "apply"]
    assert listed["records"][0]["slope"] == pytest.approx(2)
    # a batch that is sent again gets the record of its readings' time, not of its arrival
    city.send(day[:10] + day[-10:], [20.0] * 20, NOON + 40 * HOUR_MS)
    assert city.rows("air_quality", "pm25_raw_ugm3", "pm25_ugm3", "cal_id") == readings


def test_a_value_never_stands_under_the_name_of_a_record_that_did_not_make_it(tmp_path: Path, closes: Closes) -> None:
    city = closes(City(tmp_path))
    times = [NOON + n * MINUTE_MS for n in range(4)]
    city.send(times, [20.0] * 4, NOON + HOUR_MS, case_rh_pct=[50.0, None, 50.0, None])
    which = ("--node", "lp-1", "--sensor", "air-1", "--from", "2026-03-01")
    city.run(calibrate, "formula", "us-wide-2021", *which)
    assert "2 rows are as they were" in city.run(calibrate, "apply", "--since", "2026-03-01")
    made = pytest.approx(us_wide(20, 50.0))
    rows = city.rows("air_quality", "pm25_ugm3", "cal_id")
    assert [row[1:] for row in rows] == [
        [made, "pm25_ugm3:c1"], [20.0, "identity"], [made, "pm25_ugm3:c1"], [20.0, "identity"]
    ]  # fmt: skip


def test_an_hour_of_which_nothing_can_be_corrected_is_told_too(tmp_path: Path, closes: Closes) -> None:
    city = closes(City(tmp_path))
    city.send([NOON, NOON + MINUTE_MS], [20.0] * 2, NOON + HOUR_MS, case_rh_pct=[None, None])
    which = ("--node", "lp-1", "--sensor", "air-1", "--from", "2026-03-01")
    city.run(calibrate, "formula", "us-wide-2021", *which)
    assert "2 rows are as they were" in city.run(calibrate, "apply", "--since", "2026-03-01")
    assert [row[1:] for row in city.rows("air_quality", "pm25_ugm3", "cal_id")] == [[20.0, "identity"]] * 2


def test_a_row_is_left_if_one_of_its_values_has_no_correction(tmp_path: Path, closes: Closes) -> None:
    """Its `cal_id` is of all its values."""
    city = closes(City(tmp_path))
    city.send([NOON, NOON + MINUTE_MS], [20.0, None], NOON + HOUR_MS, no2_raw_ppb=[10.0, 10.0])
    city.calibrations.add(record(NOON, quantity="no2_ugm3"))
    which = ("--node", "lp-1", "--sensor", "air-1", "--from", "2026-03-01")
    city.run(calibrate, "formula", "us-wide-2021", *which)
    said = json.loads(city.run(calibrate, "apply", "--since", "2026-03-01", "--json"))
    assert (said["rows"], said["left"]) == (1, 1)
    raw, corrected = 18.804309, 38.608618
    assert [row[1] for row in city.rows("air_quality", "no2_ugm3")] == [raw, corrected]


@pytest.mark.parametrize("place", ["Asia/Kathmandu", "Australia/Lord_Howe"])
@pytest.mark.parametrize("measurement", ["air_quality", "air_quality_1m"])
def test_the_hours_of_the_stations_clock_are_due_also_where_it_is_moved_by_half_an_hour(
    place: str, measurement: str, store: Sqlite, tmp_path: Path, closes: Closes
) -> None:
    """On Lord Howe clocks go back by half an hour at 15:00 UTC. Minutes that were thinned have no readings."""
    zone, noon = ZoneInfo(place), 1_775_304_000_000
    state = closes(open_state(tmp_path / "state.db"))
    times = [noon + n * 5 * MINUTE_MS for n in range(6 * 12)]
    stats: dict[str, list[float]] = {"": [20.0]} if measurement == "air_quality" else {"_mean": [20.0], "_n": [60]}
    columns = {f"pm25_raw_ugm3{end}": value * len(times) for end, value in stats.items()}
    tags = (("node", "lp-1"), ("sensor", "air-1"), ("site", "s"))
    stored.put(store, Table(measurement, tags, times, columns, frozenset({"pm25_raw_ugm3_n"})))
    calibrations, book = Calibrations(state), WindowBook(state)
    calibrations.add(record(noon))
    span, reporting = (noon + 20 * MINUTE_MS, noon + 5 * HOUR_MS), Reporting(zone)
    done = list(rewrite(store, book, calibrations, lambda _: reporting, [("lp-1", "air-1")], span))
    rewritten = [time_ms for time_ms in times if span[0] <= time_ms < span[1]]
    assert sum(one.rows for one in done) == len(rewritten)
    due = {hour_ms for (_, hour_ms) in book.due(0, 100)}
    assert due == {hour_of(time_ms, zone) for time_ms in rewritten}
    end = "" if measurement == "air_quality" else "_mean"
    (series,) = store.select(Select(measurement, (f"pm25_ugm3{end}",)))
    assert [row for row in series.rows if row[1] is not None] == [[time_ms, 41.0] for time_ms in rewritten]


def test_what_is_known_of_a_raw_column_is_not_said_of_a_corrected_one(calibrations: Calibrations) -> None:
    """Readings that do not move, whole numbers: the corrected ones have decimals, and move with the record."""
    calibrations.add(record(NOON, slope=1.0, offset=0.25))
    calibrations.add(record(NOON + MINUTE_MS, slope=1.0, offset=0.5))
    derivation = Derivation(Quality({}), calibrations, lambda _: CHINA)
    fields: dict[str, list[Any]] = {"pm25_raw_ugm3": [20, 20], "pm10_raw_ugm3": [30, 30]}
    spans: dict[str, tuple[float, float, bool]] = {"pm25_raw_ugm3": (20, 20, True), "pm10_raw_ugm3": (30, 30, True)}
    block = Block("air-1", "air_quality", [NOON, NOON + MINUTE_MS], fields, spans=spans)
    written = [lines(table) for table in derivation.tables(envelope(), [block]) if table.measurement == "air_quality"]
    ((first, second),) = written
    assert b"pm25_ugm3=20.25" in first
    assert b"pm25_ugm3=20.5" in second
    assert all(b"pm10_ugm3=30," in line for line in (first, second))


def test_a_calibration_ends_with_the_unit_it_was_made_for(tmp_path: Path, closes: Closes) -> None:
    city = closes(City(tmp_path))
    which = ("--node", "lp-1", "--sensor", "air-1", "--quantity", "pm25_ugm3")
    city.run(
        calibrate, "set", *which, "--from", "2026-03-01T12:00", "--slope", "0.5", "--offset", "3", "--source", "bench"
    )
    told = city.run(calibrate, "set", *which, "--from", "2026-03-01T12:02")  # the sensor was exchanged
    assert "kept as c2; now: lamppost calibrate apply --since 2026-03-01T12:02\n" in told
    city.send([NOON + n * MINUTE_MS for n in range(4)], [20.0] * 4, NOON + HOUR_MS)
    rows = city.rows("air_quality", "pm25_ugm3", "cal_id")
    assert [row[1:] for row in rows] == [[13.0, "pm25_ugm3:c1"]] * 2 + [[20.0, "pm25_ugm3:c2"]] * 2
    refused = CliRunner().invoke(
        calibrate, ["set", *which, "--from", "2026-03-01", "--slope", "0", "--config", str(city.config)]
    )
    assert isinstance(refused.exception, Failure)
    told = city.run(calibrate, "set", *which, "--from", "2199-01-01")
    assert "kept as c3; in force from then on\n" in told, "apply refuses what is still to come"


@pytest.mark.parametrize(("node", "sensor"), [("lp-1", ""), ("LP-1", "air-1")])
def test_a_calibration_of_no_name_is_refused_and_one_of_nobody_known_is_told(
    tmp_path: Path, closes: Closes, node: str, sensor: str
) -> None:
    """Mistyped, it was kept without a word, for ever, and corrected nobody."""
    city = closes(City(tmp_path))
    words = ["set", "--quantity", "pm25_ugm3", "--from", "2026-03-01", "--config", str(city.config)]
    refused = CliRunner().invoke(calibrate, [*words, "--node", node, "--sensor", sensor])
    assert isinstance(refused.exception, Failure)
    assert "names are of a-z" in refused.exception.line()
    kept = CliRunner().invoke(calibrate, [*words, "--node", "lp-11", "--sensor", "air-1"], catch_exceptions=False)
    assert "kept as c1" in kept.stdout
    assert "warning: lp-11 has announced no sensor air-1 so far" in kept.stderr


def test_a_file_of_excel_is_read_and_a_poor_fit_is_told(tmp_path: Path, closes: Closes) -> None:
    city = closes(City(tmp_path))
    file = tmp_path / "pole.csv"
    noise = random.Random(3)
    rows = "".join(f"{n},{n + 40 * noise.random():.1f}\n" for n in range(20))
    file.write_text("\ufeffsensor,reference\n" + rows, encoding="utf-8")
    arguments = ["fit", str(file), "--node", "lp-1", "--sensor", "air-1", "--quantity", "pm25_ugm3"]
    arguments += ["--from", "2026-03-01", "--try", "--config", str(city.config)]
    told = CliRunner().invoke(calibrate, arguments, catch_exceptions=False)
    assert (told.exit_code, "warning: R² 0." in told.stderr) == (0, True)
    for quantity, off, is_warned in (("no2_ugm3", 2.5, False), ("o3_ugm3", 2.5, True), ("no2_ugm3", 4, True)):
        # y = 2x ± off of 16 points: R² 168 / (168 + 8 off²), 0.77 and 0.57
        rows = "".join(f"{n},{2 * n + off * (1, -1, -1, 1)[(n - 1) % 4]}\n" for n in [*range(1, 9)] * 2)
        file.write_text("sensor,reference\n" + rows)
        told = CliRunner().invoke(calibrate, [*arguments, "--quantity", quantity], catch_exceptions=False)
        assert (told.exit_code, "warning: R² 0." in told.stderr) == (0, is_warned), (quantity, told.output)
    file.write_bytes("时间,sensor,reference\n".encode("gbk"))
    refused = CliRunner().invoke(calibrate, arguments)
    assert isinstance(refused.exception, Failure), refused


def test_query_names_standard_edition_completeness_and_flags(tmp_path: Path, closes: Closes) -> None:
    city = closes(City(tmp_path))
    day = list(range(NOON - 12 * HOUR_MS, NOON + 12 * HOUR_MS, MINUTE_MS))
    city.send(day[: 23 * 60 + 50], [50.0] * (23 * 60 + 50), NOON + 12 * HOUR_MS)
    city.settle(NOON + 20 * HOUR_MS)
    when = ("--since", "2026-03-01", "--until", "2026-03-02")
    daily = city.run(query, "lp-1", "--every", "1d", *when)
    assert "2026-03-01 00:00  air-1        HJ 633 2026: 80 良, PM2.5 (100% there)" in daily
    hourly = city.run(query, "lp-1", *when)
    assert "pm25_ugm3         50       50       50   50    83%  µg/m³  flat?" in hourly
    said = json.loads(city.run(query, "lp-1", "--standard", "us", "--json", *when))
    assert said["indices"] == []  # this station reports the Chinese index only
    assert len(said["concentrations"]) == 24
    assert said["concentrations"][-1]["flags"] == "flat?"


def test_a_span_that_ends_before_it_begins_is_refused(tmp_path: Path, closes: Closes) -> None:
    """No row was rewritten, all was said to be well, and the history named it."""
    city = closes(City(tmp_path))
    with pytest.raises(Failure, match="is not before --until"):
        city.run(calibrate, "apply", "--since", "2026-03-02", "--until", "2026-03-01")
    assert json.loads(city.run(calibrate, "list", "--json"))["audit"] == []
