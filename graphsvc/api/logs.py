"""The log as JSON lines: what happened and where, never what was asked or of whom."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime

LOGGER = logging.getLogger("graphsvc.service")
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "color_message", "taskName"}


class JsonLines(logging.Formatter):
    """One JSON object per record: time, level, logger, message, and what came as ``extra``.

    Of an exception it keeps the kind: the text may quote data.
    """

    def format(self, record: logging.LogRecord) -> str:
        """One record as one line."""
        said = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        said |= {name: value for name, value in vars(record).items() if name not in _STANDARD}
        if record.exc_info and record.exc_info[0]:
            said["error"] = record.exc_info[0].__name__
        return json.dumps(said, ensure_ascii=False, default=str)


def log_json() -> None:
    """Have the whole process log JSON lines to standard error, requests included."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    for logger in (LOGGER, logging.getLogger("uvicorn.error")):
        logger.setLevel(logging.INFO)


def log_fault(error: Exception, **more: str) -> None:
    """Log a fault of ours: its kind and where it came from, since what it says may quote data."""
    places, trace = [], error.__traceback__
    while trace is not None:
        places.append(f"{trace.tb_frame.f_globals.get('__name__')}:{trace.tb_lineno}")
        trace = trace.tb_next
    LOGGER.error("fault: %s at %s", type(error).__name__, places[-1], extra={"at": places[-12:], **more})
