"""The tests of this distribution run where it is installed."""

from importlib.util import find_spec

collect_ignore = [] if find_spec("casty_journal_example") else ["test_journal.py"]
