"""Entities in this process: shards of actors that start at their first message, and the references that find them."""

from casty.runtime.sharding.entities import Entities as Entities
from casty.runtime.sharding.entities import EntityCounts as EntityCounts
from casty.runtime.sharding.ids import entity_path as entity_path
from casty.runtime.sharding.ids import place_of as place_of
from casty.runtime.sharding.ids import shard_of as shard_of
from casty.runtime.sharding.recency import Recency as Recency
from casty.runtime.sharding.region import Region as Region
from casty.runtime.sharding.region import addressed as addressed
from casty.runtime.sharding.region import find_entity as find_entity
from casty.runtime.sharding.region import region_name as region_name
from casty.runtime.sharding.region import region_state as region_state
from casty.runtime.sharding.shards import Shards as Shards
from casty.runtime.sharding.shards import settings_of as settings_of
