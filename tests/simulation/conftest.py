"""All machines of the cluster check their invariants after every input while simulations run."""

from casty_cluster.node.driver import Driver

Driver.validates = True
