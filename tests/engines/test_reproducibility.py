import pytest
import torch

from medmonai.engines import git_revision, prepare_process, run_record, versions


def test_the_same_seed_gives_the_same_numbers():
    prepare_process(7)
    first = torch.rand(3)
    prepare_process(7)
    assert torch.equal(first, torch.rand(3))


@pytest.mark.parametrize("seed", [-1, 2**32, 1.5, True, "1"])
def test_bad_seeds(seed):
    with pytest.raises(ValueError, match="seed="):
        prepare_process(seed)


def test_the_record_holds_versions_and_no_path(tmp_path):
    record = run_record(seed=1, device="cpu")
    assert record["versions"]["torch"] == versions()["torch"] == torch.__version__
    assert record["seed"] == 1 and record["device"].startswith("cpu")
    assert str(tmp_path.home()) not in str(record)
    assert git_revision(tmp_path) == "unknown"
