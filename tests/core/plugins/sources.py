"""Texts of plugin modules, as third parties write them."""

JOURNAL = """
from casty.plugins import JournalProvider, hookimpl
from casty.spi.journal import JournalCapabilities

def open_journal(url, options):
    raise AssertionError("no test opens it")

@hookimpl
def casty_journals():
    capabilities = JournalCapabilities(durable=True)
    return [JournalProvider(names=("acme",), open=open_journal, capabilities=capabilities)]
"""

JOURNAL_OF_SPI_99 = JOURNAL.replace("capabilities=cap", "spi=99, capabilities=cap")
JOURNAL_OF_SPI_0 = JOURNAL.replace("capabilities=cap", "spi=0, capabilities=cap")

BROKEN_IMPORT = "import a_driver_that_is_not_there"

RAISING_HOOK = """
from casty.plugins import hookimpl

@hookimpl
def casty_journals():
    raise RuntimeError("no licence")
"""

MISSPELT_HOOK = """
from casty.plugins import hookimpl

@hookimpl
def casty_journal():
    return []
"""

OPTIONAL_HOOK = """
from casty.plugins import hookimpl

@hookimpl(optionalhook=True)
def casty_hook_of_the_future():
    raise AssertionError("this core does not know it")
"""

HOOK_WITH_ARGUMENT = """
from casty.plugins import hookimpl

@hookimpl
def casty_journals(config):
    return []
"""


def journals_returning(expression: str) -> str:
    """A plugin whose hook returns this expression, in which `provider(**changes)` makes a valid provider."""
    return f"""
from casty.plugins import JournalProvider, TransportProvider, hookimpl
from casty.spi.journal import JournalCapabilities

def provider(**changes):
    capabilities = JournalCapabilities(durable=True)
    return JournalProvider(**dict(names=("acme",), open=print, capabilities=capabilities) | changes)

@hookimpl
def casty_journals():
    return {expression}
"""


def codec(name: str) -> str:
    """A plugin with a codec for fractions under that name."""
    return f"""
from fractions import Fraction
from casty.plugins import CodecProvider, hookimpl

@hookimpl
def casty_codecs():
    return [CodecProvider(names=("{name}",), for_type=Fraction, dump=str, load=Fraction)]
"""


INSTRUMENTS = """
from casty.plugins import InstrumentProvider, hookimpl

@hookimpl
def casty_instruments():
    return [InstrumentProvider(names=("meter",), create=print)]
"""

INSTRUMENT_OF_SPI_99 = INSTRUMENTS.replace("create=print", "create=print, spi=99")

FAILURE_DETECTORS = """
from casty.plugins import FailureDetectorProvider, hookimpl

@hookimpl
def casty_failure_detectors():
    return [FailureDetectorProvider(names=("patient",), create=print)]
"""
