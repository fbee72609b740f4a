import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.gan.walks import loop_along, loop_through, path_through, slerp

ANCHORS = jax.random.normal(jax.random.key(0), (3, 2, 8))  # three anchors of two latents


def test_an_arc_has_its_ends_and_stays_at_their_distance_from_the_origin():
    ends = jnp.array([[[3.0, 0, 0, 0]], [[0, 3.0, 0, 0]]])
    path = path_through(ends, 5)
    np.testing.assert_allclose(path[::4], ends, atol=1e-6)
    np.testing.assert_allclose(jnp.linalg.norm(path, axis=-1), 3, rtol=1e-6)
    np.testing.assert_allclose(path[2, 0], [3 / 2**0.5, 3 / 2**0.5, 0, 0], rtol=1e-6)


def test_a_path_from_a_point_to_itself_stays_there():
    point = jnp.array([[1.0, -2.0, 0.5, 0]])
    np.testing.assert_allclose(path_through(jnp.stack([point, point]), 3), [point] * 3, rtol=1e-5)


def test_a_path_between_opposite_points_and_one_from_the_origin_are_finite():
    one = jnp.array([[2.0]])
    np.testing.assert_allclose(slerp(one, -one, 0.25), [[1.0]], rtol=1e-6)
    assert jnp.isfinite(slerp(jnp.zeros((1, 3)), jnp.ones((1, 3)), 0.5)).all()


def test_a_path_goes_through_every_anchor():
    np.testing.assert_allclose(path_through(ANCHORS, 9)[::4], ANCHORS, rtol=1e-5)


def test_a_loop_goes_through_every_anchor_and_back_to_the_first():
    loop = loop_through(ANCHORS, 12)
    np.testing.assert_allclose(loop[::4], ANCHORS, rtol=1e-5)
    back = slerp(ANCHORS[2], ANCHORS[0], 0.75)
    np.testing.assert_allclose(loop[-1], back, rtol=1e-5)


def test_a_loop_along_a_direction_reaches_the_extent_on_both_sides():
    z, direction = ANCHORS[0], jnp.array([0.6, 0.8, 0, 0, 0, 0, 0, 0])
    moved = loop_along(z, direction, 2.5, 8) - z[None]
    distances = moved @ direction
    np.testing.assert_allclose(distances[[0, 2, 4, 6], 0], [0, 2.5, 0, -2.5], atol=1e-5)
    np.testing.assert_allclose(moved, distances[..., None] * direction[None, None], atol=1e-5)
