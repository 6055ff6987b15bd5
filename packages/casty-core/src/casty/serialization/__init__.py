"""Values to bytes and back, by name: `@message` names a type for good, `MsgpackSerializer` carries it."""

from casty.serialization.limits import Limits as Limits
from casty.serialization.msgpack import PROVIDER as PROVIDER
from casty.serialization.msgpack import MsgpackOptions as MsgpackOptions
from casty.serialization.msgpack import MsgpackSerializer as MsgpackSerializer
from casty.serialization.registry import REGISTRY as REGISTRY
from casty.serialization.registry import Registry as Registry
from casty.serialization.registry import message as message
