"""The file of a MedMNIST set is searched for, verified and downloaded; a damaged one is named."""

from __future__ import annotations

import functools
import http.server
import threading

import numpy as np
import pytest
from medmnist_sets import ROWS, md5, write_set

from medmonai.data import DatasetFolder, load_medmnist

pytestmark = pytest.mark.usefixtures("no_other_folders")


def test_search_order(tmp_path, monkeypatch):
    folders = {
        "given": tmp_path / "given",
        "root": tmp_path / "root",
        "home": tmp_path / "home" / ".medmnist",
    }
    for n, folder in enumerate(folders.values(), start=1):
        folder.mkdir(parents=True)
        write_set(folder, "breastmnist", rows={"train": n, "val": 1, "test": 1})
    load = functools.partial(load_medmnist, "breastmnist", split="train")
    monkeypatch.setenv("MEDMNIST_ROOT", str(folders["root"]))
    assert len(load(dataset_dir=DatasetFolder(folders["given"], verify=False))) == 1
    assert (
        len(load(dataset_dir=DatasetFolder(tmp_path, verify=False))) == 2
        and len(load(dataset_dir=DatasetFolder(verify=False))) == 2
    )
    for root in (folders["root"], tmp_path / "typo"):
        monkeypatch.setenv("MEDMNIST_ROOT", str(root))
        with pytest.raises(FileNotFoundError, match="there is no such folder"):
            load(**({"dataset_dir": tmp_path / "absent"} if root == folders["root"] else {}))
    assert not (tmp_path / "absent").exists() and not (tmp_path / "typo").exists()
    monkeypatch.delenv("MEDMNIST_ROOT")
    assert len(load(dataset_dir=DatasetFolder(verify=False))) == 3


def test_wrong_md5_leaves_the_file(tmp_path):
    path, _ = write_set(tmp_path, "pneumoniamnist")
    before = path.read_bytes()
    match = f"has MD5 {md5(path)}, expected 28209eda62fecd6e6a2d98b1501bb15f: truncated or"
    with pytest.raises(ValueError, match=match) as raised:
        load_medmnist("pneumoniamnist", split="train", dataset_dir=tmp_path)
    assert (
        path.read_bytes() == before
        and "\n" not in str(raised.value)
        and "verify=False" in str(raised.value)
    )


@pytest.mark.parametrize("keep", [0.0, 0.3, 0.9, 0.999])
def test_truncated_file_without_verification(tmp_path, keep):
    path, _ = write_set(tmp_path, "pneumoniamnist")
    path.write_bytes(path.read_bytes()[: int(keep * path.stat().st_size)])
    with pytest.raises(
        ValueError, match=r"pneumoniamnist.npz \(\d+ bytes\) is not a complete npz file"
    ) as raised:
        load_medmnist(
            "pneumoniamnist", split="train", dataset_dir=DatasetFolder(tmp_path, verify=False)
        )
    assert "\n" not in str(raised.value)


def test_flipped_byte_without_verification(tmp_path):
    path, _ = write_set(tmp_path, "pneumoniamnist", rows={"train": 50, "val": 2, "test": 2})
    content = bytearray(path.read_bytes())
    content[5000] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"pneumoniamnist.npz: train_images cannot be read"):
        load_medmnist(
            "pneumoniamnist", split="train", dataset_dir=DatasetFolder(tmp_path, verify=False)
        )


def test_number_of_cases_is_part_of_the_verification(tmp_path, offer):
    path, _ = write_set(tmp_path, "pneumoniamnist")
    offer("pneumoniamnist", url="http://127.0.0.1:9/", md5=md5(path))
    with pytest.raises(ValueError, match=r"has shape \(7, 28, 28\), expected \(4708, 28, 28\)"):
        load_medmnist("pneumoniamnist", split="train", dataset_dir=tmp_path)


def test_no_network_is_one_line(tmp_path, offer):
    wanted = offer("pneumoniamnist", url="http://127.0.0.1:9/pneumoniamnist.npz", md5="0" * 32)
    folder = tmp_path / "data"
    folder.mkdir()
    with pytest.raises(FileNotFoundError) as raised:
        load_medmnist("pneumoniamnist", split="train", dataset_dir=folder)
    text = str(raised.value)
    assert "\n" not in text and all(
        part in text
        for part in (
            "pneumoniamnist.npz",
            "0" * 32,
            wanted.url,
            str(folder),
            "bundles/lesion_phantom_classification",
            "download failed",
        )
    )
    assert not list(tmp_path.rglob("*.npz")) and not [p for p in folder.glob("*") if p.is_file()]


def test_download_switched_off(tmp_path, monkeypatch):
    monkeypatch.setenv("MEDMNIST_ROOT", str(tmp_path / "root"))
    (tmp_path / "root").mkdir()
    with pytest.raises(
        FileNotFoundError,
        match=r"vesselmnist3d_64.npz \(MD5 6bb274a8.*\) is not in .*root and download=False",
    ):
        load_medmnist(
            "vesselmnist3d", split="train", size=64, dataset_dir=DatasetFolder(download=False)
        )


@pytest.fixture
def server(tmp_path):
    folder = tmp_path / "server"
    folder.mkdir()

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args):
            pass

    with http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Quiet, directory=folder)
    ) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield folder, f"http://127.0.0.1:{running.server_port}"
        running.shutdown()


def test_download_is_verified_and_kept(tmp_path, server, offer):
    folder, url = server
    path, arrays = write_set(folder, "pneumoniamnist")
    offer("pneumoniamnist", url=f"{url}/{path.name}", md5=md5(path), num_cases=ROWS)
    target = tmp_path / "new" / "folder"
    target.mkdir(parents=True)
    cohort = load_medmnist("pneumoniamnist", split="test", dataset_dir=target)
    assert np.array_equal(cohort.images[:, 0], arrays["test_images"])
    assert [p.name for p in target.iterdir()] == ["pneumoniamnist.npz"]
    path.unlink()
    # no second download
    assert len(load_medmnist("pneumoniamnist", split="val", dataset_dir=target)) == 3


def test_wrong_download_leaves_no_file(tmp_path, server, offer):
    folder, url = server
    path, _ = write_set(folder, "pneumoniamnist")
    offer("pneumoniamnist", url=f"{url}/{path.name}", md5="0" * 32)
    target = tmp_path / "new"
    target.mkdir()
    with pytest.raises(FileNotFoundError, match="another MD5") as raised:
        load_medmnist("pneumoniamnist", split="test", dataset_dir=target)
    assert list(target.iterdir()) == [] and "\n" not in str(raised.value)


def test_missing_on_the_server(tmp_path, server, offer):
    offer("pneumoniamnist", url=f"{server[1]}/absent.npz", md5="0" * 32)
    with pytest.raises(FileNotFoundError, match="404"):
        load_medmnist("pneumoniamnist", split="test", dataset_dir=tmp_path)
