"""All machines of the cluster check their invariants after every input while these tests run."""

from casty_cluster.node.driver import Driver

Driver.validates = True
