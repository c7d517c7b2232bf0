"""The agent's own quarantine: what nobody answers for a day, while other batches are acknowledged, goes out of the way.

Its exact bytes go into a file of their own beside the spool, durable before it leaves the spool; a gap record of the
reason `unanswered` names its sequence, in the transaction in which it leaves. A person looks at the file.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Final

from common.whole_file import sync_folder, write_whole
from edge_agent.spool.spool import Spool, SpoolError

log = logging.getLogger("lamppost.agent")

REASON: Final = "unanswered"
FILES_MAX: Final = 100  # beyond, what nobody answers stays in the spool


def folder_of(spool_file: Path) -> Path:
    """Where the batches lie that nobody has answered."""
    return spool_file.with_name(f"{spool_file.name}.{REASON}")


def set_aside(spool: Spool, number: int, now_ms: int) -> None:
    """Take a batch out of the spool, with its bytes in a file. Raises SpoolError; then it is still there."""
    one = spool.sealed(number)
    folder = folder_of(spool.path)
    if one is None or spool.find(one.spool, one.seq) is None:
        return
    if folder.is_dir() and len(list(folder.iterdir())) >= FILES_MAX:
        return
    file = folder / f"{one.spool}-{one.seq}.batch"
    try:
        folder.mkdir(mode=0o750, exist_ok=True)
        write_whole(file, one.data)
        sync_folder(folder.parent)
    except OSError as error:
        raise SpoolError(f"{file}: {error}. Cure: free space or replace the card") from error
    spool.give_up(one, REASON, now_ms)
    log.error("batch %d was not answered for a day while others were: it lies in %s", one.seq, file)
