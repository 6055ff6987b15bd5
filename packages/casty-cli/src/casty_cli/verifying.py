"""`verify`: checks the properties of a journal on which entities and projections rely. It reads everything, and
changes nothing.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass

from casty.serialization.started import STARTED

from casty_cli.entity_checks import EntityChecks
from casty_cli.findings import Findings
from casty_cli.order_checks import check_order
from casty_cli.paging import entity_ids
from casty_cli.settings import NamedJournal
from casty_cli.terminal import print_json, printable, progress
from casty_cli.values import Values


async def verify_journal(journal: NamedJournal, values: Values, *, as_json: bool) -> bool:
    """Print all findings. Returns whether the journal is sound."""
    findings = Findings()
    entities = 0
    async with journal.to_read() as store:
        checks = EntityChecks(store, values, findings)
        with progress("events, entity by entity") as report:
            async for entity_id in entity_ids(store):
                await checks.check_events(entity_id, report)
                await checks.check_snapshots(entity_id)
                entities += 1
        with progress("events in their order", await store.highest_offset()) as report:
            await check_order(store, findings, report)
    result = Verification(journal=journal.name, entities=entities, checks=checks, findings=findings)
    if as_json:
        print_json(result.document())
    else:
        print("\n".join(result.lines()))
    return not findings.count


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """The result of a verification."""

    journal: str
    entities: int
    checks: EntityChecks
    findings: Findings

    def document(self) -> dict[str, object]:
        return {
            "journal": self.journal,
            "entities": self.entities,
            "events": self.checks.events,
            "snapshots": self.checks.snapshots,
            "unknown_types": dict(self.checks.unknown),
            "findings": [asdict(finding) for finding in self.findings.told],
            "more_findings": self.findings.untold,
        }

    def lines(self) -> Iterator[str]:
        yield from map(str, self.findings.told)
        if self.findings.untold:
            yield f"and {self.findings.untold:,} more findings"
        for manifest, values in self.checks.unknown.most_common():
            cure = "name the module of that type by --types"
            if manifest.rpartition(":")[0] in STARTED:
                cure = "the program was started as a file; an upcaster in a module named by --types can convert them"
            yield f"{values:,} of {printable(manifest)} were not decoded: {cure}"
        yield (
            f"{self.journal}: {self.checks.events:,} events of {self.entities:,} entities and "
            f"{self.checks.snapshots:,} snapshots; findings: {self.findings.count or 'none'}"
        )
