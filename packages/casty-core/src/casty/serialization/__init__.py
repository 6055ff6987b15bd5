"""Values to bytes and back, by name: `@message` and `@event` name types for good, `@upcast` leads what was stored to
what they are today, `MsgpackSerializer` carries them.
"""

from casty.serialization.limits import Limits as Limits
from casty.serialization.msgpack import PROVIDER as PROVIDER
from casty.serialization.msgpack import MsgpackOptions as MsgpackOptions
from casty.serialization.msgpack import MsgpackSerializer as MsgpackSerializer
from casty.serialization.names import WireName as WireName
from casty.serialization.registry import REGISTRY as REGISTRY
from casty.serialization.registry import Registry as Registry
from casty.serialization.registry import event as event
from casty.serialization.registry import message as message
from casty.serialization.registry import upcast as upcast
from casty.serialization.upcasts import Upcast as Upcast
