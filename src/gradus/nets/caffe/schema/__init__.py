"""Caffe's protobuf messages, from tables of facts."""

from gradus.nets.caffe.schema.pool import copied, message_class

__all__ = ["copied", "message_class"]
