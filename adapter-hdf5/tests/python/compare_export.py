"""Compares a variable of a netCDF file with its export: values, coordinates, units and missing cells, as xarray sees them.

    python compare_export.py ORIGINAL EXPORT VARIABLE

VARIABLE may lie in a group of the original: group/name. Ends with 0 when all agree, with 1 and one line for each difference
when not. Times are compared as instants where xarray decodes those of the original, else as numbers with their units.
"""

import sys
import warnings

import numpy as np
import xarray as xr


def open_variable(path, variable, decode_times, by_name):
    group, _, name = variable.rpartition("/")
    dataset = xr.open_dataset(path, group=(group or None) if by_name else None, decode_times=decode_times)
    return dataset, dataset[name]


def opened(original, export, variable):
    """Both variables, with decoded times if the original has such, and no timedeltas."""
    try:
        decode = xr.coders.CFDatetimeCoder(use_cftime=False)
        old = open_variable(original, variable, decode, True)
    except (ValueError, OverflowError):
        decode = False
        old = open_variable(original, variable, decode, True)
    return old, open_variable(export, variable, decode, False)


def differences(original, export, variable):
    (_, old), (_, new) = opened(original, export, variable)
    if old.dims != new.dims or old.shape != new.shape:
        yield f"dimensions: {dict(old.sizes)} became {dict(new.sizes)}"
        return
    before, after = np.asarray(old.values), np.asarray(new.values)
    if before.dtype != after.dtype:
        yield f"type: {before.dtype} became {after.dtype}"
    if before.dtype.kind in "fc":
        lost = np.isnan(before) != np.isnan(after)
        if lost.any():
            yield f"missing cells: {np.isnan(before).sum()} became {np.isnan(after).sum()}, {lost.sum()} differ"
    equal = np.array_equal(before, after, equal_nan=before.dtype.kind in "fc")
    if not equal:
        differs = before != after
        if before.dtype.kind in "fc":
            differs &= ~(np.isnan(before) & np.isnan(after))
        yield f"values: {differs.sum()} cells differ"
    if old.attrs.get("units") != new.attrs.get("units"):
        yield f"units: {old.attrs.get('units')!r} became {new.attrs.get('units')!r}"
    for name in old.dims:
        yield from coordinate_differences(name, old.coords.get(name), new.coords.get(name))


def coordinate_differences(name, old, new):
    if (old is None) != (new is None):
        yield f"coordinate {name}: {'none' if old is None else 'some'} became {'none' if new is None else 'some'}"
        return
    if old is None:
        return
    if not np.array_equal(old.values, new.values):
        yield f"coordinate {name}: values differ: {old.values[:4]} ... became {new.values[:4]} ..."
    for attribute in ("units", "calendar"):
        before, after = old.attrs.get(attribute), new.attrs.get(attribute)
        if before != after:
            yield f"coordinate {name}: {attribute} {before!r} became {after!r}"


def main():
    if len(sys.argv) != 4:
        print(__doc__, file=sys.stderr)
        return 2
    warnings.simplefilter("ignore")
    try:
        found = list(differences(*sys.argv[1:]))
    except (KeyError, OSError) as error:
        print(f"{sys.argv[3]}: cannot compare: {error}", file=sys.stderr)
        return 1
    for difference in found:
        print(f"{sys.argv[3]}: {difference}")
    if not found:
        print(f"{sys.argv[3]}: equal")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
