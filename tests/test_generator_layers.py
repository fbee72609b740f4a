import base64
import dataclasses
import zlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from jaxgan.config.errors import UserError
from jaxgan.gan.sampling import generate, sample_latents
from jaxgan.reports.generator_encoding import encode_layers
from jaxgan.reports.generator_layers import generator_layers
from tests import numpy_generator
from tests.drawn_generators import CLASSES, KINDS, drawn_variables, gan_of


def latents_and_labels(gan, count=8):
    z = sample_latents(gan, count, jax.random.key(1))
    return z, jnp.arange(count) % gan.classes if gan.classes else None


@pytest.mark.parametrize(("name", "classes"), KINDS)
def test_layers_compute_what_the_network_does(name, classes):
    gan = gan_of(name, classes)
    params, stats = drawn_variables(gan)
    z, labels = latents_and_labels(gan)
    expected = generate(gan, params, stats, z, labels)
    given = None if labels is None else np.asarray(labels)
    images = numpy_generator.compute(generator_layers(gan, params, stats), z, given)
    assert np.abs(expected).std() > 0.05
    np.testing.assert_allclose(images, expected, atol=1e-5)


def test_a_network_of_ones_own_has_no_layers():
    class Own(nn.Module):
        pass

    gan = gan_of("mlp")
    gan = dataclasses.replace(gan, gen=dataclasses.replace(gan.gen, module=Own()))
    with pytest.raises(UserError, match=r"Own has no layers .* those of dcgan, mlp, r3gan, sngan"):
        generator_layers(gan, {}, {})


@pytest.mark.parametrize("half", [False, True])
def test_arrays_are_encoded_to_the_bit(half):
    gan = gan_of("r3gan", CLASSES)
    layers = generator_layers(gan, *drawn_variables(gan))
    encoded = encode_layers(layers, half)
    planes = np.frombuffer(zlib.decompress(base64.b64decode(encoded["content"])), np.uint8)
    content = planes.reshape(4, -1).T.tobytes()
    kernels = 0
    for layer, described in zip(layers, encoded["layers"], strict=True):
        for name, array in layer.arrays.items():
            place = described["arrays"][name]
            count, start, dtype = array.size, place["start"], place["type"]
            read = np.frombuffer(content, dtype, count, start).reshape(place["shape"])
            np.testing.assert_array_equal(read, array.astype(dtype))
            kernels += dtype == "float16"
    assert bool(kernels) == half
