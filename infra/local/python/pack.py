"""Pack the bootstrap into the one zip that every function's CodeUri names.

    pack.py BOOTSTRAP ZIP SALT FILE...

Each FILE goes into its folder `docs`, compressed as a browser takes it.

Prints the release id: a hash of the binary, the files and SALT (templates and
parameters). The id is also written into the zip, because SAM publishes a new
version of a function only when the hash of its code changes; without it a
change that comes by a parameter alone would never reach the `live` alias.

Python rather than Rust: zlib here is native code, and in a dev build of the
tool compressing the binary would take longer than deploying it.
"""

import gzip
import hashlib
import os
import pathlib
import sys
import zipfile

# The same input must give the same bytes, so no file time goes in.
EPOCH = (1980, 1, 1, 0, 0, 0)


def entry(name: str, mode: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, EPOCH)
    info.external_attr = (0o100000 | mode) << 16
    info.compress_type = zipfile.ZIP_DEFLATED
    return info


def main(bootstrap: str, target: str, salt: str, *files: str) -> None:
    code = pathlib.Path(bootstrap).read_bytes()
    docs = {pathlib.Path(file).name: gzip.compress(pathlib.Path(file).read_bytes(), mtime=0) for file in files}
    release = hashlib.sha256(b"\0".join([salt.encode(), code, *docs.values()])).hexdigest()[:12]
    part = f"{target}.{os.getpid()}.part"
    with zipfile.ZipFile(part, "w", compresslevel=1) as archive:
        archive.writestr(entry("bootstrap", 0o755), code)
        archive.writestr(entry("release", 0o644), release + "\n")
        for name, packed in docs.items():
            stored = entry(f"docs/{name}.gz", 0o644)
            stored.compress_type = zipfile.ZIP_STORED
            archive.writestr(stored, packed)
    os.replace(part, target)
    print(release)


if __name__ == "__main__":
    main(*sys.argv[1:])
