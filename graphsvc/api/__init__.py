"""The HTTP service over one graph.

options.py   how it is run, from the environment
keys.py      who may ask for what
guard.py     before each request: key, rate, size          observe.py   around each: request id, log, metrics
problems.py  errors as problem details (RFC 9457)
roles.py     the routers, one for each role                conditional.py, paging.py   ETag, cursors
events.py, jobs.py, answers.py, users.py, people.py, service.py   the endpoints
app.py       all of it put together
"""

from .app import create_app, demand_keys
from .options import Options

__all__ = ["Options", "create_app", "demand_keys"]
