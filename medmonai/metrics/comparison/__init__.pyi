from .comparison import Comparison, average_seeds, compare_tables, holm, seed_spread, with_holm
from .decision_tests import decision_test
from .paired_tests import PairedDifference, accuracy_test, delong_test, mcnemar, paired_bootstrap
from .scope import verdict_scope

__all__ = [
    "Comparison",
    "PairedDifference",
    "accuracy_test",
    "average_seeds",
    "compare_tables",
    "decision_test",
    "delong_test",
    "holm",
    "mcnemar",
    "paired_bootstrap",
    "seed_spread",
    "verdict_scope",
    "with_holm",
]
