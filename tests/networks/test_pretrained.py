"""Files of published weights: downloaded once, checked, named where they are absent or wrong."""

from __future__ import annotations

import functools
import hashlib
import http.server
import re
import threading

import pytest
import torch
from published_states import NAMES, published_state

from medmonai.networks import backbone_of, load_pretrained
from medmonai.networks.pretrained import IMAGENET, WeightFile, imagenet_file, weights_folder


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
