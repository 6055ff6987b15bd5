"""The command line of Casty beyond `casty plugins`: journals."""

from casty_cli.app import journal as journal
