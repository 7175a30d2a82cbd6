"""Caffe's protobuf messages under the name that its Python code uses."""
