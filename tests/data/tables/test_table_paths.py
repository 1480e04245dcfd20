"""Paths as people write them into tables: relative to several places, absolute, from another
computer.
"""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest

from medmonai.data import list_image_table
from medmonai.data.options import grouped
from medmonai.data.tables import table_folders
from medmonai.data.tables.table_paths import without_folder


def list_flat(table, **options):
    """`list_image_table` with its options side by side, as a command line has them."""
    return list_image_table(**grouped(list_image_table, {"table": table, **options}))


def touch(*paths):
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(str(path).encode())


def listed(folder, names, images=None, **options):
    rows = "".join(f"{name};{'ab'[i % 2]}\n" for i, name in enumerate(names))
    (folder / "t.csv").write_text(f"image;dx\n{rows}", encoding="utf-8")
    return list_flat(
        folder / "t.csv",
        name="set",
        image_column="image",
        label_column="dx",
        image_folders=images,
        **options,
    )


@pytest.fixture
def study(tmp_path, monkeypatch):
    """A table's folder with Bilder/, images elsewhere, and another working directory."""
    touch(
        *(
            tmp_path / place / name
            for place in ("study/Bilder", "elsewhere")
            for name in ("x.png", "y.png")
        )
    )
    (tmp_path / "cwd").mkdir()
    monkeypatch.chdir(tmp_path / "cwd")
    return tmp_path / "study"


@pytest.mark.parametrize(
    "form",
    [
        "Bilder/{}",
        "./Bilder/{}",
        ".\\Bilder\\{}",
        "Bilder\\{}",
        "{root}/study/Bilder/{}",
        "C:\\Users\\me\\study\\Bilder\\{}",
        "\\\\server\\share\\Bilder\\{}",
        "D:/Bilder/{}",
    ],
)
@pytest.mark.parametrize("images", [None, "Bilder", "../elsewhere"])
def test_forms_of_paths(study, form, images):
    found = listed(
        study, [form.format(name, root=study.parent) for name in ("x.png", "y.png")], images
    )
    beside = images is None or (form.startswith(("Bilder", ".", "{root}")) and images != "Bilder")
    folder = study / "Bilder" if beside or images == "Bilder" else study.parent / "elsewhere"
    assert [file.resolve() for file in found.files] == [folder / "x.png", folder / "y.png"]
    assert [Path(case).name for case in found.ids] == ["x.png", "y.png"]
    assert not any(Path(case).is_absolute() for case in found.ids)
    assert not any("C:" in note or str(study) in note for note in found.notes)


def test_the_working_directory_and_two_meanings(study):
    touch(study.parent / "cwd" / "Bilder" / "z.png")
    found = listed(study, ["Bilder/x.png", "Bilder/z.png"])
    assert [file.resolve().parent.parent.name for file in found.files] == ["study", "cwd"]
    told = "1 of 2 images was found relative to the working directory, first 'Bilder/z.png'."
    assert told in found.notes
    touch(study.parent / "cwd" / "Bilder" / "x.png")
    with pytest.raises(
        ValueError,
        match=r"image 'Bilder/x.png' is .*study/Bilder/x.png and .*cwd/Bilder/x.png; .*--images",
    ):
        listed(study, ["Bilder/x.png", "Bilder/z.png"])


def test_image_folders_come_first(study):
    touch(study / "x.png", study / "y.png")
    assert {file.parent.name for file in listed(study, ["x.png", "y.png"], "Bilder").files} == {
        "Bilder"
    }


@pytest.mark.parametrize("images", ["Bilder", "../study/Bilder", "../link", "{root}/study/Bilder"])
def test_a_file_that_is_reached_by_two_paths_is_one_image(study, images, monkeypatch):
    (study.parent / "link").symlink_to(study / "Bilder")
    monkeypatch.chdir(study)
    images = images.format(root=study.parent)
    found = listed(Path(), ["Bilder/x.png", "Bilder/y.png"], images)
    assert len(found) == 2 and not any("no row" in note for note in found.notes), found.notes
    with pytest.raises(ValueError, match=r"'Bilder/x.png' is in two rows"):
        listed(Path(), ["x.png", "y.png", "Bilder/x.png"], images)


@pytest.mark.parametrize("form", ["NFC", "NFD"])
@pytest.mark.parametrize("place", ["", "Bilder/", "{root}/study/Bilder/"])
def test_letters_are_compared_composed(study, form, place):
    """macOS writes "ö" as two code points, into file names, tables and the names of classes and
    patients alike.
    """
    names = [
        unicodedata.normalize(form, f"{place}Größe{i}.png").format(root=study.parent)
        for i in range(4)
    ]
    other = "NFD" if form == "NFC" else "NFC"
    touch(*(study / "Bilder" / unicodedata.normalize(other, f"Größe{i}.png") for i in range(4)))
    rows = [
        f"{name};{unicodedata.normalize(one, dx)};{unicodedata.normalize(one, 'Müller')}"
        for name, one, dx in zip(
            names, ("NFC", "NFD") * 2, ("bösartig", "gutartig", "gutartig", "bösartig")
        )
    ]
    (study / "t.csv").write_text("\n".join(["image;dx;patient", *rows]), encoding="utf-8")
    found = list_flat(
        study / "t.csv",
        name="set",
        image_column="image",
        label_column="dx",
        group_column="patient",
        image_folders="Bilder",
        positive_class=unicodedata.normalize("NFD", "bösartig"),
    )
    assert found.class_names == ("gutartig", "bösartig") and found.labels.tolist() == [1, 0, 0, 1]
    assert set(found.groups.tolist()) == {"Müller"}


def test_absolute_paths_outside_all_folders(study, tmp_path):
    touch(tmp_path / "a" / "1.png", tmp_path / "b" / "1.png")
    found = listed(study, [tmp_path / "a" / "1.png", tmp_path / "b" / "1.png"])
    assert found.ids.tolist() == ["a/1.png", "b/1.png"] and any(
        "by their absolute paths" in note for note in found.notes
    )


def test_an_end_of_a_path_is_not_cut_shorter_than_the_others(study):
    """p2/1.png must not become the 1.png of somebody else."""
    touch(study / "Bilder" / "p1" / "1.png", study / "Bilder" / "2.png")
    for start in ("C:\\data\\", "data/"):
        with pytest.raises(
            ValueError, match=r"1 of 2 rows have no image, first '(data/p2/)?2.png' \(line 3\)"
        ):
            listed(study, [f"{start}p1/1.png", f"{start}p2/2.png"], "Bilder")
    found = listed(study, ["C:\\a\\x.png", "D:\\b\\y.png"], "Bilder")
    assert found.ids.tolist() == ["x.png", "y.png"]


def test_two_folders_with_the_end_of_a_path(study):
    with pytest.raises(ValueError, match=r"'x.png' is in the folders Bilder and elsewhere"):
        listed(study, ["C:/x.png", "C:/y.png"], ["Bilder", "../elsewhere"])


@pytest.mark.parametrize(
    "names", [["Bilder/x.png", "{root}/study/Bilder/x.png"], ["x.png", "{root}/elsewhere/x.png"]]
)
def test_a_file_has_one_row_and_an_id_one_file(study, names):
    with pytest.raises(ValueError, match=r"is in two rows \(line 2, 3\)"):
        listed(study, [name.format(root=study.parent) for name in names], "Bilder")


@pytest.mark.parametrize(
    "name", ["../elsewhere/{}", "Bilder/.hidden/{}", "t.csv", "Bilder", "{}" + "x" * 5000]
)
def test_what_is_not_looked_up(study, name):
    touch(study / "Bilder" / ".hidden" / "x.png")
    with pytest.raises(
        ValueError,
        match=r"none of 2 rows has an image; .*neither the table's folder .* nor the working",
    ):
        listed(study, [name.format("x.png"), name.format("y.png")])


def test_whole_disks_homes_and_large_folders_are_not_walked(study, monkeypatch, tmp_path):
    touch(*(tmp_path / "elsewhere" / str(i) / "z.png" for i in range(30)))

    def refused(*args, **options):
        raise AssertionError("walked")

    names = [str(study / "Bilder" / name).lstrip("/") for name in ("x.png", "y.png")]
    monkeypatch.setenv("HOME", str(tmp_path / "home" / "me"))
    with monkeypatch.context() as patch:
        patch.setattr(table_folders, "find_in_folders", refused)
        found = listed(study, names, "/")
        assert found.ids.tolist() == names and any(
            "whole disk or the home of a user" in note for note in found.notes
        )
        touch(tmp_path / "home" / "me" / "x.png", tmp_path / "home" / "me" / "y.png")
        assert listed(study, ["x.png", "y.png"], tmp_path / "home" / "me").ids.tolist() == [
            "x.png",
            "y.png",
        ]
    monkeypatch.setattr(table_folders, "MOST_LISTED", 20)
    found = listed(study, ["x.png", "y.png"], "../elsewhere")
    assert len(found) == 2 and any(
        "the image folders hold more than 20 files" in note for note in found.notes
    )
    with pytest.raises(ValueError, match="the image folders do not have it"):
        listed(study, ["v.png", "w.png"], "../elsewhere")


def test_numbers_that_a_spreadsheet_rewrote(study):
    touch(study / "Bilder" / "12.png", study / "Bilder" / "007.png")
    assert listed(study, ["12.0", "007"], "Bilder", suffix=".png").ids.tolist() == [
        "007.png",
        "12.png",
    ]


def test_left_out_rows_do_not_name_folders(study):
    found = listed(
        study,
        ["x.png", "y.png", "C:\\Users\\me\\z.png", "/home/me/z.png"],
        "Bilder",
        rows_without_image="skip",
    )
    assert [out.name for out in found.left_out] == ["z.png", "z.png"] and not any(
        "Users" in note for note in found.notes
    )
    assert without_folder("//server/share/z.png") == "z.png"
