"""``recurra demo``: the whole idea, computed live."""

from recurra.cli.demo.command import demo

__all__ = ["demo"]
