"""Reliable delivery: messages that are sent again until their consumer has confirmed them.

`producer` sends to one consumer, in order; `distributor` shares messages among all consumers under a key; `consumer`
makes one of an actor that handles `Delivery`. docs/delivery.md says what is guaranteed.
"""

from casty.delivery.consuming import consumer as consumer
from casty.delivery.messages import Delivery as Delivery
from casty.delivery.messages import Send as Send
from casty.delivery.messages import Transfer as Transfer
from casty.delivery.producing import distributor as distributor
from casty.delivery.producing import producer as producer
