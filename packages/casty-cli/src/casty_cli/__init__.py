"""The command line of Casty beyond `python -m casty plugins`: journals."""

from casty_cli.app import journal as journal
