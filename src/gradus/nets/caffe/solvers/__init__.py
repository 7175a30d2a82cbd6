"""Caffe's solvers: what changes the weights, and how much, from a SolverParameter message."""
