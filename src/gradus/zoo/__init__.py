"""Ready networks as texts."""

from gradus.zoo.catalogue import catalogue, network_text

__all__ = ["catalogue", "network_text"]
