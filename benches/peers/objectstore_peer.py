"""disk-objectstore, AiiDA's container: the same operations as ours on the same format."""

import hashlib
import io
import random
import tempfile
from pathlib import Path

from common import RUN, Clock, serve
from disk_objectstore import Container


def contents(request):
    """Objects that do not compress, the same for the same number."""
    noise, most = random.Random(7), 1 << 20
    size = request["size"]

    def content():
        """In pieces: Python counts the bits of one in 32."""
        pieces = (noise.randbytes(min(most, size - first)) for first in range(0, size, most))
        return b"".join(pieces)

    return [content() for _ in range(request["count"])]


def create(path):
    """A new container."""
    container = Container(str(path))
    container.init_container()
    return container


def small(_, request):
    """Straight into packs, list, read, ask for what is not there; then loose ones, and pack them."""
    given = contents(request)
    passes = []
    with create(request["path"] / "packed") as container:
        clock = Clock()
        keys = container.add_objects_to_pack(given)
        passes.append(clock.stop())
        clock = Clock()
        listed = list(container.list_all_objects())
        passes.append(clock.stop())
        assert len(listed) == len(given)
        # In another order than they lie in.
        keys.sort()
        clock = Clock()
        for key in keys:
            assert len(container.get_object_content(key)) == request["size"]
        passes.append(clock.stop())
        absent = [hashlib.sha256(b"absent %d" % number).hexdigest() for number in range(request["absent"])]
        clock = Clock()
        for key in absent:
            assert not container.has_object(key)
        passes.append(clock.stop())
    with create(request["path"] / "loose") as container:
        clock = Clock()
        for content in given:
            container.add_object(content)
        passes.append(clock.stop())
        clock = Clock()
        container.pack_all_loose()
        passes.append(clock.stop())
    return {"passes": passes}


def safe(_, request):
    """Loose objects, each safe when the next is put."""
    given = contents(request)
    Path(request["disk"]).mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=request["disk"]) as folder, create(Path(folder) / "c") as container:
        clock = Clock()
        for content in given:
            container.add_object(content)
        return clock.stop()


def large(_, request):
    """One large object, then the others."""
    first, *others = contents(request)
    with create(request["path"] / "c") as container:
        clock = Clock()
        container.add_streamed_object(io.BytesIO(first))
        alone = clock.stop()
        clock = Clock()
        for content in others:
            container.add_streamed_object(io.BytesIO(content))
        return {"passes": [alone, clock.stop()]}


class Objectstore:
    """The package as it is."""

    packages = ["disk-objectstore", "SQLAlchemy"]


RUN.update({"objects": small, "objects-safe": safe, "objects-large": large})

if __name__ == "__main__":
    serve(Objectstore())
