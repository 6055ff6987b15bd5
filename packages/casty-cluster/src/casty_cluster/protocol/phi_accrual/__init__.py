"""The failure detector `phi-accrual`: it learns how regularly its neighbours answer, and suspects them accordingly."""

from casty_cluster.protocol.phi_accrual.detector import PhiAccrualDetector as PhiAccrualDetector
from casty_cluster.protocol.phi_accrual.options import PhiAccrualOptions as PhiAccrualOptions
