"""The command line: ``recurra demo``, ``train``, ``stream``, ``inspect`` and ``states``."""

from __future__ import annotations

import signal
import sys

__all__ = ["main"]


def main() -> None:
    """Run the command line on ``sys.argv``; exit with 2 when a package it needs is missing."""
    try:
        from recurra.cli.app import app
    except ModuleNotFoundError as error:
        from recurra.cli.extras import missing_extra

        missing = missing_extra(error)
        if missing is None:
            raise
        print(f"recurra: {missing}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
    app(prog_name="recurra")
