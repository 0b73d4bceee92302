"""Pack the bootstrap into the one zip that every function's CodeUri names.

    pack.py BOOTSTRAP ZIP SALT LEVEL FILE...

Each FILE goes into its folder `docs`, compressed as a browser takes it. The
folder `rds` holds, by region, the authorities that PostgreSQL's certificate is
checked against: RDS's own, and Amazon's, under which RDS Proxy's is signed.

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
ROOT = pathlib.Path(__file__).resolve().parents[3]


def authorities() -> dict[str, bytes]:
    amazon = (ROOT / "shared/src/platform/amazon_roots.pem").read_bytes()
    return {file.name: file.read_bytes() + amazon for file in sorted((ROOT / "infra/data/rds").glob("*.pem"))}


def entry(name: str, mode: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, EPOCH)
    info.external_attr = (0o100000 | mode) << 16
    info.compress_type = zipfile.ZIP_DEFLATED
    return info


def main(bootstrap: str, target: str, salt: str, level: str, *files: str) -> None:
    code = pathlib.Path(bootstrap).read_bytes()
    docs = {pathlib.Path(file).name: gzip.compress(pathlib.Path(file).read_bytes(), mtime=0) for file in files}
    trusted = authorities()
    contents = [salt.encode(), code, *docs.values(), *trusted.values()]
    release = hashlib.sha256(b"\0".join(contents)).hexdigest()[:12]
    part = f"{target}.{os.getpid()}.part"
    with zipfile.ZipFile(part, "w", compresslevel=int(level)) as archive:
        archive.writestr(entry("bootstrap", 0o755), code)
        archive.writestr(entry("release", 0o644), release + "\n")
        for name, certificates in trusted.items():
            archive.writestr(entry(f"rds/{name}", 0o644), certificates)
        for name, packed in docs.items():
            stored = entry(f"docs/{name}.gz", 0o644)
            stored.compress_type = zipfile.ZIP_STORED
            archive.writestr(stored, packed)
    os.replace(part, target)
    print(release)


if __name__ == "__main__":
    main(*sys.argv[1:])
