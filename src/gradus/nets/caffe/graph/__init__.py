"""Layers in their order: placed on the meta device, with weights, as the calls that run them, and drawn."""
