"""Reads a bank's transactions from CSV. Each invalid row is skipped and reported with its place and the reason."""

import csv
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path

COLUMNS = ("trans_id", "account_id", "date", "type", "operation", "amount")


@dataclass(frozen=True, slots=True, kw_only=True)
class Transaction:
    """One row. `trans_id` is unique within its account."""

    trans_id: str
    account_id: str
    date: date
    operation: str
    amount: Decimal
    """The change of the balance: negative for a debit."""
    line: int
    """Its line in the file, from 1."""


@dataclass(frozen=True, slots=True)
class Contents:
    """The contents of a file: the valid rows in order, and a message about each invalid one."""

    transactions: list[Transaction] = field(default_factory=list[Transaction])
    problems: list[str] = field(default_factory=list[str])


def read(path: Path) -> Contents:
    """Read a file. Raises OSError if it cannot be read, and ValueError if it lacks one of the six columns."""
    contents = Contents()
    header: Sequence[str] | None = None
    # Bytes that are not UTF-8 become lone surrogates, so that only their own row is refused.
    with path.open(encoding="utf-8-sig", errors="surrogateescape") as lines:
        for number, text in enumerate(lines, 1):
            try:
                if header is None:
                    header = check_header(split(text))
                elif text.strip():
                    contents.transactions.append(to_transaction(number, header, split(text)))
            except ValueError as error:
                problem = f"{path}:{number}: {error}"
                if header is None:
                    raise ValueError(problem) from None
                contents.problems.append(problem)
    if header is None:
        raise ValueError(f"{path}:1: the file is empty; it has to begin with the columns {','.join(COLUMNS)}")
    return contents


def split(text: str) -> list[str]:
    # Line by line: a reader of the whole file would swallow all rows after an unclosed quote.
    try:
        return next(csv.reader([text], strict=True))
    except csv.Error as error:
        raise ValueError(f"the row cannot be parsed: {error}") from None


def check_header(cells: Sequence[str]) -> Sequence[str]:
    if missing := [column for column in COLUMNS if column not in cells]:
        raise ValueError(f"the header lacks {', '.join(missing)}; it has to name {','.join(COLUMNS)}")
    return cells


def to_transaction(line: int, header: Sequence[str], cells: Sequence[str]) -> Transaction:
    if len(cells) != len(header):
        raise ValueError(f"the row has {len(cells)} columns where the header has {len(header)}")
    row = dict(zip(header, cells, strict=True))
    sign = parse(row, "type", to_sign)
    return Transaction(
        trans_id=parse(row, "trans_id", to_identifier),
        account_id=parse(row, "account_id", to_identifier),
        date=parse(row, "date", to_date),
        operation=parse(row, "operation", to_text),
        amount=sign * parse(row, "amount", to_amount),
        line=line,
    )


def parse[T](row: dict[str, str], column: str, convert: Callable[[str], T]) -> T:
    try:
        return convert(row[column])
    except ValueError as error:
        raise ValueError(f"column {column}: {row[column]!r} {error}") from None


def to_identifier(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_.-]{1,64}", text):
        raise ValueError("is not an identifier: 1 to 64 letters, digits, dots, dashes or underscores")
    return text


def to_date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError("is not a date such as 1993-01-31") from None


def to_sign(text: str) -> int:
    if text not in ("credit", "debit"):
        raise ValueError("is neither credit nor debit")
    return 1 if text == "credit" else -1


def to_text(text: str) -> str:
    if any("\udc80" <= character <= "\udcff" for character in text):
        raise ValueError("is not UTF-8")
    return text


def to_amount(text: str) -> Decimal:
    # Bounded, so that no sum is ever rounded to the 28 digits of a Decimal.
    if not re.fullmatch(r"[0-9]{1,15}(\.[0-9]{1,4})?", text):
        raise ValueError("is not an amount such as 1234.50, without a sign and with at most 15 digits before the dot")
    return Decimal(text)
