"""Plans: a step laid out for the engine, buffers, stages and instructions."""

from recurra.compiler.plan.layout import Layout, lay_out

__all__ = ["Layout", "lay_out"]
