from .accuracy_difference import accuracy_test, mcnemar
from .auc_difference import delong_test
from .decision_tests import decision_test
from .independent import auc_shift, distribution_shift, share_shift
from .paired_tests import PairedDifference, paired_bootstrap
from .paired_verdicts import compare_tables
from .scope import verdict_scope
from .seeds import average_seeds, seed_spread
from .verdicts import Comparison, Comparisons, holm, with_holm

__all__ = [
    "Comparison",
    "Comparisons",
    "PairedDifference",
    "accuracy_test",
    "auc_shift",
    "average_seeds",
    "compare_tables",
    "decision_test",
    "delong_test",
    "distribution_shift",
    "holm",
    "mcnemar",
    "paired_bootstrap",
    "seed_spread",
    "share_shift",
    "verdict_scope",
    "with_holm",
]
