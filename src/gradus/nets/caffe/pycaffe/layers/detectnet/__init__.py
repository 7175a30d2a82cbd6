"""The Python layers of DIGITS' object detection, under the names that its networks use."""
