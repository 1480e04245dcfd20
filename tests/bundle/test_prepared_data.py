"""Train and evaluate in one command: the data are listed, split and decoded once."""

from __future__ import annotations

import functools

import pytest
from bundle_runs import BUNDLES, small, write_sources
from monai.bundle import ConfigParser

import medmonai.data
from medmonai.bundle import run_bundle
from medmonai.bundle.prepared_data import PreparedData, definition

STEPS = ("list_class_folders", "split_listing", "load_listing")


@pytest.fixture
def calls(monkeypatch):
    counted = dict.fromkeys(STEPS, 0)

    def counting(name, function):
        @functools.wraps(function)
        def count(*arguments, **named):
            counted[name] += 1
            return function(*arguments, **named)

        return count

    for name in STEPS:
        monkeypatch.setattr(medmonai.data, name, counting(name, getattr(medmonai.data, name)))
    return counted


def run(folder, sources, **change):
    name = "chest_xray_classification"
    settings = small(name, sources, folder, evaluate=True) | change
    settings.pop("output_dir", None)
    return run_bundle(BUNDLES / name, output_dir=folder, overrides=settings)


def test_one_command_lists_splits_and_decodes_once(calls, tmp_path):
    sources = write_sources(tmp_path)
    run(tmp_path / "together", sources)
    assert calls == dict.fromkeys(STEPS, 1)
    (tmp_path / "together" / "metrics.json").unlink()
    run(tmp_path / "together", sources)  # evaluates alone
    assert calls == dict.fromkeys(STEPS, 2)


def parsed(**config):
    parser = ConfigParser({"dataset_dir": "a", "listing": "$[@dataset_dir]", **config})
    parser.parse()
    return parser


def test_only_what_is_defined_in_the_same_words_is_handed_over():
    first = parsed()
    made = first.get_parsed_content("listing")
    for second, same in ((parsed(other=1), True), (parsed(dataset_dir="b"), False)):
        PreparedData.of(first).hand_to(second)
        assert (second.get_parsed_content("listing") is made) == same


def test_a_definition_follows_nested_references():
    parser = ConfigParser({"a": {"b": ["$@c::d + 1"]}, "c": {"d": "@e"}, "e": 1, "f": "@a"})
    assert set(definition(parser, "f")) == {"f", "a", "c::d", "e"}
    assert set(definition(parser, "e")) == {"e"}


def test_what_was_never_made_is_not_handed_over():
    assert not PreparedData.of(parsed()).values
