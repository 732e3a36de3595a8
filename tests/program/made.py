"""Programs for the tests, written op by op from the papers' equations."""

from recurra.program import Builder, Program


def lstm(input_size: int, size: int) -> Program:
    """Blocks i f u o, one bias; answers h."""
    b = Builder()
    x = b.input("x", "x", (input_size,))
    h, c = b.input("h", "state", (size,)), b.input("c", "state", (size,))
    w = b.input("input.weight", "weight", (4 * size, input_size))
    r = b.input("recurrent.weight", "weight", (4 * size, size))
    bias = b.input("input.bias", "weight", (4 * size,))
    products = [b.op("matvec", w, x, transposed=False), b.op("matvec", r, h, transposed=False)]
    gates = b.op("add", b.op("add", *products), bias)

    def block(k: int) -> int:
        return b.op("slice", gates, axis=0, start=k * size, stop=(k + 1) * size)

    i, f, o = (b.op("sigmoid", block(k)) for k in (0, 1, 3))
    u = b.op("tanh", block(2))
    new_c = b.op("add", b.op("mul", f, c), b.op("mul", i, u))
    new_h = b.op("mul", o, b.op("tanh", new_c))
    b.output("y", "y", new_h)
    b.output("h", "state", new_h)
    b.output("c", "state", new_c)
    return b.program()


def softmax(size: int) -> Program:
    """exp(x - max) / sum."""
    b = Builder()
    x = b.input("x", "x", (size,))

    def spread(value: int) -> int:
        return b.op("expand", b.op("reshape", value, shape=(1,)), shape=(size,))

    e = b.op("exp", b.op("sub", x, spread(b.op("largest", x))))
    b.output("y", "y", b.op("div", e, spread(b.op("sum", e))))
    return b.program()
