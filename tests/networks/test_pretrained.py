"""Published weights: names and shapes one by one, another number of channels, volumes, files that
are absent or wrong.
"""

from __future__ import annotations

import functools
import hashlib
import http.server
import re
import threading

import pytest
import torch
from published_states import PARAMETERS, published_shapes, published_state
from torch import nn
from torch.nn import functional

from medmonai.networks import (
    adapt_channels,
    backbone_of,
    efficientnet_b0,
    inflate,
    load_pretrained,
    resnet18,
    vgg16,
)
from medmonai.networks import densenet121 as whole_densenet121
from medmonai.networks.pretrained import IMAGENET, WeightFile, imagenet_file, weights_folder
from medmonai.networks.weight_names import load_published, published_name

NAMES = list(IMAGENET)


@pytest.mark.parametrize("name", NAMES)
def test_the_generated_lists_have_the_published_number_of_parameters(name):
    shapes = {
        key: shape
        for key, shape in published_shapes(name).items()
        if key.endswith(("weight", "bias"))
    }
    assert sum(torch.Size(shape).numel() for shape in shapes.values()) == PARAMETERS[name]


@pytest.mark.parametrize("name", NAMES)
def test_every_weight_arrives_under_its_name_in_its_shape(name):
    state = published_state(name)
    backbone = backbone_of(name).network
    load_published(backbone, name, state)
    renamed = {
        re.sub(r"\.(norm|conv)\.([12])\.", r".\1\2.", key): value for key, value in state.items()
    }
    arrived = set()
    for key, value in backbone.state_dict().items():
        theirs = published_name(name, key)
        if theirs not in renamed:
            assert key.endswith("num_batches_tracked") and name == "densenet121"
            continue
        assert torch.equal(value, renamed[theirs]), key
        arrived.add(theirs)
    assert all(key.startswith(("fc.", "classifier.", "_fc.")) for key in set(renamed) - arrived)


@pytest.mark.parametrize("name", ["resnet18", "vgg16"])
def test_torchvisions_names_are_those_of_the_whole_network(name):
    build = {"resnet18": functools.partial(resnet18, stem="standard"), "vgg16": vgg16}[name]
    with torch.device("meta"):
        ours = build(in_channels=3, num_classes=1000).state_dict()
    assert {key: tuple(value.shape) for key, value in ours.items()} == published_shapes(name)


def test_the_published_numbers_of_parameters_are_those_of_the_whole_networks():
    with torch.device("meta"):
        whole = {
            "vgg16": vgg16(in_channels=3, num_classes=1000),
            "efficientnet_b0": efficientnet_b0(in_channels=3, num_classes=1000),
            "densenet121": whole_densenet121(in_channels=3, num_classes=1000, stem="standard"),
        }
    for name, network in whole.items():
        assert sum(p.numel() for p in network.parameters()) == PARAMETERS[name], name


def by_hand_resnet18(state, x):
    """ResNet-18 in evaluation mode written with torch.nn.functional alone, under torchvision's
    names.
    """

    def norm(x, at):
        return functional.batch_norm(
            x,
            state[f"{at}.running_mean"],
            state[f"{at}.running_var"],
            state[f"{at}.weight"],
            state[f"{at}.bias"],
        )

    x = functional.relu(
        norm(functional.conv2d(x, state["conv1.weight"], stride=2, padding=3), "bn1")
    )
    x = functional.max_pool2d(x, 3, stride=2, padding=1)
    for stage in range(1, 5):
        for block in range(2):
            at, stride = f"layer{stage}.{block}", 2 if stage > 1 and block == 0 else 1
            out = functional.conv2d(x, state[f"{at}.conv1.weight"], stride=stride, padding=1)
            out = functional.relu(norm(out, f"{at}.bn1"))
            out = norm(functional.conv2d(out, state[f"{at}.conv2.weight"], padding=1), f"{at}.bn2")
            if stride == 2:
                x = norm(
                    functional.conv2d(x, state[f"{at}.downsample.0.weight"], stride=2),
                    f"{at}.downsample.1",
                )
            x = functional.relu(out + x)
    return x.mean((2, 3))


def test_resnet18_computes_what_the_paper_says():
    state = published_state("resnet18")
    backbone = backbone_of("resnet18").network.eval()
    load_published(backbone, "resnet18", state)
    x = torch.randn(2, 3, 64, 64)
    torch.testing.assert_close(backbone(x), by_hand_resnet18(state, x), rtol=1e-4, atol=1e-4)


def test_vgg16_computes_what_the_paper_says():
    state = published_state("vgg16")
    backbone = backbone_of("vgg16").network.eval()
    load_published(backbone, "vgg16", state)
    x = given = torch.randn(1, 3, 64, 64)
    for number in (
        0,
        2,
        "pool",
        5,
        7,
        "pool",
        10,
        12,
        14,
        "pool",
        17,
        19,
        21,
        "pool",
        24,
        26,
        28,
        "pool",
    ):
        x = (
            functional.max_pool2d(x, 2)
            if number == "pool"
            else functional.relu(
                functional.conv2d(
                    x,
                    state[f"features.{number}.weight"],
                    state[f"features.{number}.bias"],
                    padding=1,
                )
            )
        )
    torch.testing.assert_close(backbone(given), x.mean((2, 3)), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("in_channels", [1, 2, 3, 5])
def test_a_grey_image_repeated_gives_what_it_gave_in_three_channels(in_channels):
    weight, x = torch.randn(8, 3, 7, 7), torch.randn(2, 1, 20, 20)
    old = functional.conv2d(x.repeat(1, 3, 1, 1), weight)
    new = functional.conv2d(x.repeat(1, in_channels, 1, 1), adapt_channels(weight, in_channels))
    torch.testing.assert_close(new, old, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("in_channels", [1, 4])
def test_backbones_of_other_channels_agree_on_grey_images(name, in_channels):
    state, x = published_state(name), torch.randn(1, 1, 64, 64)
    outputs = []
    for channels in (3, in_channels):
        backbone = backbone_of(name, in_channels=channels).network.eval()
        load_published(backbone, name, state)
        outputs.append(backbone(x.repeat(1, channels, 1, 1)))
    torch.testing.assert_close(
        outputs[1], outputs[0], rtol=1e-3, atol=1e-4 * float(outputs[0].detach().abs().max())
    )


def test_three_channels_stay_as_they_are():
    weight = torch.randn(4, 3, 3, 3)
    assert adapt_channels(weight, 3) is weight
    with pytest.raises(ValueError, match="in_channels=0; at least 1"):
        adapt_channels(weight, 0)


@pytest.mark.parametrize("side", [1, 3, 7])
def test_inflated_weights_give_the_2d_output_where_nothing_changes_along_the_depth(side):
    weight, x = torch.randn(4, 2, side, side), torch.randn(1, 2, 15, 15)
    flat = functional.conv2d(x, weight, padding=side // 2)
    deep = functional.conv3d(
        x[..., None].repeat(1, 1, 1, 1, 15), inflate(weight), padding=side // 2
    )
    for slice_ in range(side // 2, 15 - side // 2):
        torch.testing.assert_close(deep[..., slice_], flat, rtol=1e-4, atol=1e-4)
    with pytest.raises(ValueError, match=r"weight has shape \(4, 2\)"):
        inflate(torch.zeros(4, 2))


@pytest.mark.parametrize("name", ["resnet18", "vgg16", "densenet121"])
def test_an_inflated_backbone_gives_the_2d_features(name):
    # Padded with copies instead of zeros, a volume that does not change along its depth has no
    # ends.
    state = published_state(name)
    x = torch.rand(1, 3, 32, 32)
    outputs = []
    for dims, image in ((2, x), (3, x[..., None].repeat(1, 1, 1, 1, 32))):
        backbone = backbone_of(name, spatial_dims=dims).network.eval()
        load_published(backbone, name, state)
        for module in backbone.modules():
            if isinstance(module, (nn.Conv2d, nn.Conv3d)) and max(module.padding) > 0:
                module.padding_mode = "replicate"
                module._reversed_padding_repeated_twice = [
                    p for p in reversed(module.padding) for _ in range(2)
                ]
        outputs.append(backbone(image))
    torch.testing.assert_close(
        outputs[1], outputs[0], rtol=1e-3, atol=1e-4 * float(outputs[0].detach().abs().max())
    )


@pytest.mark.parametrize("name", NAMES)
def test_every_backbone_takes_the_weights_in_3d(name):
    state = published_state(name)
    with torch.device("meta"):  # for the shapes
        empty = backbone_of(name, spatial_dims=3, in_channels=1).network
    shapes = {key: value.shape for key, value in empty.state_dict().items()}
    backbone = backbone_of(name, spatial_dims=3, in_channels=1).network
    load_published(backbone, name, state)
    assert {key: value.shape for key, value in backbone.state_dict().items()} == shapes


def test_a_file_of_another_network_is_refused_by_name():
    backbone = backbone_of("resnet18").network
    before = {key: value.clone() for key, value in backbone.state_dict().items()}
    with pytest.raises(
        ValueError, match=r"the weights hold 'layer1.2.conv1.weight' \(\d+ such\), which resnet18"
    ):
        load_published(backbone, "resnet18", published_state("resnet34"))
    with pytest.raises(
        ValueError, match=r"the weights have no 'conv1.weight', which resnet18 needs"
    ):
        load_published(backbone, "resnet18", published_state("vgg16"))
    state = published_state("resnet18")
    state["layer2.0.conv1.weight"] = torch.zeros(128, 64, 1, 1)
    with pytest.raises(
        ValueError, match=r"'layer2.0.conv1.weight' has shape \(128, 64, 1, 1\), which does not fit"
    ):
        load_published(backbone, "resnet18", state)
    assert all(torch.equal(value, before[key]) for key, value in backbone.state_dict().items())


@pytest.mark.parametrize("name", NAMES)
def test_the_catalogue_is_consistent(name):
    entry = IMAGENET[name]
    assert re.fullmatch("[0-9a-f]{64}", entry.sha256)
    assert entry.file_name.endswith(f"-{entry.sha256[:8]}.pth")
    assert entry.url.startswith("https://") and entry.licence


def test_torch_home_is_respected(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    assert weights_folder() == tmp_path / "hub" / "checkpoints"


@pytest.fixture
def served(tmp_path, monkeypatch):
    """A server of small weights; returns a function that puts a file there and an entry for it into
    the catalogue.
    """
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "home"))
    (tmp_path / "www").mkdir()

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *arguments):
            pass

    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Quiet, directory=tmp_path / "www")
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()

    def serve(name, content, digest=None):
        path = tmp_path / "www" / f"{name}.pth"
        torch.save(content, path)
        digest = digest or hashlib.sha256(path.read_bytes()).hexdigest()
        monkeypatch.setitem(
            IMAGENET,
            name,
            WeightFile(f"http://127.0.0.1:{server.server_port}/{name}.pth", digest, "none"),
        )

    yield serve
    server.shutdown()
    server.server_close()


def test_a_file_is_downloaded_once_checked_and_loaded(served):
    state = published_state("resnet18")
    served("resnet18", state)
    backbone = backbone_of("resnet18", in_channels=1).network
    load_pretrained(backbone, "resnet18")
    assert torch.equal(backbone.layer4[1].conv2.weight, state["layer4.1.conv2.weight"])
    torch.testing.assert_close(backbone.conv1.weight, state["conv1.weight"].sum(1, keepdim=True))
    assert [path.name for path in weights_folder().iterdir()] == ["resnet18.pth"]
    stamp = (weights_folder() / "resnet18.pth").stat().st_mtime_ns
    load_pretrained(backbone_of("resnet18").network, "resnet18")
    assert (weights_folder() / "resnet18.pth").stat().st_mtime_ns == stamp


def test_another_file_from_the_server_is_refused_and_not_kept(served):
    served("resnet18", {"a": torch.zeros(1)}, digest="0" * 64)
    with pytest.raises(FileNotFoundError, match="the server sent another file"):
        imagenet_file("resnet18")
    assert not list(weights_folder().iterdir())


def test_without_a_network_the_message_says_what_to_put_where(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    entry = WeightFile(
        "http://127.0.0.1:9/resnet50-0676ba61.pth", IMAGENET["resnet50"].sha256, "none"
    )
    monkeypatch.setitem(IMAGENET, "resnet50", entry)
    with pytest.raises(FileNotFoundError) as caught:
        load_pretrained(backbone_of("resnet50").network, "resnet50")
    text = str(caught.value)
    assert "\n" not in text
    for part in (
        entry.file_name,
        entry.sha256,
        entry.url,
        str(weights_folder()),
        "pretrained=false",
    ):
        assert part in text


def test_a_file_that_is_cut_off_is_named_and_left(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    path = weights_folder() / IMAGENET["resnet18"].file_name
    path.parent.mkdir(parents=True)
    path.write_bytes(b"half")
    with pytest.raises(
        ValueError, match=r"resnet18-f37072fd.pth \(4 bytes\) has SHA-256 .* expected f37072fd"
    ):
        imagenet_file("resnet18")
    assert path.read_bytes() == b"half"


class Payload:
    def __reduce__(self):
        return (print, ("this must not run",))


def test_code_in_a_file_of_weights_is_not_run(served, capsys):
    served("resnet18", {"conv1.weight": Payload()})
    with pytest.raises(ValueError, match="not a readable file of weights"):
        load_pretrained(backbone_of("resnet18").network, "resnet18")
    assert "must not run" not in capsys.readouterr().out


def test_networks_without_imagenet_weights_are_named():
    with pytest.raises(ValueError, match="'resnet10' has no ImageNet weights; use one of resnet18"):
        load_pretrained(backbone_of("resnet10").network, "resnet10")
