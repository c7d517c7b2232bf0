"""The samples are the manuals: they load; what they do not know is refused with line, key and the nearest word."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from collector import config as collector_config
from collector.init import Plan, begin
from common.strict_model import fit, load
from common.strict_yaml import NotUsable, parse
from edge_agent.office.remote_config import Refused, check
from edge_agent.settings import config as agent_config
from edge_agent.settings.check import checked, checked_here, mute_sensors
from tests.writable import SPOOL


@pytest.mark.parametrize("module", [agent_config, collector_config])
def test_the_sample_loads(module: object) -> None:
    assert load(module.Config, module.SAMPLE).model_dump()  # type: ignore[attr-defined]


@pytest.mark.parametrize("module", [agent_config, collector_config])
def test_the_sample_explains_every_key(module: object) -> None:
    text = module.SAMPLE.read_text()  # type: ignore[attr-defined]
    models = [value for value in vars(module).values() if isinstance(value, type) and hasattr(value, "model_fields")]
    for model in models:
        missing = [key for key in model.model_fields if f"{key}:" not in text]
        assert not missing, f"{model.__name__}: {missing}"


STORE = "store: {kind: sqlite}\n"
AGENT = "node: lp-1\nsite: s\nsensors:\n  - {name: air-1, profile: plantower-pms5003, port: /dev/ttyS0}\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (AGENT + "spol: {}\n", "agent.yaml:5: spol: unknown key 'spol', did you mean 'spool'?"),
        (AGENT + "seal_s: 0\n", "agent.yaml:5: seal_s:"),
        (AGENT + "broker: {port: 70000}\n", "agent.yaml:5: broker.port:"),
        (AGENT + "broker: {port: 8883x}\n", "agent.yaml:5: broker.port:"),
        (AGENT + "spool: {max_size: 512 QiB}\n", "agent.yaml:5: spool.max_size: a size such as"),
        (AGENT + "broker: {host: '${BROKER_HOST}'}\n", "agent.yaml:5: broker.host: a host name or address alone"),
        (AGENT.replace("node: lp-1", "node: collector"), "agent.yaml:1: node:"),
        (
            AGENT + "  - {name: air-1, profile: nova-sds011, port: /dev/ttyS1}\n",
            "agent.yaml:5: sensors[1].name: two sensors have the name 'air-1'",
        ),
        (AGENT + "spool: {max_size: 0}\n", "agent.yaml:5: spool.max_size: a size such as"),
        (AGENT + "clock: always\n", "agent.yaml:5: clock: keys and values are wanted here, not 'always'"),
        (AGENT + "seal_s:\n", "agent.yaml:5: seal_s: Input should be a valid number: nothing is written here"),
        ("node: 12\n" + AGENT[11:], "agent.yaml:1: node: a text is wanted (quotes make one), not 12"),
        ("node: lp-1\nsite: s\nsensors: []\n", "agent.yaml:3: sensors: 1 or more are wanted"),
        (AGENT + "seal_s: \x01\n", "agent.yaml:5: a control character (#x01)"),
        (AGENT + "clock: {trust: alwys}\n", "did you mean 'always'?"),
        (AGENT.replace("S0}", "S0, directions: [in, in]}"), "sensors[0].directions: each direction once is wanted"),
        (
            AGENT.replace("S0}", "S0, options: {unit: }}"),
            "agent.yaml:4: sensors[0].options.unit: a number, a text, true or false is wanted: nothing is written here",
        ),
        # with these the agent ended in a traceback, at its start or at the first try of a connection
        (AGENT + "broker: {host: a..b}\n", "agent.yaml:5: broker.host: a host name or address alone"),
        (AGENT + f"broker: {{host: {'a' * 64}.example}}\n", "agent.yaml:5: broker.host: a host name or address alone"),
        (AGENT + "broker: {others: [b.example, 'c..d:1883']}\n", "agent.yaml:5: broker.others[1]: a host name or"),
        (AGENT + f"broker: {{username: {'u' * 1001}}}\n", "agent.yaml:5: broker.username: String should have at most"),
        (AGENT + "status_file: /\n", "agent.yaml:5: status_file: the path of a file or folder is wanted, not '/'"),
        (AGENT + "identity: ''\n", "agent.yaml:5: identity: the path of a file or folder is wanted, not ''"),
        (AGENT.replace("/dev/ttyS0", '"/dev/tty\\0S0"'), "agent.yaml:4: sensors[0].port: String should match"),
    ],
)
def test_what_is_wrong_is_named_with_line_and_cure(text: str, said: str) -> None:
    with pytest.raises(NotUsable) as refused:
        fit(agent_config.Config, parse(text, "agent.yaml"))
    assert said in str(refused.value)


@pytest.mark.parametrize("host", ["localhost", "10.0.0.1", "a.b-c.example", "xn--fiq228c.cn", "a" * 63, "::1"])
def test_what_is_a_host_stays_one(host: str) -> None:
    text = AGENT + f"broker: {{host: '{host}'}}\n"
    assert fit(agent_config.Config, parse(text, "agent.yaml")).broker.host == host


def test_a_password_in_the_address_is_refused_and_not_repeated() -> None:
    with pytest.raises(NotUsable) as refused:
        fit(agent_config.Config, parse(AGENT + "broker: {host: 'mqtt://user:hunter2@127.0.0.1'}\n", "agent.yaml"))
    assert "hunter2" not in str(refused.value)


def test_workers_are_told_to_the_command() -> None:
    """The nearest key was `broker`."""
    with pytest.raises(NotUsable) as refused:
        fit(collector_config.Config, parse(STORE + "workers: 3\n", "collector.yaml"))
    assert "collector.yaml:2: workers: no setting: lamppost collector run FILE --workers 3" in str(refused.value)


@pytest.mark.parametrize("url", ["http://169.254.169.254/latest/", "ftp://x/", "http://user:hunter2@host/"])
def test_a_webhook_address_that_must_not_be_called_is_refused(url: str) -> None:
    text = f"store: {{kind: sqlite}}\nalerts:\n  channels:\n    - {{name: a, kind: webhook, url: '{url}'}}\n"
    with pytest.raises(NotUsable) as refused:
        fit(collector_config.Config, parse(text, "collector.yaml"))
    assert "collector.yaml:4: alerts.channels[0].url:" in str(refused.value)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("store: {kind: mongo}\n", ":1: store.kind: 'mongo' is not known; known are influx1, influx2, sqlite"),
        ("store: {path: r.db}\n", ":1: store: the key 'kind' is missing"),
        ("store: {kind: sqlite, path: /a/r.db}\nstate_file: /a/b/../r.db\n", ":2: state_file: two have one file:"),
        ("store: {kind: sqlite, path: /a/desk.db}\nstate_file: /a/c.db\n", ":2: state_file: two have one file:"),
        ("store: {kind: sqlite, path: /var/lib/lamppost/collector.db}\n", ":1: state_file: two have one file:"),
        (
            STORE + "stations:\n" + "".join(f"- {{node: lp-{n}, zh: 东, en: E}}\n" for n in (1, 2, 1)),
            ":5: stations[2].node: lp-1 stands at stations[0] already; keep one of the two",
        ),
        (STORE + "alerts: {repeat: 0s}\n", ":2: alerts.repeat: 1m or more is wanted"),
        (STORE + "alerts: {canary: {every: 0s}}\n", ":2: alerts.canary.every: 1s or more is wanted"),
        (STORE + "alerts: {escalate: [{after: 5m, notify: [duty]}]}\n", "'duty' is not known; there is none"),
        (STORE + "rules: [/no/rules.yaml]\n", "rules: /no/rules.yaml: No such file or directory"),
        (STORE + "signing_key_file: /no/key\n", "/no/key does not exist"),
        (STORE + "signing_key_file: /etc/hostname\n", "/etc/hostname holds no Ed25519 key in PEM"),
        (STORE + "broker: {password_file: /no/word}\n", "/no/word: does not exist"),
        ("store: {kind: influx2, token_file: /no/token}\n", "/no/token: does not exist"),
    ],
)
def test_what_a_collector_could_not_start_with_is_told_by_its_check(tmp_path: Path, text: str, said: str) -> None:
    from collector.cli import app
    from wire.exits import Failure

    file = tmp_path / "collector.yaml"
    file.write_text(text)
    result = CliRunner().invoke(app, ["check", str(file)])
    assert isinstance(result.exception, Failure), result.output
    assert result.exception.code == 3
    assert said in str(result.exception)


def test_a_store_that_is_a_file_is_missed_as_a_file_and_not_as_a_server(tmp_path: Path) -> None:
    from collector.commands.options import load_settings, open_store
    from collector.stores.store import Select
    from wire.exits import Failure

    (file := tmp_path / "collector.yaml").write_text(f"store: {{kind: sqlite, path: {tmp_path}/readings.db}}\n")
    with pytest.raises(Failure) as missed, open_store(load_settings(file)) as store:
        store.select(Select("air_quality", ("cq",)))
    assert "store.path" in missed.value.line()
    assert "token" not in missed.value.line()


def test_a_secret_that_an_editor_of_windows_wrote_is_the_secret(tmp_path: Path) -> None:
    from common.settings import secret

    (file := tmp_path / "broker.password").write_bytes("\ufeffcorrect horse\r\n".encode())
    assert secret(file) == "correct horse"


def test_config_check_says_fine_or_ends_with_code_3(tmp_path: Path) -> None:
    import lamppost
    from wire.exits import Failure

    file = tmp_path / "agent.yaml"
    file.write_text(AGENT)
    runner = CliRunner()
    good = runner.invoke(lamppost._build("agent"), ["agent", "config", "check", str(file)])
    assert good.exit_code == 0
    assert "fine. Node lp-1 at s, 1 sensor." in good.output
    file.write_text(AGENT.replace("plantower-pms5003", "plantower-pms5000"))
    bad = runner.invoke(lamppost._build("agent"), ["agent", "config", "check", str(file)])
    assert isinstance(bad.exception, Failure)
    assert bad.exception.code == 3
    assert "plantower-pms5003" in bad.exception.line()


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("mode: polled, period_s: 5", ""),
        ("mode: poled", "known are active, polled, resting"),
        ("options: {unit: mph}", "option 'unit' is not known"),
        ("period_s: 0", "greater than 0"),
    ],
)
def test_how_a_sensor_is_run_is_checked(tmp_path: Path, more: str, said: str) -> None:
    import lamppost
    from wire.exits import Failure

    file = tmp_path / "agent.yaml"
    file.write_text(AGENT.replace("port: /dev/ttyS0}", f"port: /dev/ttyS0, {more}}}"))
    result = CliRunner().invoke(lamppost._build("agent"), ["agent", "config", "check", str(file)])
    assert (result.exit_code == 0) == (said == ""), result.output
    if said:
        assert isinstance(result.exception, Failure)
        assert said in str(result.exception)


@pytest.mark.parametrize(
    ("sensor", "said"),
    [
        ("nova-sds011, options: {device_id_hex: 'E977'}", ""),
        ("nova-sds011, options: {device_id_hex: '0160'}", ""),
        ("nova-sds011, options: {device_id_hex: GGGG}", "device_id_hex is 'GGGG'; 4 hexadecimal digits are wanted"),
        ("nova-sds011, options: {device_id_hex: '12'}", "device_id_hex is '12'; 4 hexadecimal digits are wanted"),
        ("nova-sds011, options: {device_id_hex: 12E4}", "device_id_hex is 120000.0; 4 hexadecimal digits"),
        ("nova-sds011, options: {device_id_hex: 1234}", "device_id_hex is 1234; 4 hexadecimal digits are wanted"),
        ("sensirion-scd30, options: {address: 0x61}", ""),
        ("sensirion-scd30, options: {address: 97.5}", "address is 97.5; a whole number of 1 to 247 is wanted"),
    ],
)
def test_an_option_of_which_no_command_can_be_made_is_refused(tmp_path: Path, sensor: str, said: str) -> None:
    """It passed, and ended the agent with all its sensors; `12` was sent as a command that is a byte too short."""
    import lamppost

    file = tmp_path / "agent.yaml"
    file.write_text(AGENT.replace("plantower-pms5003", sensor))
    result = CliRunner().invoke(lamppost._build("agent"), ["agent", "config", "check", str(file)])
    assert (result.exit_code == 0) == (said == ""), result.output
    assert (
        f"agent.yaml:4: sensors[0].options: {sensor.partition(',')[0]}@1: option {said}" in str(result.exception)
        or not said
    )


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("options: {map: noise}", "sensors[0].options: mode two_registers reads nothing of what these options name"),
        ("mode: one_register", "sensors[0].mode: mode one_register reads nothing of what these options name"),
        ("mode: one_register, options: {map: noise}", ""),
    ],
)
def test_a_sensor_of_which_nothing_would_be_measured_is_refused_where_settings_are_changed(how: str, said: str) -> None:
    """It was asked, it answered, all was called well, and not one reading came of it."""
    text = AGENT.replace("plantower-pms5003", f"rs485-modbus-weather, {how}") + SPOOL
    assert checked(text, "agent.yaml"), "an agent that runs with it goes on, for the sake of its other sensors"
    told = [str(problem) for problem in mute_sensors(parse(text, "agent.yaml"), checked(text, "agent.yaml"))]
    assert [said in one for one in told] == [True] * bool(said), told
    if said:
        with pytest.raises(NotUsable, match="reads nothing"):
            checked_here(text, "agent.yaml")
        with pytest.raises(Refused, match="reads nothing"):
            check(text, checked(text, "agent.yaml"))


def test_a_sensor_that_measures_nothing_in_any_mode_may_be_looked_at() -> None:
    text = AGENT.replace("plantower-pms5003", "cubic-pm1003")
    assert checked_here(text, "agent.yaml")


def test_keys_of_traffic_at_a_sensor_that_counts_none_are_told(tmp_path: Path) -> None:
    """Whoever gives an air sensor an interval waits for something that never comes."""
    import lamppost

    file = tmp_path / "agent.yaml"
    air = AGENT.replace("port: /dev/ttyS0}", "port: /dev/ttyS0, interval_s: 300, lane: west}")
    lidar = "  - {name: lidar-1, profile: benewake-tfmini, port: /dev/ttyS1, interval_s: 300, angle_deg: 20}\n"
    radar = "  - {name: radar-1, profile: omnipresense-ops243a, port: /dev/ttyS2, interval_s: 300, angle_deg: 20}\n"
    file.write_text(air + lidar + radar + SPOOL)
    result = CliRunner().invoke(lamppost._build("agent"), ["agent", "config", "check", str(file)])
    assert result.exit_code == 0
    told = [line.removeprefix(f"{file}:") for line in result.stderr.splitlines()]
    assert told == [
        "4: sensors[0].interval_s: changes nothing: plantower-pms5003 counts no vehicles. Leave it out",
        "4: sensors[0].lane: changes nothing: plantower-pms5003 counts no vehicles. Leave it out",
        "5: sensors[1].angle_deg: changes nothing: benewake-tfmini looks straight at what passes. Leave it out",
    ]


def test_a_sensor_that_tells_too_seldom_for_an_index_is_told(tmp_path: Path) -> None:
    """Its hours and days were NA for ever, and its settings fine."""
    import lamppost

    file = tmp_path / "agent.yaml"
    air = AGENT.replace("port: /dev/ttyS0}", "port: /dev/ttyS0, mode: polled, period_s: 81}")
    more = "".join(
        f"  - {{name: s-{number}, profile: {wants}, port: /dev/ttyS{number}}}\n"
        for number, wants in enumerate(
            (
                "nova-sds011, mode: resting",
                "nova-sds011",
                "plantower-pms5003, mode: polled, period_s: 80",
                "senseair-s8, period_s: 300",
            ),
            start=1,
        )
    )
    file.write_text(air + more + SPOOL)
    result = CliRunner().invoke(lamppost._build("agent"), ["agent", "config", "check", str(file)])
    assert result.exit_code == 0
    assert [line.removeprefix(f"{file}:") for line in result.stderr.splitlines()] == [
        "4: sensors[0].period_s: tells in 44 minutes of an hour, and no index is made: that takes 45",
        "5: sensors[1].mode: tells in 24 minutes of an hour, and no index is made: that takes 45",
    ]


def test_the_settings_of_a_new_installation_mean_the_same_wherever_one_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the data goes was as it was typed: from another folder commands looked into a database of their own."""
    monkeypatch.chdir(tmp_path)
    begin(Plan(Path("city"), data=Path("city/data")))
    made = yaml.safe_load((tmp_path / "city" / "collector.yaml").read_text())
    assert made["store"]["path"] == str(tmp_path / "city" / "data" / "readings.db")
    assert made["state_file"] == str(tmp_path / "city" / "data" / "collector.db")
