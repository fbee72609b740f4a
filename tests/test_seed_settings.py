"""Which seeds a config names, and which of them share a program."""

import dataclasses
import json

import jax
import pytest

from jaxgan import ensemble
from jaxgan.config import Config, UserError, default_config, from_mapping
from jaxgan.seeds import of_seed, resolved
from jaxgan.state import build_gan


def test_rules_are_the_same_object_for_all_seeds():
    config = dataclasses.replace(Config(), seeds=(3, 4))
    gans = [build_gan(c, (4, 4, 1)) for c in (config, of_seed(config, 3), of_seed(config, 4))]
    assert gans[0] is gans[1] is gans[2]


def test_as_many_seeds_share_a_program_as_pays(monkeypatch):
    dense = dataclasses.replace(Config(), seeds=3)
    convolutional = from_mapping({"seeds": 3, "network": {"name": "dcgan"}})
    assert ensemble.at_once(dense, 1) == 1
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    assert ensemble.at_once(dense, 1) == 3
    assert ensemble.at_once(dense, 2) == 3
    assert ensemble.at_once(convolutional, 1) == 1
    assert ensemble.at_once(convolutional, 2) == 2
    assert ensemble.at_once(from_mapping({"seeds": 3, "parallel": {"shards": 2}}), 1) == 1
    asked = dataclasses.replace(convolutional.train, seeds_at_once=3)
    assert ensemble.at_once(dataclasses.replace(convolutional, train=asked), 1) == 3


def test_seeds_that_share_no_step_go_on_apart():
    groups = ensemble._groups({3: {12, 24}, 0: {0}, 1: {24, 36}, 7: {0}, 8: {0}}, at_once=2)
    assert groups == [[3, 1], [0, 7], [8]]
    assert ensemble._groups({0: {12}, 1: {24}, 2: {12, 24}}, 9) == [[0, 2], [1]]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (-1, "must be a count from 0 to 10000"),
        (10_001, "must be a count from 0 to 10000"),
        ((1, 1), "a tuple of different seeds"),
        ((0, -1), "each a whole number from 0 to 4294967295"),
        ((2**32,), "each a whole number from 0 to 4294967295"),
        ("two", "must be a count of seeds such as 4, or a tuple"),
        ((0.5,), "must be a count of seeds such as 4, or a tuple"),
        (True, "must be a count of seeds such as 4, or a tuple"),
    ],
)
def test_seeds_that_cannot_be_are_refused_in_one_line(value, words):
    with pytest.raises(UserError, match=r"config\.seeds = ") as error:
        from_mapping({"seeds": value})
    assert words in str(error.value)
    assert "\n" not in str(error.value)


def test_a_count_of_seeds_begins_at_the_seed():
    config = resolved(from_mapping({"seed": 5, "seeds": 3}))
    assert config.seeds == (5, 6, 7)
    assert resolved(config) == config
    assert from_mapping(json.loads(json.dumps(dataclasses.asdict(config)))) == config
    assert resolved(from_mapping({"seeds": ()})) == Config()
    with pytest.raises(UserError, match=r"config\.seeds = 3: from config\.seed = 4294967294"):
        from_mapping({"seed": 2**32 - 2, "seeds": 3})


def test_a_config_file_may_give_a_count_or_a_tuple():
    for value in (4, (0, 2)):
        config = default_config()
        config.seeds = value
        assert from_mapping(config.to_dict()).seeds == value
