"""Coverage study of all intervals except the AUC's: populations with known truth, measures, and
tables.
"""
