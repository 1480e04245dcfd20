"""Which series a model answers, and what the answer says."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from mean_models import mean_model

pydicom = pytest.importorskip("pydicom")
highdicom = pytest.importorskip("highdicom")
from dicom_files import dataset, save  # noqa: E402
from dicom_nodes import ABOUT, ct, probability, volume_model  # noqa: E402

from medmonai.deployment import Familiar, predict  # noqa: E402
from medmonai.metrics import OperatingPoint  # noqa: E402
from medmonai.networks import resnet10  # noqa: E402
from medmonai.serving.node_answers import (  # noqa: E402
    Identity,
    NotAnswered,
    Selection,
    answer_series,
    read_instance,
)


def answered(folder, model, **chosen):
    chosen = {"modalities": ["CT"], **chosen}
    identity = Identity.of(model, ABOUT)
    selection = Selection.of(model, **chosen)
    return list(answer_series(folder, model, selection=selection, identity=identity))


def groups(report, folder):
    report.save_as(folder / "report.dcm", enforce_file_format=True)
    return highdicom.sr.srread(folder / "report.dcm").content.get_image_measurement_groups()


def values(group):
    return {one.name.meaning: one.value for one in group.get_measurements()}


def decisions(group):
    return [one.value.meaning for one in group.get_qualitative_evaluations()]


def comments(group):
    return [
        str(item.TextValue)
        for item in group[0].ContentSequence
        if item.ValueType == "TEXT" and item.name.meaning == "Comment"
    ]


def pictures(folder, *means, **tags):
    """A series of single images, each of one gray value."""
    folder.mkdir()
    tags = {"Modality": "DX", "StudyInstanceUID": "1.2.3", "SeriesInstanceUID": "1.2.3.4", **tags}
    for number, mean in enumerate(means):
        image = dataset(np.full((8, 8), mean, np.uint8), **tags)
        save(image, folder / f"{number}.dcm")
    return folder


def test_the_report_has_the_numbers_of_predict(tmp_path):
    model = volume_model(slopes=(4.0,), shifts=((-2.0,), (-1.0,)))
    series = ct(tmp_path / "s", value=140)
    (expected,) = predict(model, series)
    (report,) = answered(series, model)  # the network has no layer for a map
    (group,) = groups(report, tmp_path)
    found = values(group)
    assert found["Probability of normal"] == pytest.approx(expected.probabilities[0], abs=1e-6)
    assert found["Probability of lesion"] == pytest.approx(expected.probabilities[1], abs=1e-6)
    spread = "Standard deviation of the probability, networks"
    assert found[spread] == pytest.approx(expected.spread, abs=1e-6) and expected.spread > 0
    assert decisions(group) == [expected.decision]
    assert "not for clinical use" in comments(group)[0] and comments(group)[-1] == "Flags: none."


def test_the_report_and_its_pictures_belong_to_the_study_and_refer_to_the_images(tmp_path):
    model = volume_model(convolutions=True)
    series = ct(tmp_path / "s", PatientName="山田^太郎", SpecificCharacterSet="ISO_IR 192")
    headers = [read_instance(path).header for path in series.iterdir()]
    *captures, report = answered(series, model)
    names = {str(header.SOPInstanceUID) for header in headers}
    for result in (*captures, report):
        assert result.StudyInstanceUID == "1.2.3" and result.PatientName == "山田^太郎"
        assert result.SeriesInstanceUID not in ("1.2.3.1", "")
    (group,) = groups(report, tmp_path)
    assert {one.referenced_sop_instance_uid for one in group.source_images} == names
    assert len(captures) == 16 and captures[0].PatientOrientation == ["L", "P"]
    for capture in captures:
        assert {one.ReferencedSOPInstanceUID for one in capture.SourceImageSequence} == names
    assert len({str(one.SOPInstanceUID) for one in captures}) == 16


@pytest.mark.parametrize(
    ("tag", "value", "kept"),
    [
        ("PatientSex", "W", ""),  # as in German
        ("PatientSex", "F", "F"),
        ("PatientBirthDate", "00000000", ""),
        ("PatientBirthDate", "19700101", "19700101"),
        ("StudyDate", "20261301", ""),
        ("StudyTime", "25:00:00", ""),
        ("StudyTime", "101010.5", "101010.5"),
        ("ReferringPhysicianName", "A^B\\C^D", ""),
        ("PatientID", None, ""),
    ],
)
def test_headers_that_dicom_does_not_allow_make_no_invalid_results(tag, value, kept, tmp_path):
    def change(k, found):
        if value is None:
            del found[tag]
        else:
            number = pydicom.datadict.tag_for_keyword(tag)
            vr = pydicom.datadict.dictionary_VR(number)
            found[number] = pydicom.DataElement(number, vr, value, validation_mode=0)

    series = ct(tmp_path / "s", slices=3, change=change)
    *captures, report = answered(series, volume_model(convolutions=True))
    for result in (report, captures[0]):
        assert str(result.get(tag) or "") == kept


@pytest.mark.skipif(
    shutil.which("dciodvfy") is None, reason="not installed: dciodvfy (apt-get install dicom3tools)"
)
@pytest.mark.parametrize("dims", [2, 3])
def test_results_are_what_the_standard_asks_for(dims, tmp_path):
    if dims == 3:
        model = volume_model(convolutions=True)
        results = answered(ct(tmp_path / "s", slices=3), model)
    else:
        network = resnet10(spatial_dims=2, in_channels=1, num_classes=1, width=8).eval()
        model = replace(mean_model(size=(16, 16)), network=network)
        results = answered(pictures(tmp_path / "s", 40, 200), model, modalities=["DX"])
    for number in (0, -1):
        results[number].save_as(tmp_path / "result.dcm", enforce_file_format=True)
        said = subprocess.run(
            ["dciodvfy", tmp_path / "result.dcm"], capture_output=True, text=True, check=False
        )
        assert "Error" not in said.stdout + said.stderr, said.stdout + said.stderr


def test_results_have_the_same_uids_each_time_and_others_for_another_model(tmp_path):
    model = volume_model(convolutions=True)
    other = replace(model, point=OperatingPoint((0.3,), "youden", "validation", 50))
    series = ct(tmp_path / "s")
    first, again, changed = (
        [str(one.SOPInstanceUID) for one in answered(series, one)] for one in (model, model, other)
    )
    assert first == again and not set(first) & set(changed)


def test_the_program_of_the_page_reads_a_report(tmp_path, monkeypatch, capsys):
    page = (Path(__file__).parents[2] / "docs" / "how_to" / "dicom_node.md").read_text()
    (report,) = answered(ct(tmp_path / "s", value=140), volume_model())
    report.save_as(tmp_path / "report.dcm", enforce_file_format=True)
    monkeypatch.chdir(tmp_path)
    program = re.search(r"```py\n(.*?)```", page, re.DOTALL)[1]
    exec(compile(program, "dicom_node.md", "exec"), {})
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("Probability of normal 0.") and said[-1].startswith("Decision ")


def test_flags_are_in_the_report(tmp_path):
    familiar = Familiar(
        (0.0, 20.0), (0.0, 10.0), (8, 8, 8), (8, 8, 8), (False,), modalities=("CT",),
        body_parts=("CHEST",),
    )  # fmt: skip
    model = volume_model(familiar=familiar)
    (report,) = answered(ct(tmp_path / "s", value=200), model, modalities=[])
    said = comments(groups(report, tmp_path)[0])[-1]
    assert "brightness 200, in training 0 to 20" in said and "states no body part" in said


def test_single_images_of_a_series_have_a_group_each(tmp_path):
    model = mean_model()
    series = pictures(tmp_path / "s", 40, 200)
    save(dataset(np.zeros((3, 8, 8), np.uint8), Modality="DX"), tmp_path / "frames.dcm")
    (report,) = answered(series, model, modalities=["DX"])
    found = groups(report, tmp_path)
    wanted = [1 / (1 + np.exp(-(4 * mean / 255 - 2))) for mean in (40, 200)]
    assert [values(group)["Probability of lesion"] for group in found] == pytest.approx(
        wanted, abs=1e-6
    )
    assert [len(group.source_images) for group in found] == [1, 1]


@pytest.mark.parametrize(
    ("kind", "names", "shifts", "wanted"),
    [
        ("multiclass", ("a", "b", "c"), (0.0, 3.0, 1.0), ["b"]),
        ("multilabel", ("a", "a; b", "c" * 90), (-3.0, 3.0, 2.0), ["a; b", "c" * 64]),
        ("multilabel", ("a", "b", "c"), (-3.0, -3.0, -3.0), ["None of the labels"]),
        ("ordinal", ("0", "1", "2"), (0.0, 0.0, 4.0), ["2"]),
    ],
)
def test_decisions_of_every_task(kind, names, shifts, wanted, tmp_path):
    model = mean_model(kind, slopes=(0.0,) * 3, shifts=shifts, class_names=names)
    (report,) = answered(pictures(tmp_path / "s", 100), model, modalities=["DX"])
    (group,) = groups(report, tmp_path)
    assert decisions(group) == wanted
    assert len(values(group)) == 3


def test_a_multiframe_file_is_a_volume(tmp_path):
    from dicom_files import write_enhanced

    (tmp_path / "s").mkdir()
    voxels = np.full((8, 8, 8), 120)
    voxels[0, 0, 0] = 0
    path = write_enhanced(tmp_path / "s" / "a.dcm", voxels, np.diag([1.0, 1.0, 2.0, 1.0]))
    found = pydicom.dcmread(path)
    found.StudyInstanceUID = "1.2.3"
    save(found, path)
    (report,) = answered(tmp_path / "s", volume_model())
    (group,) = groups(report, tmp_path)
    assert values(group)["Probability of lesion"] == pytest.approx(probability(120), abs=1e-5)


@pytest.mark.parametrize(
    ("tags", "said"),
    [
        ({"Modality": "MR"}, "modality MR; the model takes CT"),
        ({"Modality": ""}, "modality none; the model takes CT"),
        ({"Modality": "MR (Doe\n"}, r"^modality MR \?DOE; the model takes CT$"),
        ({"BodyPartExamined": "HEAD"}, "body part HEAD; the model takes CHEST"),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]}, "it holds no image"),
    ],
)
def test_what_is_not_selected(tags, said, tmp_path):
    series = ct(tmp_path / "s", **tags)
    with pytest.raises(NotAnswered, match=said):
        answered(series, volume_model(), body_parts=["chest"])


def test_instances_of_two_patients_are_not_one_series(tmp_path):
    def change(k, found):
        found.PatientID = str(k // 4)

    series = ct(tmp_path / "s", change=change)
    with pytest.raises(NotAnswered, match="differ in PatientID"):
        answered(series, volume_model())


def test_the_number_of_axes_decides(tmp_path):
    with pytest.raises(NotAnswered, match="1 slice; the model takes volumes"):
        answered(ct(tmp_path / "one", slices=1), volume_model())
    model = mean_model(form={"intensity_range": (0.0, 255.0)})
    with pytest.raises(NotAnswered, match="65 images; the model takes single images"):
        answered(ct(tmp_path / "many", slices=65, side=2), model)


def test_what_the_model_was_trained_on_is_read_from_its_record():
    familiar = Familiar(
        (0, 1), (0, 1), (8, 8), (8, 8), (False,), modalities=("CR", "DX"), body_parts=("CHEST",)
    )
    model = mean_model(familiar=familiar)
    assert Selection.of(model).modalities == ("CR", "DX")
    assert Selection.of(model).body_parts == ("CHEST",)
    assert Selection.of(model, modalities=["mg"]).modalities == ("MG",)
    with pytest.raises(ValueError, match="no modality"):
        Selection.of(mean_model())


def test_models_that_need_more_than_a_series():
    with pytest.raises(ValueError, match="several images"):
        Selection.of(mean_model(image_columns=("t1", "t2")), modalities=["MR"])


def test_a_fault_of_the_saliency_map_is_logged_and_the_report_goes_out(
    tmp_path, monkeypatch, caplog
):
    def fault(*arguments):
        raise ValueError("Doe^Jane")

    monkeypatch.setattr("medmonai.serving.node_answers.series_answer.decided_map", fault)
    (report,) = answered(ct(tmp_path / "s"), volume_model(convolutions=True))
    assert groups(report, tmp_path)
    assert "no saliency pictures: ValueError" in caplog.text and "Doe" not in caplog.text
