"""Virtual shards: a batch in a fixed number of equal parts, so that any number of devices which
divides them computes the same bits.

What is computed of a part is computed by one loop over the parts that a device has, whose body is
the same program everywhere; means over all parts are added up in one fixed order, that of a binary
tree. A computation that needs such a mean half-way, as batch norm does, is cut there: a loop up to
the mean, and a loop from it.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.extend.core import (
    ClosedJaxpr,
    Jaxpr,
    JaxprEqn,
    Literal,
    Primitive,
    Var,
    jaxpr_as_fun,
    jaxprs_in_params,
)
from jax.interpreters import ad, batching, mlir
from jax.sharding import Mesh, PartitionSpec
from jaxtyping import Array, PyTree

from jaxgan.parallel.mesh import AXIS

Values = dict[Var, Array]
# What calls a program once, by the names of JAX's primitives.
INLINED = ("checkpoint", "remat2", "jit", "pjit")
shard_mean_p = Primitive("shard_mean")  # one shard's value is itself, so that it lowers to nothing
shard_mean_p.def_impl(lambda x: x)
shard_mean_p.def_abstract_eval(lambda x: x)
mlir.register_lowering(shard_mean_p, lambda context, x: [x])
batching.defvectorized(shard_mean_p)
ad.deflinear2(shard_mean_p, lambda cotangent, x: [shard_mean_p.bind(cotangent)])


def batch_mean(x: Array, axes: int | Sequence[int] | None = None) -> Array:
    """The mean over axes of which one is the batch's: over all of it, where it is in shards."""
    mean: Array = shard_mean_p.bind(jnp.mean(x, axes))
    return mean


def over_shards(
    compute: Callable[[Any, Any], tuple[PyTree[Array], PyTree[Array]]],
    count: int,
    mesh: Mesh | None,
    whole: PyTree[Array],
    batch: PyTree[Array],
) -> tuple[PyTree[Array], PyTree[Array]]:
    """`compute(whole, part)` of each of `count` parts of the batch: the mean over them of the first
    of its results, and the second, which must be the same for all.

    Args:
      count: a power of two, divisible by the number of the mesh's devices.
      whole: what every part is computed with.
      batch: arrays whose first axis is cut.

    Raises:
      ValueError: the second result depends on the part other than by a `batch_mean`, or there is
        one in a loop.
    """
    parts = jax.tree.map(lambda x: x.reshape(count, len(x) // count, *x.shape[1:]), batch)

    def on_device(whole, parts):
        return _computed(compute, count, mesh, whole, parts)

    if mesh is None:
        return on_device(whole, parts)
    every, each = PartitionSpec(), PartitionSpec(AXIS)
    spread = jax.shard_map(
        on_device, mesh=mesh, in_specs=(every, each), out_specs=every, check_vma=False
    )
    return spread(whole, parts)


def _computed(compute, count, mesh, whole, parts):
    """The results, of the parts that this device has and of those that the others have."""
    local = len(jax.tree.leaves(parts)[0])
    if local == 1:
        parts = jax.tree.map(lambda x: jnp.concatenate([x, x]), parts)
    part = jax.tree.map(lambda x: x[0], parts)
    closed, shape = jax.make_jaxpr(compute, return_shape=True)(whole, part)
    if any(map(_calls_mean, closed.jaxpr.eqns)):
        closed = jax.make_jaxpr(functools.partial(_inlined, closed))(*closed.in_avals)
    leaves = jax.tree.leaves(whole)
    jaxpr, inputs = closed.jaxpr, closed.jaxpr.invars
    same: Values = dict(zip(jaxpr.constvars, closed.consts, strict=True))
    same |= dict(zip(inputs[: len(leaves)], leaves, strict=True))
    own: Values = dict(zip(inputs[len(leaves) :], jax.tree.leaves(parts), strict=True))

    def mean(atom):
        if isinstance(atom, Literal) or atom not in own:
            return _value(same, atom)
        total = _sum(own[atom][:local])
        if mesh is not None:
            total = _sum(jax.lax.all_gather(total, AXIS))
        return jax.lax.optimization_barrier(total / count)

    for stage in _stages(jaxpr):
        _do(jaxpr, stage, same, own, local)
        if stage.mean:
            same[stage.mean.outvars[0]] = mean(stage.mean.invars[0])
    averaged, alike = shape
    atoms = iter(jaxpr.outvars)
    averaged = jax.tree.map(lambda _: mean(next(atoms)), averaged)
    rest = list(atoms)
    if any(atom in own for atom in _variables(rest)):
        raise ValueError("what must be the same for all shards depends on a part of the batch")
    values = [_value(same, atom) for atom in rest]
    return averaged, jax.tree.unflatten(jax.tree.structure(alike), values)


def _calls_mean(equation: JaxprEqn) -> bool:
    """Whether a mean over all shards is in a program that the equation calls."""
    called = (one for jaxpr in jaxprs_in_params(equation.params) for one in jaxpr.eqns)
    return any(one.primitive is shard_mean_p or _calls_mean(one) for one in called)


def _inlined(closed: ClosedJaxpr, *arguments: Array) -> list[Array]:
    """The values of a program; of another's that it calls for a mean, equation by equation."""
    jaxpr = closed.jaxpr
    values: Values = dict(zip(jaxpr.constvars, closed.consts, strict=True))
    values |= zip(jaxpr.invars, arguments, strict=True)
    for equation in jaxpr.eqns:
        inputs, outputs, function = _program(jaxpr, [equation], None)
        if not _calls_mean(equation):
            values |= zip(outputs, function(*(values[name] for name in inputs)), strict=True)
        elif equation.primitive.name in INLINED:
            called = equation.params["jaxpr"]
            called = called if isinstance(called, ClosedJaxpr) else ClosedJaxpr(called, ())
            given = [_value(values, atom) for atom in equation.invars]
            values |= zip(equation.outvars, _inlined(called, *given), strict=True)
        else:
            raise ValueError(f"a batch_mean within {equation.primitive.name}: must be outside it")
    return [_value(values, atom) for atom in jaxpr.outvars]


class Stage(NamedTuple):
    """Equations without a mean among them, the mean that follows them, and what is used later."""

    equations: list[JaxprEqn]
    mean: JaxprEqn | None
    wanted: set[Var]


def _stages(jaxpr: Jaxpr) -> list[Stage]:
    found: list[Stage] = []
    wanted = set(_variables(jaxpr.outvars))
    equations: list[JaxprEqn] = []
    mean = None
    for equation in reversed(jaxpr.eqns):
        if equation.primitive is shard_mean_p:
            found.append(Stage(equations[::-1], mean, wanted))
            later = [name for done in equations for name in _variables(done.invars)]
            wanted, equations, mean = wanted.union(later, _variables(equation.invars)), [], equation
        else:
            equations.append(equation)
    return [*found, Stage(equations[::-1], mean, wanted)][::-1]


def _do(jaxpr: Jaxpr, stage: Stage, same: Values, own: Values, count: int) -> None:
    """Adds the values of a stage's equations: each once, or, where it depends on a part, of each
    part, in one loop over them."""
    shared, looped, of_parts = [], [], set(own)
    for equation in stage.equations:
        if of_parts.isdisjoint(_variables(equation.invars)):
            shared.append(equation)
        else:
            looped.append(equation)
            of_parts.update(equation.outvars)
    inputs, outputs, function = _program(jaxpr, shared, None)
    same |= zip(outputs, function(*(same[name] for name in inputs)), strict=True)
    inputs, outputs, function = _program(jaxpr, looped, stage.wanted)
    mapped = {name: own[name] for name in inputs if name in own}

    def body(values):
        part = dict(zip(mapped, values, strict=True))
        return function(*(part.get(name, same.get(name)) for name in inputs))

    if outputs:
        own |= zip(outputs, _each(body, list(mapped.values()), count), strict=True)


def _each(
    function: Callable[[list[Array]], list[Array]], stacks: list[Array], count: int
) -> list[Array]:
    """What the function gives for each of the first `count` of the stacks' two entries or more.

    A loop that is no other program if it has one turn, as `jax.lax.map` would be.
    """

    def turn(i, found):
        values = function([jax.lax.dynamic_index_in_dim(x, i, keepdims=False) for x in stacks])
        pairs = zip(found, values, strict=True)
        return [jax.lax.dynamic_update_index_in_dim(x, value, i, 0) for x, value in pairs]

    shapes = jax.eval_shape(function, [x[0] for x in stacks])
    length = len(stacks[0])
    empty = [jax.lax.full((length, *shape.shape), 0, shape.dtype) for shape in shapes]
    return jax.lax.fori_loop(0, jax.lax.optimization_barrier(count), turn, empty)


def _program(jaxpr: Jaxpr, equations: list[JaxprEqn], wanted: set[Var] | None):
    """What the equations need, what they give of that which is wanted, and a function of these."""
    defined = dict.fromkeys(name for equation in equations for name in equation.outvars)
    used = dict.fromkeys(name for equation in equations for name in _variables(equation.invars))
    inputs = [name for name in used if name not in defined]
    outputs = [name for name in defined if wanted is None or name in wanted]
    program = jaxpr.replace(constvars=[], invars=inputs, outvars=outputs, eqns=equations)
    return inputs, outputs, jaxpr_as_fun(ClosedJaxpr(program, ()))


def _variables(atoms):
    return [atom for atom in atoms if not isinstance(atom, Literal)]


def _value(values: Values, atom: Any) -> Array:
    return atom.val if isinstance(atom, Literal) else values[atom]


def _sum(stack: Array) -> Array:
    """Over the first axis, whose length is a power of two, by pairs of neighbours."""
    while len(stack) > 1:
        stack = stack[0::2] + stack[1::2]
    return stack[0]
