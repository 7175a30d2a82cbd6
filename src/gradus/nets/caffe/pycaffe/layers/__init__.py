"""Layers that ship with Caffe in Python."""
