import dataclasses
import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.config import choices
from jaxgan.config.errors import UserError
from jaxgan.config.files import from_mapping
from jaxgan.config.network import NetworkConfig, disc_norm
from jaxgan.config.schema import Config
from jaxgan.gan.penalties import Critic, r1
from jaxgan.networks import NETWORKS, conv
from jaxgan.networks.r3gan import upsample2x_bilinear

CONVOLUTIONAL = [name for name in NETWORKS if "gen_channels" in choices.NETWORKS[name].settings]
KEY = jax.random.key(7)
SHAPES = [(28, 28, 1), (32, 32, 3), (64, 64, 2)]
SIZES = {  # of others their own
    "mlp": {"gen_widths": (16,), "disc_widths": (16,)},
    "dcgan": {"gen_channels": 4, "disc_channels": 4},
    "sngan": {"gen_channels": 4, "disc_channels": 4},
    "r3gan": {"gen_channels": 16, "disc_channels": 16, "blocks": 1},
    "infogan": {"gen_widths": (8,), "disc_widths": (8,), "gen_channels": 4, "disc_channels": 4},
}
# Most of a small network's time is compilation.
quick = functools.partial(jax.jit, compiler_options={"xla_backend_optimization_level": 0})


def small(name, shape=(28, 28, 1), classes=0, **settings):
    config = NetworkConfig(name=name, latent_size=6, **{**SIZES.get(name, {}), **settings})
    return NETWORKS[name](config, shape, classes)


def latents(count=3):
    return jax.random.normal(jax.random.key(0), (count, 6))


def pictures(shape=(28, 28, 1), count=3):
    return jax.random.uniform(jax.random.key(1), (count, *shape), minval=-1.0)


def started(net, inputs, *labels):
    variables = quick(lambda: net.init(jax.random.key(2), inputs[:1], True, *labels))()
    return {**variables}


def called(net, variables, inputs, *labels, train=True):
    """(outputs, variables after)."""
    stats = [name for name in variables if name != "params"]

    @quick
    def call(variables):
        return net.apply(variables, inputs, train, *labels, mutable=stats)

    outputs, updated = call(variables)
    return outputs, {**variables, **updated}


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_makes_images_and_one_logit_for_each(name, shape):
    gen, disc = small(name, shape)
    shapes, variables = jax.eval_shape(
        lambda: gen.init_with_output(jax.random.key(0), latents(), True)
    )
    assert shapes.shape == (3, *shape)
    assert ("batch_stats" in variables) == choices.NETWORKS[name].gen_batch_norm
    shapes = jax.eval_shape(
        lambda: disc.init_with_output(jax.random.key(0), pictures(shape), True)[0]
    )
    assert shapes.shape == (3,)


@pytest.mark.parametrize("name", NETWORKS)
def test_images_start_within_a_scale_of_one(name):
    gen, _ = small(name)
    z = latents(64)
    images, _ = called(gen, started(gen, z), z)
    if name == "r3gan":  # nothing bounds them; doubling evens out the white noise they start as
        noise = jax.random.normal(jax.random.key(3), (64, 7, 7, 16))
        assert 0.5 < images.std() / upsample2x_bilinear(upsample2x_bilinear(noise)).std() < 2
    else:
        assert jnp.abs(images).max() <= 1


def test_infogan_without_dense_layers_is_dcgan():
    ours, theirs = small("infogan", gen_widths=(), disc_widths=()), small("dcgan")
    for net, other, inputs in zip(ours, theirs, (latents(), pictures()), strict=True):
        jax.tree.map(np.testing.assert_array_equal, started(net, inputs), started(other, inputs))


@pytest.mark.parametrize("classes", [0, 4])
@pytest.mark.parametrize("name", ["dcgan", "infogan"])
def test_logits_start_at_a_scale_of_one_where_no_norm_sets_it(name, classes):
    _, disc = small(name, classes=classes, disc_norm="none", disc_channels=16)
    images = jax.random.normal(jax.random.key(1), (64, 28, 28, 1))
    labels = (jnp.arange(64) % classes,) if classes else ()
    logits, _ = called(disc, started(disc, images, *(part[:1] for part in labels)), images, *labels)
    assert 0.1 < logits.std() < 4


@pytest.mark.parametrize("shape", [(30, 30, 1), (32, 28, 1), (8, 8, 3)], ids=str)
@pytest.mark.parametrize("name", CONVOLUTIONAL)
def test_images_that_cannot_be_made_are_refused_with_those_that_can(name, shape):
    with pytest.raises(UserError, match=rf"'{name}'.* {shape[0]}x{shape[1]} .*28, 32, .* 64, "):
        small(name, shape)


@pytest.mark.parametrize("name", CONVOLUTIONAL)
def test_points_are_refused_by_networks_for_images(name):
    with pytest.raises(UserError, match=f"'{name}'.* not points"):
        small(name, (2,))


def test_what_a_family_has_not_is_refused_with_what_it_has():
    for network, message in (
        ({"gen_channels": 32}, "gen_channels = 32: mlp has no .* gen_widths, disc_widths"),
        ({"name": "dcgan", "gen_widths": (5,)}, r"gen_widths = \(5,\): dcgan has no .* disc_norm"),
        ({"name": "sngan", "blocks": 1}, "blocks = 1: sngan has no"),
    ):
        with pytest.raises(UserError, match=message):
            dataclasses.replace(Config(), network=NetworkConfig(**network))
    with pytest.raises(UserError, match=r"disc_channels = 12: .* multiple of 8"):
        from_mapping({"network": {"name": "r3gan", "disc_channels": 12}})
    with pytest.raises(UserError, match=r"disc_norm = 'batch': sngan has one of spectral, none"):
        from_mapping({"network": {"name": "sngan", "disc_norm": "batch"}})


def test_stages_of_r3gan_have_the_published_weights():
    # The widths of FFHQ-64 in the authors' code, an eighth of them: the last stage has half.
    channels, groups, base = (96, 96, 96, 96, 48), (12, 12, 12, 12, 6), 4
    settings = {"stage_channels": channels, "cardinality": groups, "blocks": 2}
    config = NetworkConfig(name="r3gan", latent_size=64, **settings)
    gen, disc = NETWORKS["r3gan"](config, (64, 64, 3), 0)
    blocks = 2 * sum(
        4 * width**2 + 9 * (2 * width) ** 2 // count + 4 * width
        for width, count in zip(channels, groups, strict=True)
    )
    rest = base**2 * 96 + 96 * 48 + 3 * 48  # a basis, the change of channels, the colours
    for net, inputs, ends in (
        (gen, jnp.zeros((1, 64)), 64 * 96),
        (disc, jnp.zeros((1, 64, 64, 3)), 96),
    ):
        shapes = jax.eval_shape(lambda net=net, x=inputs: net.init(jax.random.key(0), x, True))
        sizes = [math.prod(leaf.shape) for leaf in jax.tree.leaves(shapes["params"])]
        assert sum(sizes) == blocks + rest + ends


def test_equal_stages_of_r3gan_are_the_network_of_one_width():
    plain = small("r3gan", (16, 16, 3))
    stages = {"stage_channels": (16,) * 3, "cardinality": (2,) * 3}
    config = NetworkConfig(name="r3gan", latent_size=6, blocks=1, **stages)
    assert NETWORKS["r3gan"](config, (16, 16, 3), 0) == plain


def test_stages_of_r3gan_that_cannot_be_are_refused():
    for network, message in (
        ({"stage_channels": (16, 12)}, r"stage_channels\[1\] = 12: .* multiple of 8"),
        ({"stage_channels": (16, 15), "cardinality": (2, 4)}, r"\[1\] = 15: .* multiple of 2"),
        ({"stage_channels": (16,), "gen_channels": 32}, "gen_channels = 32: .* leave one of"),
        ({"cardinality": (2,)}, r"cardinality = \(2,\): must be as long as .* has 0"),
    ):
        with pytest.raises(UserError, match=message):
            from_mapping({"network": {"name": "r3gan", **network}})
    config = NetworkConfig(name="r3gan", stage_channels=(16, 16))
    with pytest.raises(UserError, match=r"\(16, 16\): images of 32x32 pixels have 4 stages"):
        NETWORKS["r3gan"](config, (32, 32, 3), 0)


def test_the_classic_gan_has_its_published_size():
    gen, disc = NETWORKS["mlp"](NetworkConfig(), (28, 28, 1), 0)
    sizes = [
        sum(leaf.size for leaf in jax.tree.leaves(net.init(jax.random.key(0), x, train=True)))
        for net, x in ((gen, jnp.zeros((1, 100))), (disc, jnp.zeros((1, 28, 28, 1))))
    ]
    assert sizes[0] == 100 * 256 + 256 + 256 * 512 + 512 + 512 * 784 + 784
    assert sizes[1] == 784 * 512 + 512 + 512 * 256 + 256 + 256 + 1


def test_weights_and_biases_start_uniform_within_one_over_the_root_of_fan_in():
    gen, _ = NETWORKS["mlp"](NetworkConfig(), (28, 28, 1), 0)
    params = gen.init(jax.random.key(0), jnp.zeros((1, 100)), train=True)["params"]
    for layer, fan_in in (("Linear_0", 100), ("Linear_1", 256), ("Linear_2", 512)):
        bound = fan_in**-0.5
        for leaf in ("kernel", "bias"):
            values = np.asarray(params[layer]["dense"][leaf])
            assert np.abs(values).max() <= bound
            assert np.abs(values).max() > 0.98 * bound
            np.testing.assert_allclose(values.std(), bound / 3**0.5, rtol=0.1)


@pytest.mark.parametrize("name", NETWORKS)
def test_images_and_logits_depend_on_the_label_where_there_are_classes(name):
    for net, inputs in zip(small(name, classes=4), (latents(), pictures()), strict=True):
        variables = started(net, inputs, jnp.zeros(1, jnp.int32))
        if name == "r3gan":  # blocks that are zero would hide nothing here, but let them act
            variables = jax.tree.map(lambda leaf: leaf + 0.01, variables)
        call = quick(lambda labels, v=variables, x=inputs, n=net: n.apply(v, x, False, labels))
        per_label = [np.asarray(call(jnp.full(3, label))) for label in (0, 3, 0)]
        assert np.abs(per_label[0] - per_label[1]).reshape(3, -1).max(1).min() > 1e-5
        np.testing.assert_array_equal(per_label[0], per_label[2])


@pytest.mark.parametrize("name", NETWORKS)
def test_labels_are_asked_for_where_there_are_classes_and_refused_where_not(name):
    z = latents()
    with pytest.raises(ValueError, match="4 classes was called without labels"):
        small(name, classes=4)[0].init(jax.random.key(0), z, True)
    with pytest.raises(ValueError, match="0 classes was called with labels"):
        small(name)[0].init(jax.random.key(0), z, True, jnp.zeros(3, jnp.int32))


@pytest.mark.parametrize("name", ["dcgan", "sngan", "infogan"])
def test_what_is_no_weight_changes_with_training_alone(name):
    for net, inputs in zip(small(name), (latents(), pictures()), strict=True):
        variables = started(net, inputs)
        names = set(variables) - {"params"}
        assert names
        for train in (True, False):
            _, after = called(net, variables, inputs, train=train)
            moved = jax.tree.map(
                lambda old, new: bool(jnp.any(old != new)),
                {name: variables[name] for name in names},
                {name: after[name] for name in names},
            )
            assert any(jax.tree.leaves(moved)) == train


@pytest.mark.parametrize(
    ("name", "norm"),
    [(name, norm) for name, spec in choices.NETWORKS.items() for norm in spec.disc_norms],
)
def test_the_norm_that_a_config_takes_d_to_have_is_the_one_that_it_has(name, norm):
    config = NetworkConfig(name=name, latent_size=6, disc_norm=norm, **SIZES.get(name, {}))
    _, disc = NETWORKS[name](config, (28, 28, 1), 0)
    variables = jax.eval_shape(lambda: disc.init(KEY, pictures(), True))
    kinds = {"batch_stats": "batch", "spectral": "spectral"}
    found = [kinds[collection] for collection in variables if collection in kinds]
    assert (found or ["none"]) == [disc_norm(config)]


# infogan's convolutions are dcgan's, and sngan's are r3gan's without groups.
@pytest.mark.parametrize("name", ["dcgan", "r3gan", pytest.param("sngan", marks=pytest.mark.slow)])
@pytest.mark.usefixtures("float64")
def test_the_gradient_of_r1_is_the_same_with_native_convolutions(name, monkeypatch):
    settings = {"disc_norm": "none"} if name == "dcgan" else {}
    _, disc = small(name, (16, 16, 1), **settings)
    images = pictures((16, 16, 1), 2).astype(jnp.float64)
    variables = jax.tree.map(lambda x: x.astype(jnp.float64) + 0.01, started(disc, images))

    def gradient(params):
        def penalty(params):
            critic = Critic(lambda x: disc.apply({**variables, "params": params}, x, False))
            return r1(critic, images, images, jax.random.key(0))

        return quick(jax.grad(penalty))(params)

    ours = gradient(variables["params"])
    products = quick(lambda p: disc.apply({**variables, "params": p}, images, False))
    assert "convolution" not in products.lower(variables["params"]).as_text()
    monkeypatch.setattr(conv, "_conv", lambda window, x, kernel: conv._native(window, x, kernel))
    native = quick(lambda p: disc.apply({**variables, "params": p}, images, False))
    assert "convolution" in native.lower(variables["params"]).as_text()
    theirs = gradient(variables["params"])
    assert max(jnp.abs(leaf).max() for leaf in jax.tree.leaves(ours)) > 1e-6
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-8, atol=1e-9), ours, theirs)
