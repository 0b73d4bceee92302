"""Pack the bootstrap into the zip that a function's CodeUri names.

    pack.py BOOTSTRAP ZIP SALT quick|best FILE...

The folder `rds` holds, by region, RDS's authorities, which PostgreSQL's
certificate is checked against. Beside ZIP lies `documents.zip`, for the
functions that show the documentation: the same, with each FILE in a folder
`docs`, compressed as a browser takes it. The others would load it at every
start of theirs for nothing.

`quick` is for what is deployed seconds later; `best` for what thousands of cold
starts load, and needs zopflipy (pack.txt).

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
import shutil
import sys
import zipfile

# The same input must give the same bytes, so no file time goes in.
EPOCH = (1980, 1, 1, 0, 0, 0)
AUTHORITIES = pathlib.Path(__file__).resolve().parents[2] / "data/rds"


def entry(name: str, mode: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, EPOCH)
    info.external_attr = (0o100000 | mode) << 16
    info.compress_type = zipfile.ZIP_DEFLATED
    return info


def opened(path: str, effort: str) -> zipfile.ZipFile:
    if effort == "quick":
        return zipfile.ZipFile(path, "w", compresslevel=1)
    import zopfli

    # More than one iteration takes as long again and wins a five-hundredth.
    return zopfli.ZipFile(path, "w", iterations=1)


def main(bootstrap: str, target: str, salt: str, effort: str, *files: str) -> None:
    code = pathlib.Path(bootstrap).read_bytes()
    docs = {pathlib.Path(file).name: gzip.compress(pathlib.Path(file).read_bytes(), mtime=0) for file in files}
    trusted = {file.name: file.read_bytes() for file in sorted(AUTHORITIES.glob("*.pem"))}
    contents = [salt.encode(), code, *docs.values(), *trusted.values()]
    release = hashlib.sha256(b"\0".join(contents)).hexdigest()[:12]
    part, documents = f"{target}.{os.getpid()}.part", f"{target}.{os.getpid()}.documents.part"
    with opened(part, effort) as archive:
        archive.writestr(entry("bootstrap", 0o755), code)
        archive.writestr(entry("release", 0o644), release + "\n")
        for name, certificates in trusted.items():
            archive.writestr(entry(f"rds/{name}", 0o644), certificates)
    shutil.copyfile(part, documents)
    with zipfile.ZipFile(documents, "a") as archive:
        for name, packed in docs.items():
            stored = entry(f"docs/{name}.gz", 0o644)
            stored.compress_type = zipfile.ZIP_STORED
            archive.writestr(stored, packed)
    os.replace(documents, pathlib.Path(target).with_name("documents.zip"))
    os.replace(part, target)
    print(release)


if __name__ == "__main__":
    main(*sys.argv[1:])
