import dataclasses
import json
import math
import re

import pytest

from jaxgan.config.errors import UserError
from jaxgan.config.fields import iter_settings
from jaxgan.config.files import default_config, from_mapping, override
from jaxgan.config.schema import Config, PenaltyConfig
from jaxgan.config.warnings import config_warnings
from jaxgan.gan.augment import AUGMENTATIONS
from jaxgan.gan.losses import LOSSES
from jaxgan.gan.penalties import PENALTIES
from jaxgan.networks import NETWORKS

FIELDS = {name: (field, value) for name, field, value in iter_settings(Config())}


def with_value(name, value):
    values = default_config().to_dict()
    *groups, last = name.split(".")
    group = values
    for part in groups:
        group = group[part]
    group[last] = value
    return values


def test_the_default_config_is_the_classic_gan():
    config = Config()
    assert config.network.gen_widths == (256, 512)
    assert config.network.disc_widths == (512, 256)
    assert config.network.latent_size == 100
    assert config.loss == "non_saturating"
    assert (config.train.batch_size, config.train.epochs) == (64, 50)
    for adam in (config.optimizer.gen, config.optimizer.disc):
        assert dataclasses.astuple(adam) == (2e-4, 0.9, 0.999, 1e-8, 0, 0)


def test_a_config_dict_gives_back_the_config_it_came_from():
    assert from_mapping(default_config().to_dict()) == Config()


def test_configs_are_hashable():
    assert hash(Config()) == hash(from_mapping(default_config().to_dict()))


def test_a_name_that_is_not_declared_cannot_be_set_in_a_config_file():
    with pytest.raises(AttributeError, match="epoch"):
        default_config().train.epoch = 3


def test_every_setting_has_a_meaning():
    assert all(field.metadata["meaning"] for field, _ in FIELDS.values())


@pytest.mark.parametrize("name", FIELDS)
def test_every_setting_refuses_a_value_of_another_type(name):
    wrong = 5 if isinstance(FIELDS[name][1], str) else "five"
    with pytest.raises(UserError, match=rf"config\.{name} = .*must be"):
        from_mapping(with_value(name, wrong))


@pytest.mark.parametrize("name", [n for n, (_, v) in FIELDS.items() if isinstance(v, float)])
@pytest.mark.parametrize("value", [math.nan, math.inf, -1.0])
def test_every_number_refuses_nan_infinity_and_less_than_zero(name, value):
    with pytest.raises(UserError, match=rf"config\.{name}"):
        from_mapping(with_value(name, value))


@pytest.mark.parametrize("name", [n for n, (_, v) in FIELDS.items() if isinstance(v, int)])
def test_every_whole_number_refuses_less_than_zero(name):
    with pytest.raises(UserError, match=rf"config\.{name} = -1: must be"):
        from_mapping(with_value(name, -1))


@pytest.mark.parametrize("name", ["train.epochs", "train.batch_size", "network.latent_size"])
def test_sizes_refuse_zero(name):
    with pytest.raises(UserError, match="at least 1"):
        from_mapping(with_value(name, 0))


def test_an_unknown_setting_lists_the_known_ones():
    with pytest.raises(UserError, match=r"config\.train\.epoch; known: epochs, images"):
        from_mapping(default_config().to_dict() | {"train": {"epoch": 3}})


def test_an_override_reads_the_text_as_the_settings_type():
    values = default_config().to_dict()
    for name, text in (
        ("train.epochs", "5"),
        ("optimizer.gen.learning_rate", "1e-3"),
        ("network.gen_widths", "(8, 9)"),
        ("data.name", "5"),
    ):
        override(values, name, text)
    config = from_mapping(values)
    assert config.train.epochs == 5
    assert config.optimizer.gen.learning_rate == 1e-3
    assert config.network.gen_widths == (8, 9)
    assert config.data.name == "5"


def test_an_unknown_override_names_the_closest_setting():
    with pytest.raises(UserError, match=r"--config\.train\.epoch; did you mean: train\.epochs"):
        override(default_config().to_dict(), "train.epoch", "5")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("penalty.gradient", "penalty has: r1, r2, wgan_gp, dragan, consistency, lecam"),
        ("schedule.lr", "schedule has: shape, learning_rate"),
        ("penalty", "penalty has: r1, r2"),
        ("train.learning_rate", "did you mean: optimizer.gen.learning_rate, optimizer.disc.learn"),
        ("train.half_life", "did you mean: ema.half_life"),
        ("train.seed", "did you mean: seed$"),
        ("network.loss", "did you mean: loss$"),
    ],
)
def test_an_unknown_override_is_answered_from_its_group_or_with_its_name_elsewhere(name, words):
    with pytest.raises(UserError, match=rf"unknown setting --config\.{name}; {words}"):
        override(default_config().to_dict(), name, "5")


@pytest.mark.parametrize(
    "text",
    ["{[1]: 2}", "1" + "+1" * 100_000, "(" * 1000, "0x" + "f" * 4000],
    ids=["unhashable", "a long sum", "brackets", "a long number"],
)
def test_a_text_that_is_no_literal_has_the_wrong_type(text):
    values = default_config().to_dict()
    override(values, "train.epochs", text)
    with pytest.raises(UserError, match="must be a whole number"):
        from_mapping(values)


def test_an_unbounded_wasserstein_critic_gives_a_warning():
    wasserstein = {"loss": "wasserstein"}
    (warning,) = config_warnings(from_mapping(wasserstein))
    assert "nothing bounds" in warning
    for bounded in (
        {"penalty": {"wgan_gp": 10.0}},
        {"optimizer": {"disc": {"clip_weights": 0.01}}},
        {"network": {"name": "sngan"}},
        {"loss": "hinge"},
    ):
        assert config_warnings(from_mapping(wasserstein | bounded)) == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"augment": {"target": 0.6}}, "target = 0.6: has no effect without config.augment.policy"),
        ({"schedule": {"augment": ((0, 1.0),)}}, "has no effect without config.augment.policy"),
        ({"schedule": {"ema": ((0, 1.0),)}}, "has no effect without config.ema.half_life"),
        ({"schedule": {"penalty": ((0, 1.0),)}}, "has no effect without config.penalty.*"),
        ({"penalty": {"every": 4}}, "penalty.every = 4: has no effect without config.penalty.*"),
        (
            {"augment": {"policy": ("mirror",), "target": 0.6, "probability": 0.5}},
            "probability = 0.5: has no effect with config.augment.target",
        ),
        (
            {"augment": {"policy": ("mirror",), "probability": 0.0}},
            "policy = ('mirror',): has no effect with config.augment.probability = 0",
        ),
        ({"augment": {"probability": 0.5}}, "augment.probability = 0.5: has no effect without"),
        ({"augment": {"adapt_images": 9}}, "augment.adapt_images = 9: has no effect without"),
        ({"augment": {"ample_images": 9}}, "augment.ample_images = 9: has no effect without"),
        (
            {"network": {"name": "sngan"}, "optimizer": {"disc": {"clip_weights": 0.01}}},
            "clip_weights = 0.01: does not bound the discriminator's slope with "
            "config.network.disc_norm=spectral",
        ),
    ],
    ids=[
        *("target", "augmentations", "average", "penalties", "lazy", "probability", "never"),
        *("probability alone", "adapting", "ample", "clipping"),
    ],
)
def test_a_setting_of_a_feature_that_is_off_gives_a_warning(changes, words):
    (warning,) = config_warnings(from_mapping(changes))
    assert words in warning


def test_saturation_of_grey_images_gives_a_warning():
    config = from_mapping({"augment": {"policy": ("saturation",)}})
    (warning,) = config_warnings(config, image_shape=(28, 28, 1))
    assert "saturation has no effect on the grey images of mnist" in warning
    for shape in ((28, 28, 3), (2,), ()):
        assert config_warnings(config, image_shape=shape) == []


@pytest.mark.parametrize(
    ("changes", "fits"),
    [
        ({"train": {"batch_size": 1}}, {"network": {"gen_widths": (), "disc_norm": "none"}}),
        ({"packing": 64}, {"network": {"disc_norm": "none"}}),
        ({"packing": 64}, {"network": {"disc_widths": ()}}),
    ],
    ids=["images", "packs", "packs without dense layers"],
)
def test_batch_norm_of_dense_layers_with_a_batch_of_one_is_refused(changes, fits):
    with pytest.raises(UserError, match="batch norm, which sets every feature of a single image"):
        from_mapping(changes | {"network": {"name": "infogan"}})
    from_mapping(changes | {"network": {"name": "infogan", **fits["network"]}})
    from_mapping(changes | {"network": {"name": "dcgan"}})


@pytest.mark.parametrize(
    ("name", "changes", "words"),
    [
        ("dcgan", {"train": {"batch_size": 1}}, "of G takes its mean and variance from a single i"),
        ("sngan", {"train": {"batch_size": 1}}, "of G takes its mean and variance from a single i"),
        ("dcgan", {"packing": 64}, "of D takes its mean and variance from a single pack"),
    ],
)
def test_batch_norm_of_maps_with_a_batch_of_one_gives_a_warning(name, changes, words):
    (warning,) = config_warnings(from_mapping({"network": {"name": name}} | changes))
    assert words in warning
    for other in ("mlp", "r3gan"):
        assert not config_warnings(from_mapping({"network": {"name": other}} | changes))


def test_settings_of_features_that_are_on_give_no_warning():
    on = {
        "augment": {"policy": ("mirror",), "target": 0.6, "adapt_images": 9, "ample_images": 9},
        "ema": {"half_life": 9},
        "penalty": {"r1": 1.0, "every": 4},
        "schedule": dict.fromkeys(("augment", "ema", "penalty"), ((0, 1.0),)),
    }
    assert config_warnings(from_mapping(on)) == config_warnings(Config()) == []


@pytest.mark.parametrize(
    ("name", "table"),
    [("loss", LOSSES), ("network.name", NETWORKS), ("augment.policy", AUGMENTATIONS)],
    ids=["losses", "networks", "augmentations"],
)
def test_the_config_allows_what_the_table_holds(name, table):
    allowed = FIELDS[name][0].metadata["check"].allowed
    assert allowed.endswith(f"one of {', '.join(table)}, or package.module:function of your own")


def test_every_penalty_has_a_weight():
    *shipped, every, own = [field.name for field in dataclasses.fields(PenaltyConfig)]
    assert shipped == list(PENALTIES)
    assert (every, own) == ("every", "own")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"loss": "hinge", "label_smoothing": 0.1}, "'hinge' has no targets to smooth"),
        (
            {"network": {"name": "dcgan"}, "penalty": {"wgan_gp": 10.0}},
            "config.penalty.wgan_gp = 10.0: penalises the gradient at each image, but with batch "
            "norm in the discriminator",
        ),
        ({"packing": 3}, "packing = 3: must divide config.train.batch_size = 64"),
        ({"packing": 2, "network": {"conditional": True}}, "packing = 2: must be 1 with"),
        ({"schedule": {"b1": ((-1, 0.5), (9, 0.1))}}, "images ascending from 0 or more"),
        ({"penalty": {"gp": 10.0}}, "config.penalty.gp; known: r1, r2, wgan_gp"),
        ({"schedule": {"lr": ((0, 1.0),)}}, "config.schedule.lr; known: shape, learning_rate"),
        ({"optimizer": {"gen": {"learning_rate": 10**400}}}, "must be a positive number"),
        ({"schedule": {"learning_rate": ((0, 10**400),)}}, "images ascending from 0 or more"),
        ({"ema": {"half_life": 10**400}}, "a whole number of at least 0"),
        ({"augment": {"policy": ("blur",)}}, "each one of brightness, saturation"),
        ({"schedule": {"penalty": ((5, 1.0), (5, 0.1))}}, "images ascending"),
        ({"schedule": {"b2": ((0, 1.0),)}}, "values from 0 below 1"),
        ({"schedule": {"b2": 0.9}}, "a tuple of pairs such as"),
        ({"schedule": {"shape": "exponential"}}, "one of linear, cosine"),
    ],
    ids=[
        *("smoothing", "batch norm", "packing", "packs with labels", "before the start"),
        *(
            "no such penalty",
            "no such schedule",
            "a huge rate",
            "a huge factor",
            "a huge half-life",
        ),
        *("policy", "ascending", "bound", "pairs", "shape"),
    ],
)
def test_a_contradiction_is_an_error_of_one_line(changes, words):
    with pytest.raises(UserError, match=re.escape(words)):
        from_mapping(changes)


def test_a_schedule_survives_json():
    config = from_mapping({"schedule": {"b2": ((0, 0.9), (1000, 0.1))}})
    assert from_mapping(json.loads(json.dumps(dataclasses.asdict(config)))) == config
