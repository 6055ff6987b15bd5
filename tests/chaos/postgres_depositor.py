"""Writes deposits to a PostgreSQL journal until it is killed, and prints each number that its account has acknowledged.

python -m tests.chaos.postgres_depositor DSN SCHEMA FIRST_NUMBER
"""

import asyncio
import sys

from casty.journal import PostgresJournal

from tests.chaos.depositor import ACCOUNTS, TELLERS, Deposit, account
