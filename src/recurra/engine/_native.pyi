def isa() -> str:
    """The instruction set in use: baseline, avx2 or avx512."""
