"""Coverage study of the AUC's intervals: scores with a known AUC, other intervals, the tables."""
