"""MONAI's check of an inference config needs no images; a run without them says what is missing."""

import pytest
from bundle_runs import RECIPES, of_inference, thin, workflow


@pytest.mark.parametrize("name", sorted(RECIPES))
def test_nothing_is_missing_while_there_are_no_images(name, tmp_path):
    flow = workflow(
        name,
        "inference.json",
        workflow_type="infer",
        dataset_dir=str(tmp_path / "nowhere"),
        load_pretrain=False,
        output_dir=str(tmp_path / "out"),
        **of_inference(thin(name)),
    )
    flow.initialize()
    assert flow.check_properties() == []
    with pytest.raises(RuntimeError) as caught:  # MONAI's, around the one that says what is missing
        flow.run()
    assert isinstance(caught.value.__cause__, FileNotFoundError)
    assert "nowhere does not exist; give an image, a folder" in str(caught.value.__cause__)
