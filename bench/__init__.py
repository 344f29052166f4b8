"""Speed and memory of graphsvc beside its peers: ``python -m bench`` measures and writes ``docs/benchmarks.md``.

The process that leads (``__main__``, ``measurements``, ``report``) only starts others and keeps their numbers. What is
measured runs in children, so that peak memory is each one's own: ``steps`` does a thing once, ``contestants`` load the
same journeys once and then answer questions in turn. Peers live in a virtual environment of their own.
"""
