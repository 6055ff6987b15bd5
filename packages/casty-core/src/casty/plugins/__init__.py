"""What a plugin's author imports; `casty.plugins.hookspecs` is the guide to writing one."""

from casty.plugins.hookspecs import hookimpl as hookimpl
from casty.plugins.options import build_options as build_options
from casty.plugins.providers import AllocationStrategyProvider as AllocationStrategyProvider
from casty.plugins.providers import ClusterFeatureProvider as ClusterFeatureProvider
from casty.plugins.providers import CodecProvider as CodecProvider
from casty.plugins.providers import DowningStrategyProvider as DowningStrategyProvider
from casty.plugins.providers import FailureDetectorProvider as FailureDetectorProvider
from casty.plugins.providers import InstrumentProvider as InstrumentProvider
from casty.plugins.providers import JournalProvider as JournalProvider
from casty.plugins.providers import LeaseProvider as LeaseProvider
from casty.plugins.providers import NoOptions as NoOptions
from casty.plugins.providers import SerializerProvider as SerializerProvider
from casty.plugins.providers import TransportProvider as TransportProvider
from casty.plugins.registry import PluginRegistry as PluginRegistry
