"""Every equation of a program, those within its loops, branches and calls too."""

from jax.extend import core


def equations(jaxpr):
    for equation in jaxpr.eqns:
        yield equation
        for parameter in equation.params.values():
            inner = parameter if isinstance(parameter, tuple | list) else [parameter]
            for part in inner:
                if isinstance(part, core.ClosedJaxpr):
                    yield from equations(part.jaxpr)
                elif isinstance(part, core.Jaxpr):
                    yield from equations(part)
