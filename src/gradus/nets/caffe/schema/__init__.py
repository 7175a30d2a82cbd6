"""Caffe's protobuf messages, from tables of facts."""

from gradus.nets.caffe.schema.pool import message_class

__all__ = ["message_class"]
