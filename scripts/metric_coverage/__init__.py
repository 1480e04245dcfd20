"""Coverage study of all intervals but the AUC's: populations with known truth, what is measured in
them, the tables.
"""
