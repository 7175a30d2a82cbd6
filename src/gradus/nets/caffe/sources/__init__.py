"""Where the batches of data layers come from: one module for each type of source."""
