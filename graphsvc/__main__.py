"""``python -m graphsvc`` is the command line too."""

from .cli import main

main()
