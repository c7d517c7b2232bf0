"""The status screen says what is wrong with a sensor, and nothing that it cannot know."""

from __future__ import annotations

from typing import Any

import pytest

from edge_agent.lines.not_opened import BUSY, STUCK
from edge_agent.screens.status import screen, troubles
from tests.agent.test_line_cost import NOW_MS, SAID
from wire.both import zh
from wire.cells import width_of

SENSOR: dict[str, Any] = {
    "name": "air-1", "open": True, "trouble": None, "last_frame_ms": NOW_MS - 1000, "silence_s": 10, "unread_bytes": 0,
    "frames": 0, "values": {"pm25_raw_ugm3": 35}, "bad": {}, "doubt": None, "recent": [35, 36],
}  # fmt: skip
LONG_AGO = NOW_MS - 60_000


def told(**sensor: Any) -> dict[str, Any]:
    return SAID | {"sensors": [SENSOR | sensor]}


@pytest.mark.parametrize(
    ("sensor", "state"),
    [
        ({"open": False, "trouble": "there is no such port"}, "port gone"),
        ({"open": False, "trouble": BUSY}, "port shut"),
        ({"trouble": STUCK, "last_frame_ms": LONG_AGO}, "port stuck"),
        ({"last_frame_ms": LONG_AGO}, "silent"),
        ({"last_frame_ms": None}, "nothing heard"),
        ({"last_frame_ms": LONG_AGO, "unread_bytes": 5000}, "garbled"),
        ({"last_frame_ms": None, "unread_bytes": 5000}, "garbled"),
        ({"last_frame_ms": None, "unread_bytes": 40, "bad": {"bad_header": 40, "no_reply": 9}}, "garbled"),
        ({"last_frame_ms": None, "bad": {"no_reply": 40}}, "nothing heard"),
    ],
)
def test_what_is_wrong_with_a_sensor_has_a_word_and_a_command(sensor: dict[str, Any], state: str) -> None:
    said = told(**sensor)
    (trouble,) = troubles(said, NOW_MS)
    assert trouble == f"air-1 {state}: lamppost agent doctor --only sensor.air-1"
    assert any(line.endswith(f" {state}") for line in screen(said, NOW_MS).splitlines())


def test_a_radar_whose_beam_is_never_empty_is_told_and_the_station_is_well() -> None:
    said = told(crowded=True)
    assert any(line.endswith(" beam full") for line in screen(said, NOW_MS).splitlines())
    assert troubles(said, NOW_MS) == []


def test_why_a_port_is_of_no_use_stands_beneath_it() -> None:
    assert f"         {BUSY}" in screen(told(open=False, trouble=BUSY), NOW_MS).splitlines()
    assert f"         {STUCK}" in screen(told(trouble=STUCK), NOW_MS).splitlines()


def test_a_clock_that_nobody_sets_needs_a_hand_but_not_before_ntp_had_its_time() -> None:
    """Nothing leaves a station without the time, and yet it was "ready" and its exit code 0."""
    waits = told() | {"clock": "unsynced"}
    assert troubles(waits, NOW_MS) == ["the clock is not set: lamppost agent doctor --only clock"]
    assert troubles(waits | {"up_s": 60}, NOW_MS) == []


def test_why_it_is_not_connected_is_told() -> None:
    """A broker that refused it was "not connected", and the reason in the log alone."""
    said = told() | {"connected_s": None, "link_trouble": "refused: Bad user name or password"}
    (line,) = (line for line in screen(said, NOW_MS).splitlines() if line.startswith("broker"))
    assert line == "broker   not connected: refused: Bad user name or password"
    assert len(line) <= 60


def test_a_broker_that_lets_us_in_and_takes_nothing_is_told() -> None:
    """It was `connected, and nobody confirms`, and whoever stood there looked for a collector."""
    said = told() | {"link_refusal": "Not authorized", "acked_s": None, "oldest_ms": NOW_MS - 3_600_000}
    assert (
        "broker   connected 1 min · refuses: Not authorized" in screen(said | {"connected_s": 60}, NOW_MS).splitlines()
    )
    assert troubles(said, NOW_MS) == ["the broker refuses what is sent: lamppost agent doctor --only broker.acl"]


def test_a_link_that_comes_and_goes_is_told_to_whoever_stands_at_the_box() -> None:
    """Beside a copy of its card it was "not connected" now and then, and the doctor found nothing."""
    said = told() | {"connected_s": None, "link_flaps": True}
    assert troubles(said, NOW_MS) == ["cut off all the time: lamppost agent doctor --only broker.steady"]


@pytest.mark.parametrize(
    ("change", "full"),
    [({}, False), ({"oldest_ms": NOW_MS - 86_400_000}, True), ({"clock": "unsynced", "up_s": 60}, True)],
    ids=["all but its last is answered", "waits for an answer", "waits for the time"],
)
def test_a_spool_that_gives_up_what_waits_needs_a_hand(change: dict[str, Any], full: bool) -> None:
    told_so = [one for one in troubles(told() | {"spool_share": 0.97} | change, NOW_MS) if one.startswith("the spool")]
    cure = "the spool is full, the oldest readings go: lamppost agent doctor --only spool"
    assert told_so == ([cure] if full else [])


def test_of_an_agent_that_does_not_run_no_more_is_said_than_that() -> None:
    """Its last report was written when its ports were closed already: they are not gone."""
    stopped = told(open=False, last_frame_ms=LONG_AGO) | {"connected_s": None, "at_ms": LONG_AGO}
    assert troubles(stopped, NOW_MS) == ["the agent has said nothing for 1 min: sudo systemctl start lamppost-agent"]
    assert "port gone" not in screen(stopped, NOW_MS)


def test_the_chinese_screen_has_its_columns_where_the_english_has_them() -> None:
    sensors = [
        SENSOR,
        SENSOR | {"name": "noise-1", "values": {"noise_db": 61.5, "temp_c": 20.0}, "doubt": "stale"},
        SENSOR
        | {"name": "radar-1", "values": {"speed_kmh": 48.0}, "open": False, "trouble": BUSY, "bad": {"checksum": 3}},
    ]
    said = SAID | {
        "sensors": sensors,
        "connected_s": None,
        "link_trouble": "refused: Not authorized",
        "oldest_ms": LONG_AGO,
    }
    lines = zh(screen(said, NOW_MS)).splitlines()
    states = {line.split()[0]: line.split()[-1] for line in lines[2:7]}
    assert states == {"air-1": "正常", "▁█": "▁█", "noise-1": "数值不变", "radar-1": "串口打不开"}
    assert {width_of(line[: -len(line.split()[-1])]) for line in (lines[2], lines[4], lines[6])} == {48}
    assert "         另一个程序正在读取  3 个坏帧" in lines
    assert "服务器   未连接：被拒绝：未授权" in lines
    assert "! radar-1 串口打不开：lamppost agent doctor --only sensor.radar-1" in lines
    assert any(line.startswith("缓存     ") and "已等 1 分钟" in line for line in lines)
