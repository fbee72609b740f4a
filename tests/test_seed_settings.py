"""Which seeds a config names, and which of them share a program."""

import dataclasses
import json

import jax
import pytest

from jaxgan.config.errors import UserError
from jaxgan.config.files import default_config, from_mapping
from jaxgan.config.schema import Config
from jaxgan.config.seeds import config_of_seed, expand_seeds
from jaxgan.gan.state import build_gan
from jaxgan.training import seed_groups


def test_rules_are_the_same_object_for_all_seeds():
    config = dataclasses.replace(Config(), seeds=(3, 4))
    gans = [
        build_gan(c, (4, 4, 1))
        for c in (config, config_of_seed(config, 3), config_of_seed(config, 4))
    ]
    assert gans[0] is gans[1] is gans[2]


def test_as_many_seeds_share_a_program_as_is_fastest(monkeypatch):
    dense = dataclasses.replace(Config(), seeds=3)
    convolutional = from_mapping({"seeds": 3, "network": {"name": "dcgan"}})
    assert seed_groups.seeds_per_program(dense, 1) == 1
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    assert seed_groups.seeds_per_program(dense, 1) == 3
    assert seed_groups.seeds_per_program(dense, 2) == 3
    assert seed_groups.seeds_per_program(convolutional, 1) == 1
    assert seed_groups.seeds_per_program(convolutional, 2) == 2
    assert (
        seed_groups.seeds_per_program(from_mapping({"seeds": 3, "parallel": {"shards": 2}}), 1) == 1
    )
    train = dataclasses.replace(convolutional.train, seeds_at_once=3)
    assert seed_groups.seeds_per_program(dataclasses.replace(convolutional, train=train), 1) == 3


def test_seeds_without_a_common_step_resume_separately():
    groups = seed_groups.group_seeds({3: {12, 24}, 0: {0}, 1: {24, 36}, 7: {0}, 8: {0}}, limit=2)
    assert groups == [[3, 1], [0, 7], [8]]
    assert seed_groups.group_seeds({0: {12}, 1: {24}, 2: {12, 24}}, 9) == [[0, 2], [1]]


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
def test_seeds_that_are_not_allowed_are_an_error_of_one_line(value, words):
    with pytest.raises(UserError, match=r"config\.seeds = ") as error:
        from_mapping({"seeds": value})
    assert words in str(error.value)
    assert "\n" not in str(error.value)


def test_a_count_of_seeds_begins_at_the_seed():
    config = expand_seeds(from_mapping({"seed": 5, "seeds": 3}))
    assert config.seeds == (5, 6, 7)
    assert expand_seeds(config) == config
    assert from_mapping(json.loads(json.dumps(dataclasses.asdict(config)))) == config
    assert expand_seeds(from_mapping({"seeds": ()})) == Config()
    with pytest.raises(UserError, match=r"seeds = 3: counted from config\.seed = 4294967294"):
        from_mapping({"seed": 2**32 - 2, "seeds": 3})


def test_a_config_file_may_give_a_count_or_a_tuple():
    for value in (4, (0, 2)):
        config = default_config()
        config.seeds = value
        assert from_mapping(config.to_dict()).seeds == value
