"""Makes the cells that everything is measured with: `prepare.py FILE DTYPE STEPS HEIGHT WIDTH`."""

import sys

import numpy as np

SEED = 20_260_101


def step(number, shape, noise):
    """One step in time: a smooth field that travels, and six bits of noise, in steps of 1/64."""
    y, x = np.ogrid[0 : shape[0], 0 : shape[1]]
    smooth = 40 * np.sin((y + number) / 60) + 25 * np.cos((x - 2 * number) / 45) + 280
    return (np.round(smooth * 64) + noise.integers(0, 64, shape)) / 64


def main(path, dtype, *shape):
    """Write a `.npy` file step by step, so that it may be larger than memory."""
    shape = tuple(int(length) for length in shape)
    noise = np.random.default_rng(SEED)
    cells = np.lib.format.open_memmap(path, "w+", dtype=dtype, shape=shape)
    for number in range(shape[0]):
        field = step(number, shape[1:], noise)
        # Integers keep all the digits: hundredths of a degree, as packed fields have them.
        cells[number] = np.round(field * 64) if np.issubdtype(cells.dtype, np.integer) else field
    cells.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
