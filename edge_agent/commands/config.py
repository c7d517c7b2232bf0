"""`lamppost agent config`: see, check and change the settings file; comments and order of the file stay."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from common.language import told
from edge_agent.commands.options import CONFIG, DEFAULT_CONFIG, JSON, say
from wire.both import Both, same, zh
from wire.exits import Exit, Failure

if TYPE_CHECKING:
    from edge_agent.device.running import Running
    from edge_agent.settings.change import Change

app = typer.Typer(
    no_args_is_help=True, help="The settings file: get, set, edit, check, undo, schema.", rich_markup_mode=None
)
DRY_RUN = typer.Option(False, "--dry-run", help="Show the change and end.")
TRY = typer.Option(False, "--try", help="Have the agent put the old settings back when readings stop.")


@app.command()
def get(
    path: str | None = typer.Argument(None, metavar="SETTING", help="Such as broker.port or sensors.air-1.port."),
    config: Path = CONFIG,
    as_json: bool = JSON,
) -> None:
    """Print one setting as it counts, default or not. Without a name all, each with its line in the file.

    Examples:  lamppost agent config get broker.host
               lamppost agent config get sensors.air-1
               lamppost agent config get
    """
    from common.setting_path import NoSuchSetting, leaves, shown, value_at
    from common.strict_yaml import parse
    from edge_agent.settings.change import read
    from edge_agent.settings.check import checked_file

    in_force = json.loads(checked_file(config).model_dump_json())
    if path is not None:
        try:
            value = value_at(in_force, path)
        except NoSuchSetting as error:
            raise Failure(Exit.CONFIGURATION, "setting-unknown", str(error), "lamppost agent config get") from error
        typer.echo(json.dumps(value, ensure_ascii=False) if as_json else _lines_of(value))
        return
    lines = parse(read(config), str(config)).lines
    found = [(shown(where, in_force), value, lines.get(where)) for where, value in leaves(in_force)]
    if as_json:
        settings = [{"setting": name, "value": value, "line": line} for name, value, line in found]
        report = {"schema": "lamppost.config/1", "file": str(config), "settings": settings}
        typer.echo(json.dumps(report, ensure_ascii=False))
        return
    head = Both(f"{config}   (-: not in the file, its default counts)", f"{config}   （-：文件里没有，用默认值）")
    typer.echo(told(head))
    for name, value, line in found:
        typer.echo(f"{line or '-':>4}  {name}: {_one_line(value)}")


@app.command("set")
def set_(
    settings: list[str] = typer.Argument(..., metavar="SETTING=VALUE", help="Or one SETTING and its VALUE."),
    config: Path = CONFIG,
    dry_run: bool = DRY_RUN,
    on_trial: bool = TRY,
) -> None:
    """Set values. Comments and order of the file stay, the version before is kept, the running agent takes it up.

    Checked first: nothing is written that could not be used. Several at once are one change.

    Examples:  sudo lamppost agent config set seal_s 2
               sudo lamppost agent config set sensors.air-1.period_s=5 --dry-run
               sudo lamppost agent config set broker.host=mqtt.city.example broker.port=8883 --try
    """
    from edge_agent.settings.change import set_values

    _carry_out(set_values(config, _pairs(settings)), dry_run, on_trial)


@app.command()
def unset(
    settings: list[str] = typer.Argument(..., metavar="SETTING", help="Such as seal_s, or sensors.air-2."),
    config: Path = CONFIG,
    dry_run: bool = DRY_RUN,
    on_trial: bool = TRY,
) -> None:
    """Take settings out of the file, or a sensor off the list. Defaults count then.

    Examples:  sudo lamppost agent config unset seal_s
               sudo lamppost agent config unset sensors.air-2
    """
    from edge_agent.settings import change as config_change

    _carry_out(config_change.unset(config, settings), dry_run, on_trial)


@app.command()
def edit(config: Path = CONFIG, on_trial: bool = TRY) -> None:
    """Open the file in your editor ($VISUAL, $EDITOR, nano). What comes back is checked before it counts.

    Example:  sudo lamppost agent config edit
    """
    from edge_agent.settings.change import read
    from edge_agent.settings.editor import edited

    if not sys.stdin.isatty():
        raise Failure(
            Exit.USAGE, "no-terminal", Both("an editor wants a terminal", "编辑器需要终端"), "lamppost agent config set"
        )
    change = edited(config, read(config))
    if change is None:
        text = Both(f"{config} is as it was: what was written cannot be used", f"{config} 没有变：写的内容不能用")
        raise Failure(Exit.CONFIGURATION, "not-changed", text)
    _carry_out(change, False, on_trial)


@app.command()
def diff(
    other: Path | None = typer.Argument(None, metavar="FILE", help="Another file; else the version before."),
    config: Path = CONFIG,
) -> None:
    """What the settings changed against the version before, or against another file. Exit code 1 when they differ.

    Examples:  lamppost agent config diff
               lamppost agent config diff /media/usb/agent.yaml
    """
    from edge_agent.settings.change import difference, old, read

    against = other or old(config)
    if other is None and not against.exists():
        none = Both(
            f"no version before is kept: {config} was not changed by `lamppost agent config`",
            f"没有上一个版本：{config} 没有用 lamppost agent config 改过",
        )
        typer.echo(told(none), err=True)
        return
    text = "".join(difference(read(against), read(config), str(against), str(config)))
    typer.echo(text, nl=False)
    raise typer.Exit(Exit.NOT_HEALTHY if text else Exit.FINE)


@app.command()
def undo(config: Path = CONFIG, dry_run: bool = DRY_RUN) -> None:
    """Bring back the version before the last change. A second `undo` takes that back again.

    Example:  sudo lamppost agent config undo
    """
    from edge_agent.settings.change import old, planned, read

    if not old(config).exists():
        none = Both(f"no version before {config} is kept", f"没有 {config} 的上一个版本")
        raise Failure(Exit.CONFIGURATION, "nothing-to-undo", none)
    _carry_out(planned(config, read(config), read(old(config))), dry_run, False)


@app.command()
def migrate(config: Path = CONFIG, dry_run: bool = DRY_RUN, root: Path = typer.Option(Path("/"), hidden=True)) -> None:
    """Bring an older or hand-made file to what this version would write. Port names that stay instead of ttyUSB0.

    Example:  sudo lamppost agent config migrate --dry-run
    """
    from edge_agent.lines.ports import find_ports
    from edge_agent.settings.change import set_values
    from edge_agent.settings.check import checked_file
    from edge_agent.settings.migrate import names_that_stay

    moves = names_that_stay(checked_file(config), find_ports(root))
    if not moves:
        typer.echo(told(Both(f"{config}: nothing to do", f"{config}：不用改")))
        return
    _carry_out(set_values(config, [(move.setting, move.value) for move in moves]), dry_run, False)


@app.command()
def schema() -> None:
    """Print JSON Schema of the settings, for editors that complete and check.

    Example:  lamppost agent config schema > agent.schema.json
              then as the first line of agent.yaml:  # yaml-language-server: $schema=agent.schema.json
    """
    from edge_agent.settings.schema import schema as made

    typer.echo(json.dumps(made(), ensure_ascii=False, indent=1))


@app.command()
def check(file: Path = typer.Argument(DEFAULT_CONFIG, help="The settings file."), as_json: bool = JSON) -> None:
    """Say whether a settings file can be used. Everything that is wrong is named with line, key and cure.

    Example:  lamppost agent config check agent.yaml
    """
    from edge_agent.settings.check import checked_file, checked_here, doubtful, unusable_files

    settings = checked_file(file, checked_here)
    for problem in doubtful(file.read_text(encoding="utf-8"), str(file)):
        typer.echo(problem, err=True)
    for _, failure in unusable_files(settings):
        unknown = Both(
            f"{failure}: whether the agent can use it is not known. To know: {failure.cure}",
            f"{zh(failure.message)}：不知道采集程序能不能用它。要知道：{zh(failure.cure)}",
        )
        typer.echo(told(unknown), err=True)
    node, site, count = settings.node, settings.site, len(settings.sensors)
    text = Both(
        f"{file}: fine. Node {node} at {site}, {count} sensor{'s' if count > 1 else ''}.",
        f"{file}：可用。站点 {node}，{site}，{count} 个传感器。",
    )
    say(text, as_json, file=str(file), node=settings.node, site=settings.site, sensors=count)


@app.command()
def sample() -> None:
    """Print a settings file with every key explained.

    Example:  lamppost agent config sample > agent.yaml
    """
    from edge_agent.settings.config import SAMPLE

    typer.echo(SAMPLE.read_bytes(), nl=False)  # a file is wanted, whatever letters this terminal has


def _pairs(settings: list[str]) -> list[tuple[str, str]]:
    if len(settings) == 2 and "=" not in settings[0]:
        return [(settings[0], settings[1])]
    for setting in settings:
        if "=" not in setting:
            text = Both(f"{setting} has no value", f"{setting} 没有值")
            raise Failure(Exit.USAGE, "value-missing", text, f"lamppost agent config set {setting}=VALUE")
    return [(name.strip(), value.strip()) for name, _, value in (setting.partition("=") for setting in settings)]


def _carry_out(change: Change, dry_run: bool, on_trial: bool) -> None:
    """Show the change; write it; have the running agent take it up, or say that nobody does."""
    from edge_agent.settings import change as config_change

    if change.before == change.after:
        typer.echo(told(Both(f"{change.file}: nothing changes", f"{change.file}：没有变化")))
        return
    typer.echo(change.shown(), nl=False)
    if dry_run:
        typer.echo(told(Both("nothing was written (--dry-run)", "什么都没有写（--dry-run）")), err=True)
        return
    agent = config_change.agent_beside(change)
    if on_trial and agent is None:
        text = Both("no agent runs here that could try it", "采集程序没有运行，无法试用")
        raise Failure(Exit.NOT_HEALTHY, "agent-not-running", text, Both("leave out --try", "去掉 --try"))
    if on_trial and agent is not None:
        config_change.put_on_trial(change, agent)
    else:
        config_change.write(change)
    if agent is None:
        before = config_change.old(change.file)
        written = Both(
            f"written; before: {before}\nno agent runs here: it counts from its next start",
            f"已写入；上一个版本：{before}\n采集程序没有运行：下次启动时生效",
        )
        typer.echo(told(written))
        return
    _have_it_taken_up(change, agent, on_trial)


def _have_it_taken_up(change: Change, agent: Running, on_trial: bool) -> None:
    """Tell the running agent, and say what became of it. Raises Failure when it does not say that it runs with it."""
    from edge_agent.device import running
    from edge_agent.office.remote_config import digest
    from edge_agent.settings.change import TAKEN_UP_S

    try:
        running.begin_anew(agent)
    except PermissionError:
        unheard = Both(
            "written; the running agent does not know yet: sudo lamppost agent service restart",
            "已写入；运行中的采集程序还不知道：sudo lamppost agent service restart",
        )
        typer.echo(told(unheard))
        return
    except ProcessLookupError:
        ended = Both(
            "written; the agent has ended meanwhile: it counts from its next start",
            "已写入；采集程序刚刚结束：下次启动时生效",
        )
        typer.echo(told(ended))
        return
    typer.echo(told(Both("written; the agent takes it up ...", "已写入，采集程序正在换用 …")), err=True)
    if on_trial:
        _end_of_trial(change)
    elif running.wait_for(change.config.status_file, digest(change.after), TAKEN_UP_S):
        typer.echo(told(Both("in force: the agent runs with it", "已生效：采集程序已换用")))
    else:
        text = Both("the agent has not said yet that it runs with it", "采集程序还没有说已换用")
        logs = same("lamppost agent service logs; lamppost agent config undo")
        raise Failure(Exit.TIMED_OUT, "not-taken-up", text, logs)


def _end_of_trial(change: Change) -> None:
    from edge_agent.settings.change import trial_end

    outcome = trial_end(change.file)
    if outcome is None:
        text = Both("the trial has not ended", "试用还没有结束")
        raise Failure(Exit.TIMED_OUT, "trial-open", text, "lamppost agent service logs")
    if outcome:
        text = Both(f"the old settings are back: {outcome}", f"已恢复原来的配置：{outcome}")
        raise Failure(Exit.NOT_HEALTHY, "put-back", text, "lamppost agent doctor")
    kept = Both(
        "kept: every sensor is heard, and batches are confirmed as before",
        "已保留：传感器都有数据，入库确认与以前一样",
    )
    typer.echo(told(kept))


def _lines_of(value: Any) -> str:
    if isinstance(value, dict):
        return "\n".join(f"{key}: {_one_line(item)}" for key, item in value.items())
    if isinstance(value, list):
        return "\n".join(map(_one_line, value))
    return _one_line(value)


def _one_line(value: Any) -> str:
    from common.yaml_splice import inline

    if value is None:
        return told(Both("(not set)", "（没有设）"))
    return value if isinstance(value, str) else inline(value)
