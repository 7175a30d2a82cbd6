"""Caffe's Python module, `pycaffe`, on our nets: `install()` of `finder` makes `import caffe` find it."""
