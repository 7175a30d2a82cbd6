"""Network text in, networks out. Importing this room does not import torch; compiling does."""

from gradus.nets.compilers import compile_network, preload

__all__ = ["compile_network", "preload"]
