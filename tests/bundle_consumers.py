"""What programs of others do with a bundle, step by step: MONAI Deploy App SDK 4.0 and its pipeline
generator, MONAI Label 0.8.5 and the zoo's CI, as their sources say. None of them can be installed
beside the newest MONAI.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.bundle import ConfigParser, ckpt_export, verify_metadata, verify_net_in_out
from monai.data import MetaTensor
from monai.transforms import Compose, LoadImaged, MapTransform
from monai.utils import ensure_tuple

SCHEMA = Path(__file__).parent / "bundle" / "metadata_schema.json"


class DeployBundleOperator:
    """MONAI Deploy's MonaiBundleInferenceOperator with a bundle in a folder.

    Args:
        bundle: its folder.
    """

    def __init__(self, bundle: Path) -> None:
        self.bundle_path = bundle
        self.meta = json.loads((bundle / "configs" / "metadata.json").read_text())
        self.parser = ConfigParser()
        self.parser.read_meta(self.meta)
        self.parser.read_config([bundle / "configs" / "inference.json"])
        self.parser.parse()

    def of_array(self, array: np.ndarray) -> tuple[list[str], np.ndarray]:
        """An array (W, H, C) or (W, H, D) without metadata."""
        image = self.meta["network_data_format"]["inputs"]["image"]
        assert array.ndim in (3, 4)
        if array.ndim == 4 or len(image["spatial_shape"]) == 2:
            assert array.shape[-1] == image["num_channels"]
        stated = "no_channel" if array.ndim == 3 else -1  # also of (W, H, C)
        return self(array, {"original_channel_dim": stated})

    def of_dicom(self, volume: np.ndarray, affine: np.ndarray, spacing: Any) -> Any:
        """An Image (D, H, W) of the DICOM operator."""
        names = ("row_pixel_spacing", "col_pixel_spacing", "depth_pixel_spacing")
        values = np.swapaxes(volume, 0, 2)
        meta = dict(zip(names, spacing))
        meta |= {"spacing": np.asarray(spacing), "original_affine": affine, "affine": affine}
        return self(values, meta | {"original_channel_dim": "no_channel"})

    def __call__(self, image: np.ndarray, meta: dict[str, Any]) -> tuple[list[str], np.ndarray]:
        """Return the names of the classes and the probabilities of a result."""
        device = self.parser.get_parsed_content("device")
        inferer = self.parser.get_parsed_content("inferer")
        before, after = (
            without_files(self.parser.get_parsed_content(name))
            for name in ("preprocessing", "postprocessing")
        )
        assert isinstance(before.transforms[0], MapTransform)
        network = self.parser.get_parsed_content("network")
        weights = torch.load(self.bundle_path / "models" / "model.pt", map_location=device)
        network.load_state_dict(weights, strict=True)
        network.eval()
        with torch.no_grad():
            data = {"image": MetaTensor.ensure_torch_and_prune_meta(image, meta)}
            made = before(data)["image"]
            assert isinstance(made.meta, dict)  # handed on with the result
            logits = ensure_tuple(inferer(inputs=made[None].to(device), network=network))[0]
            pred = after({"pred": logits, "image": made})["pred"]
        channels = self.meta["network_data_format"]["outputs"]["pred"]["channel_def"]
        pred.max(dim=0)
        return [channels[str(int(v))] for v in pred.flatten()], pred.cpu().numpy()


def without_files(compose: Compose) -> Compose:
    """Leave out transforms that load or save files, by their names."""
    compose.transforms = tuple(
        one
        for one in compose.transforms
        if not any(part in type(one).__name__ for part in ("LoadImage", "SaveImage"))
    )
    return compose


class ClassificationOperator:
    """The pipeline generator's MonaiClassificationOperator.

    Args:
        bundle: its folder.
    """

    def __init__(self, bundle: Path) -> None:
        self.bundle_path = bundle
        self.parser = ConfigParser()
        self.parser.read_config(str(bundle / "configs" / "inference.json"))
        import monai

        self.parser.globals = {"torch": torch, "monai": monai}

    def __call__(self, image: np.ndarray | torch.Tensor) -> dict[str, float]:
        """Return class_0, class_1, ... and predicted_class of a tensor or of an Image's array."""
        x = image if isinstance(image, torch.Tensor) else torch.from_numpy(image).float()
        read = self.parser.get_parsed_content("preprocessing#transforms")
        before = Compose([t for t in read if type(t).__name__ not in ("LoadImaged", "LoadImage")])
        network = self.parser.get_parsed_content("network_def")
        state = torch.load(self.bundle_path / "models" / "model.pt", weights_only=True)
        network.load_state_dict(state)
        network.eval()
        after = Compose(self.parser.get_parsed_content("postprocessing#transforms"))
        x = before({"image": x})["image"]
        x = x[None] if x.ndim == 3 else x
        with torch.no_grad():
            pred = after({"pred": network(x)})["pred"]
        pred = pred.squeeze(0) if pred.ndim == 2 and len(pred) == 1 else pred
        scores = {f"class_{c}": float(p) for c, p in enumerate(pred.cpu().numpy())}
        return {**scores, "predicted_class": int(torch.argmax(pred))}


class LabelTask:
    """MONAI Label's BundleInferTask as its app for bundles makes it.

    Args:
        bundle: its folder.
    """

    def __init__(self, bundle: Path) -> None:
        self.bundle = bundle
        self.config = ConfigParser()
        self.config.read_config(str(bundle / "configs" / "inference.json"))
        self.config.config.update({"bundle_root": str(bundle), "use_click": False})
        meta = json.loads((bundle / "configs" / "metadata.json").read_text())
        formats = meta["network_data_format"]
        channels = formats["outputs"]["pred"]["channel_def"]
        self.labels = {int(c): name.lower() for c, name in channels.items()}
        self.network = self.config.get_parsed_content("network_def", instantiate=True)
        assert list(formats["inputs"]) == ["image"] and list(formats["outputs"]) == ["pred"]
        assert bundle.name.endswith("classification")  # from where it knows the task

    def __call__(self, image: str | np.ndarray) -> dict[str, float]:
        """Return label -> score of a path, or of an array (..., C)."""
        self.config.config["device"] = "cpu"
        data: dict[str, Any] = {"image": image, "device": "cpu"}
        read = self.config.get_parsed_content("preprocessing", instantiate=True)
        assert isinstance(read, Compose)
        for transform in read.transforms:
            if isinstance(transform, LoadImaged):
                transform._loader.image_only = False
                if not isinstance(image, str):
                    stated = {"spatial_shape": image.shape[:-1], "original_channel_dim": -1}
                    meta = {**stated, "original_affine": None}
                    data |= {"image": MetaTensor(image, meta=meta), "image_meta_dict": meta}
                    continue
            data = transform(data)
        inferer = self.config.get_parsed_content("inferer", instantiate=True)
        state = torch.load(self.bundle / "models" / "model.pt", map_location="cpu")
        state = state.get("model", state)
        assert set(state) == set(self.network.state_dict())  # else it goes on with random weights
        self.network.load_state_dict(state, strict=False)
        self.network.eval()
        with torch.no_grad():
            data["pred"] = inferer(data["image"][None], self.network)[0]
        for transform in self.config.get_parsed_content("postprocessing").transforms:
            data = transform(data)
        # the app puts a segmentation back onto the grid of its image
        size = data["pred"].shape[1:]
        found = data["image"].meta.get("spatial_shape", size)
        assert not np.any(np.not_equal(size, found[-len(size) :]))
        assert data["pred"].array is not None  # logged
        scores = ((self.labels.get(c), float(score)) for c, score in enumerate(data["pred"]))
        return {name: score for name, score in scores if name}


def verify_bundle(bundle: Path) -> None:
    """The zoo's ci/verify_bundle.py in its full mode; raise where it does."""
    configs = bundle / "configs"
    assert {"LICENSE", "configs", "models"} <= set(os.listdir(bundle))
    assert (bundle / "models" / "model.pt").is_file() and (configs / "inference.json").is_file()
    meta = json.loads((configs / "metadata.json").read_text())
    assert meta["version"] in meta["changelog"] and meta["supported_apps"] == {}
    (bundle / "eval").mkdir()
    (bundle / "eval" / "schema.json").write_text(SCHEMA.read_text())
    files = {
        "meta_file": str(configs / "metadata.json"),
        "config_file": str(configs / "inference.json"),
        "bundle_root": str(bundle),
    }
    verify_metadata(meta_file=files["meta_file"], filepath=str(bundle / "eval" / "schema.json"))
    verify_net_in_out(net_id="network_def", **files)
    ckpt_export(
        net_id="network_def",
        filepath=str(bundle / "models" / "verify_model.ts"),
        ckpt_file=str(bundle / "models" / "model.pt"),
        **files,
    )
