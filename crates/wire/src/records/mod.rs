//! Record batches and message sets: what a producer puts into the `records` of a partition.
