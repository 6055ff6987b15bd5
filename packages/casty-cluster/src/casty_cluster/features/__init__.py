"""What runs on top of the membership, put together: see `casty.spi.cluster_feature`."""
