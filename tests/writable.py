"""A spool where every user may write: settings that name none mean /var/lib/lamppost, the service's own."""

from __future__ import annotations

from tempfile import gettempdir

SPOOL = f"spool: {{path: {gettempdir()}/lamppost-spool.db}}\n"
