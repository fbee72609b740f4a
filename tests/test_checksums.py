import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.gan import array_sums
from jaxgan.gan.checksums import WINDOWS, checksum, tree_checksum, tree_checksums, window_checksums

SHAPES = [(), (1,), (40,), (5, 7), (3, 3, 4, 6)]


def values(shape, dtype=np.float32, seed=0):
    return np.asarray(np.random.RandomState(seed).standard_normal(shape), dtype)


def with_flipped_bit(array, place, bit):
    flat = np.array(array).reshape(-1)
    words = flat.view(f"u{flat.itemsize}")
    words[place] ^= words.dtype.type(1) << words.dtype.type(bit)
    return flat.reshape(array.shape)


@pytest.mark.parametrize("shape", SHAPES)
def test_every_flipped_bit_of_every_entry_shows(shape):
    array = values(shape)
    flips = [
        with_flipped_bit(array, place, bit)
        for place in range(0, array.size, 7)
        for bit in range(32)
    ]
    marks = jax.vmap(checksum)(jnp.array(np.stack(flips).view(np.uint32)))
    assert not np.any(marks == checksum(jnp.asarray(array)))


def test_the_checksum_of_a_float32_scalar_is_its_bits():
    assert int(checksum(jnp.float32(1.5))) == int(np.float32(1.5).view(np.uint32))


@pytest.mark.parametrize("shape", SHAPES[2:])
def test_entries_that_change_places_show(shape):
    array = np.arange(np.prod(shape), dtype=np.int32).reshape(shape)
    for other in (0, 1, array.size // 2):
        swapped = array.reshape(-1).copy()
        swapped[[other, -1]] = swapped[[-1, other]]
        assert checksum(jnp.array(swapped.reshape(shape))) != checksum(jnp.array(array))


@pytest.mark.parametrize("shape", SHAPES[2:])
def test_flipped_signs_do_not_cancel(shape):
    array = values(shape)
    pair = array.reshape(-1).copy()
    pair[:2] *= -1
    for other in (-array, pair.reshape(shape)):
        assert checksum(jnp.array(other)) != checksum(jnp.array(array))


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.float16, np.bool_])
def test_narrow_types_count_as_well(dtype):
    array = (np.arange(12) % 2).astype(dtype)
    changed = array.copy()
    changed[3] = 0
    assert checksum(jnp.array(changed)) != checksum(jnp.array(array))


@pytest.mark.usefixtures("float64")
def test_both_halves_of_a_float64_count():
    array = values((4, 3), np.float64)
    for bit in (0, 31, 32, 63):
        flipped = with_flipped_bit(array, 5, bit)
        assert checksum(jnp.array(flipped)) != checksum(jnp.array(array))


def test_keys_have_checksums():
    assert checksum(jax.random.key(0)) != checksum(jax.random.key(1))


def test_a_tree_tells_its_leaves_apart_and_nothing_is_zero():
    a, b = jnp.float32(1), jnp.float32(2)
    assert tree_checksum((a, b)) != tree_checksum((b, a))
    assert int(tree_checksum({})) == 0


@pytest.mark.parametrize("size", [1, 16, 17, 100])
def test_windows_of_sixteen_steps_see_every_entry(size):
    array = values((size,))
    of_steps = jax.jit(jax.vmap(lambda leaf, step: window_checksums([leaf], step)[0], (None, 0)))
    before = of_steps(jnp.array(array), jnp.arange(WINDOWS))
    for place in range(size):
        flipped = jnp.array(with_flipped_bit(array, place, 3))
        assert np.any(of_steps(flipped, jnp.arange(WINDOWS)) != before)


def several_trees():
    trees = [[values(shape, seed=seed) for shape in SHAPES] for seed in range(3)]
    return [*jax.tree.map(jnp.array, trees), {}, (jnp.uint8(3), jax.random.key(1))]


@pytest.mark.parametrize(("large", "most"), [(1, 48), (36, 48), (1 << 20, 48), (1 << 20, 2)])
def test_a_cpu_and_a_gpu_get_the_same_checksums(large, most, monkeypatch):
    of_cpu = tree_checksums(several_trees())
    monkeypatch.setattr(array_sums, "LARGE", large)
    monkeypatch.setattr(array_sums, "MAX_JOINED", most)
    monkeypatch.setattr(jax.lax, "platform_dependent", lambda *operands, cuda, **_: cuda(*operands))
    assert list(map(int, tree_checksums(several_trees()))) == list(map(int, of_cpu))


def reductions(trees, platform):
    traced = jax.jit(lambda trees, step: (tree_checksums(trees), window_checksums(trees, step)))
    lowered = traced.trace(trees, jnp.int32(0)).lower(lowering_platforms=(platform,))
    return lowered.as_text().count("stablehlo.reduce")


def test_a_gpu_adds_up_any_number_of_arrays_at_once():
    many = [[jnp.ones((4, 5))] * 10] * 7
    assert reductions(many, "cuda") == reductions([[jnp.ones(3)]], "cuda") == 2
    assert reductions(many, "cpu") > 70
