"""Means over a batch that have the same bits on any number of devices. Experimental.

A batch is cut into a fixed number of equal parts (virtual shards). Each device computes its parts
in one loop, whose body is the same program everywhere; means over all parts are summed in one
fixed order, that of a binary tree. A computation that needs such a mean half-way, as batch norm
does, is cut there into two loops.

This is done by tracing the computation and evaluating its equations, which uses parts of JAX that
may change with a release (`jax.extend.core`). docs/deterministic_means.md explains why.
"""

import functools
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.extend import core
from jax.interpreters import ad, batching, mlir
from jax.sharding import Mesh, PartitionSpec
from jaxtyping import Array, PyTree

from jaxgan.parallel.mesh import AXIS

Values = dict[core.Var, Array]
# Primitives that call another program exactly once, so that its equations can take their place. A
# loop runs its program many times, and a mean within it cannot be cut out.
INLINED_PRIMITIVES = ("checkpoint", "remat2", "jit", "pjit")
# Marks a mean over all parts. The mean over a single part is its value, so it lowers to nothing.
shard_mean_p = core.Primitive("shard_mean")
shard_mean_p.def_impl(lambda x: x)
shard_mean_p.def_abstract_eval(lambda x: x)
mlir.register_lowering(shard_mean_p, lambda context, x: [x])
batching.defvectorized(shard_mean_p)
ad.deflinear2(shard_mean_p, lambda cotangent, x: [shard_mean_p.bind(cotangent)])


def batch_mean(x: Array, axes: int | Sequence[int] | None = None) -> Array:
    """Returns the mean of `x` over `axes`, over the whole batch also where it is cut into parts.

    Args:
      axes: one of them is the batch axis; None: all axes.
    """
    return shard_mean_p.bind(jnp.mean(x, axes))


def over_shards(
    compute: Callable[[Any, Any], tuple[PyTree[Array], PyTree[Array]]],
    count: int,
    mesh: Mesh | None,
    shared: PyTree[Array],
    batch: PyTree[Array],
) -> tuple[PyTree[Array], PyTree[Array]]:
    """Evaluates `compute(shared, part)` on each of `count` parts of a batch.

    Args:
      compute: returns two trees of arrays; the second must be the same for all parts.
      count: number of parts, a power of two that the number of the mesh's devices divides.
      mesh: the devices that share the parts; None for one device.
      shared: arrays that every part is computed with.
      batch: arrays whose first axis is cut into the parts.

    Returns:
      The mean over the parts of the first tree, and the second tree.

    Raises:
      ValueError: the second tree depends on the part other than by a `batch_mean`, or a
        `batch_mean` is inside a loop.
    """
    parts = jax.tree.map(lambda x: x.reshape(count, len(x) // count, *x.shape[1:]), batch)

    on_device = functools.partial(_evaluate_parts, compute, count, mesh)
    if mesh is None:
        return on_device(shared, parts)
    whole, split = PartitionSpec(), PartitionSpec(AXIS)
    # JAX cannot prove that every device has the same results after `all_gather`, so its check is
    # off; tests/test_deterministic_mean.py compares them.
    return jax.shard_map(
        on_device, mesh=mesh, in_specs=(whole, split), out_specs=whole, check_vma=False
    )(shared, parts)


def _evaluate_parts(
    compute: Callable[[Any, Any], tuple[Any, Any]],
    count: int,
    mesh: Mesh | None,
    shared: PyTree[Array],
    parts: PyTree[Array],
) -> tuple[Any, Any]:
    """Returns the results over all parts, of which this device has `parts`."""
    local_count = len(jax.tree.leaves(parts)[0])
    # A loop needs two entries, see `_loop`; the second one is never computed.
    if local_count == 1:
        parts = jax.tree.map(lambda x: jnp.concatenate([x, x]), parts)
    jaxpr, consts, shape = _trace(compute, shared, jax.tree.map(lambda x: x[0], parts))
    leaves, inputs = jax.tree.leaves(shared), jaxpr.invars
    common: Values = dict(zip(jaxpr.constvars, consts, strict=True))
    common |= dict(zip(inputs[: len(leaves)], leaves, strict=True))
    stacked: Values = dict(zip(inputs[len(leaves) :], jax.tree.leaves(parts), strict=True))

    def mean(atom: Any) -> Array:
        if isinstance(atom, core.Literal) or atom not in stacked:
            return _value(common, atom)
        # First this device's parts, then all devices' sums: together one tree over all parts, since
        # both numbers are powers of two. `psum` would promise no order.
        total = _tree_sum(stacked[atom][:local_count])
        if mesh is not None:
            total = _tree_sum(jax.lax.all_gather(total, AXIS))
        # Otherwise the compiler could merge the division with what follows, and round differently
        # in programs for other numbers of devices.
        return jax.lax.optimization_barrier(total / count)

    for stage in _stages(jaxpr):
        _evaluate_stage(jaxpr, stage, common, stacked, local_count)
        if stage.mean:
            common[stage.mean.outvars[0]] = mean(stage.mean.invars[0])
    averaged, same = shape
    atoms = iter(jaxpr.outvars)
    averaged = jax.tree.map(lambda _: mean(next(atoms)), averaged)
    rest = list(atoms)
    if any(atom in stacked for atom in _variables(rest)):
        raise ValueError("what must be the same for all shards depends on a part of the batch")
    values = [_value(common, atom) for atom in rest]
    return averaged, jax.tree.unflatten(jax.tree.structure(same), values)


def _trace(
    compute: Callable[[Any, Any], tuple[Any, Any]], shared: PyTree[Array], part: PyTree[Array]
) -> tuple[core.Jaxpr, list[Any], Any]:
    """Returns the program for one part with all its marked means at the top level, its constants
    and the shapes of its results."""
    closed, shape = jax.make_jaxpr(compute, return_shape=True)(shared, part)
    # Traced a second time, since only the top level of a program can be cut into stages.
    if any(map(_contains_mean, closed.jaxpr.eqns)):
        closed = jax.make_jaxpr(functools.partial(_inline, closed))(*closed.in_avals)
    return closed.jaxpr, closed.consts, shape


def _contains_mean(equation: core.JaxprEqn) -> bool:
    """Returns True if a program that the equation calls contains a marked mean."""
    inner = (eqn for jaxpr in core.jaxprs_in_params(equation.params) for eqn in jaxpr.eqns)
    return any(eqn.primitive is shard_mean_p or _contains_mean(eqn) for eqn in inner)


def _inline(closed: core.ClosedJaxpr, *arguments: Any) -> list[Any]:
    """Evaluates a program; programs that it calls and that contain a mean are inlined."""
    jaxpr = closed.jaxpr
    values: Values = dict(zip(jaxpr.constvars, closed.consts, strict=True))
    values |= zip(jaxpr.invars, arguments, strict=True)
    for equation in jaxpr.eqns:
        inputs, outputs, function = _program(jaxpr, [equation], None)
        if not _contains_mean(equation):
            values |= zip(outputs, function(*(values[name] for name in inputs)), strict=True)
        elif equation.primitive.name in INLINED_PRIMITIVES:
            called = equation.params["jaxpr"]
            if not isinstance(called, core.ClosedJaxpr):
                called = core.ClosedJaxpr(called, ())
            inputs_of_call = [_value(values, atom) for atom in equation.invars]
            values |= zip(equation.outvars, _inline(called, *inputs_of_call), strict=True)
        else:
            raise ValueError(f"a batch_mean within {equation.primitive.name}: must be outside it")
    return [_value(values, atom) for atom in jaxpr.outvars]


class Stage(NamedTuple):
    """Some equations of a program, up to the next mean over all parts.

    Attributes:
      equations: contain no mean.
      mean: the mean that follows them; None at the end of the program.
      used_later: variables that later stages or the results need.
    """

    equations: list[core.JaxprEqn]
    mean: core.JaxprEqn | None
    used_later: set[core.Var]


def _stages(jaxpr: core.Jaxpr) -> list[Stage]:
    """Cuts a program after each mean. It is walked backwards, since a stage must know which of its
    values are used later."""
    stages: list[Stage] = []
    equations: list[core.JaxprEqn] = []
    used_later, mean = set(_variables(jaxpr.outvars)), None
    for equation in reversed(jaxpr.eqns):
        if equation.primitive is shard_mean_p:
            stages.append(Stage(equations[::-1], mean, used_later))
            used = [name for done in equations for name in _variables(done.invars)]
            used_later = used_later.union(used, _variables(equation.invars))
            equations, mean = [], equation
        else:
            equations.append(equation)
    return [*stages, Stage(equations[::-1], mean, used_later)][::-1]


def _evaluate_stage(
    jaxpr: core.Jaxpr, stage: Stage, common: Values, stacked: Values, local_count: int
) -> None:
    """Adds the values of a stage to `common` or, if they depend on a part, to `stacked`.

    The latter are computed in one loop over the parts.
    """
    once, looped, dependent = [], [], set(stacked)
    # What depends on no part is computed outside of the loop, and once.
    for equation in stage.equations:
        if dependent.isdisjoint(_variables(equation.invars)):
            once.append(equation)
        else:
            looped.append(equation)
            dependent.update(equation.outvars)
    inputs, outputs, function = _program(jaxpr, once, None)
    common |= zip(outputs, function(*(common[name] for name in inputs)), strict=True)
    inputs, outputs, function = _program(jaxpr, looped, stage.used_later)
    mapped = {name: stacked[name] for name in inputs if name in stacked}

    def body(values: list[Array]) -> list[Array]:
        part = dict(zip(mapped, values, strict=True))
        return function(*(part.get(name, common.get(name)) for name in inputs))

    if outputs:
        stacked |= zip(outputs, _loop(body, list(mapped.values()), local_count), strict=True)


def _loop(
    function: Callable[[list[Array]], list[Array]], stacks: list[Array], count: int
) -> list[Array]:
    """Applies the function to each of the first `count` entries of the stacks.

    Unlike `jax.lax.map`, a loop of one turn is the same program as one of several: the stacks have
    at least two entries, and the compiler does not know `count`.
    """

    def turn(i: Array, results: list[Array]) -> list[Array]:
        values = function([jax.lax.dynamic_index_in_dim(x, i, keepdims=False) for x in stacks])
        pairs = zip(results, values, strict=True)
        return [jax.lax.dynamic_update_index_in_dim(x, value, i, 0) for x, value in pairs]

    shapes = jax.eval_shape(function, [x[0] for x in stacks])
    length = len(stacks[0])
    empty = [jax.lax.full((length, *shape.shape), 0, shape.dtype) for shape in shapes]
    # The barrier hides the number of turns, so that a loop of one turn is not replaced by its body.
    return jax.lax.fori_loop(0, jax.lax.optimization_barrier(count), turn, empty)


def _program(
    jaxpr: core.Jaxpr, equations: list[core.JaxprEqn], wanted: set[core.Var] | None
) -> tuple[list[core.Var], list[core.Var], Callable[..., list[Array]]]:
    """Returns the inputs of some equations, those of their outputs that are wanted (None: all),
    and a function from the former to the latter."""
    defined = dict.fromkeys(name for equation in equations for name in equation.outvars)
    used = dict.fromkeys(name for equation in equations for name in _variables(equation.invars))
    inputs = [name for name in used if name not in defined]
    outputs = [name for name in defined if wanted is None or name in wanted]
    program = jaxpr.replace(constvars=[], invars=inputs, outvars=outputs, eqns=equations)
    return inputs, outputs, core.jaxpr_as_fun(core.ClosedJaxpr(program, ()))


def _variables(atoms: Iterable[Any]) -> list[core.Var]:
    return [atom for atom in atoms if not isinstance(atom, core.Literal)]


def _value(values: Values, atom: Any) -> Any:
    return atom.val if isinstance(atom, core.Literal) else values[atom]


def _tree_sum(stack: Array) -> Array:
    """Sums over the first axis, whose length is a power of two, by pairs of neighbours."""
    while len(stack) > 1:
        stack = stack[0::2] + stack[1::2]
    return stack[0]
