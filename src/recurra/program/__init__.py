"""What a model computes, with torch gone: a short list of ops from a closed set."""

from recurra.program.builder import Builder
from recurra.program.ops import OPS, Op, Type
from recurra.program.portable import from_json, to_json
from recurra.program.program import Input, Instruction, Output, Program
from recurra.program.reference import evaluate, run_sequence
from recurra.program.verify import verify

__all__ = [
    "OPS",
    "Builder",
    "Input",
    "Instruction",
    "Op",
    "Output",
    "Program",
    "Type",
    "evaluate",
    "from_json",
    "run_sequence",
    "to_json",
    "verify",
]
