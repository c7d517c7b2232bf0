"""`lamppost collector migrate`: from the embedded store to a database server."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import typer

from collector.commands.node import state_of
from collector.commands.options import CONFIG, JSON, load_settings, open_store, say_refused, show_json
from collector.commands.progress import progress
from wire.exits import Exit, Failure


def migrate(
    readings: Path = typer.Argument(..., help="The embedded store's file, such as /var/lib/lamppost/readings.db."),
    config: Path = CONFIG,
    as_json: bool = JSON,
) -> None:
    """Bring all that an embedded store holds into the database of the settings, as it is.

    The file is only read, and the collector may work meanwhile. Rows that are there already change nothing: the command
    may be repeated. Afterwards `lamppost audit` proves that every batch is there.

    Example:  lamppost collector migrate /var/lib/lamppost/readings.db
    """
    from collector.config import SqliteStore
    from collector.numbers.window_book import WindowBook
    from collector.stores.migration import migrate as write
    from collector.stores.sqlite import Sqlite
    from collector.stores.store import StoreDown

    settings = load_settings(config)
    if not readings.is_file():
        raise _no_store(f"{readings}: there is no such file")
    if isinstance(settings.store, SqliteStore) and settings.store.path.resolve() == readings.resolve():
        text = f"{readings} is where {config} stores already"
        raise Failure(Exit.CONFIGURATION, "store-same", text, "name the new database as `store` first; docs/storage.md")
    written, refused = 0, list[str]()
    with (
        state_of(settings) as state,
        open_store(settings, "run the same command again: it may be repeated") as store,
        closing(Sqlite(readings)) as old,
    ):
        store.prepare()
        try:
            total, newest_ms = old.extent()
        except StoreDown as error:
            raise _no_store(str(error)) from error
        with progress(total, "bringing over") as seen:
            for count, why in write(old, newest_ms, store, WindowBook(state, owner=False), settings.reporting()):
                written, refused = written + count - len(why), refused + why
                seen(count)
    if as_json:
        show_json({"schema": "lamppost.done/1", "rows": written, "refused": len(refused)})
    else:
        typer.echo(f"{written} rows of {readings} are in {settings.store.kind}, {len(refused)} were refused")
    say_refused(refused)
    raise typer.Exit(Exit.NOT_HEALTHY if refused else Exit.FINE)


def _no_store(text: str) -> Failure:
    cure = "name the store.path of the old settings; SQLite wants to write beside it: copy it from where nobody may"
    return Failure(Exit.USAGE, "file-unreadable", text, cure)
