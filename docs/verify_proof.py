#!/usr/bin/env python3
"""Verifies the answer of GET /transactions/{id}/proof with nothing but Python's standard library.

    verify_proof.py [FILE | -] [ROOT]

ROOT is the root to compare with, from the blockchain say; without it, the one in the proof. Exit code 0: proven, 1: not.
"""
import hashlib
import json
import sys


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def root_of(leaf_hash, index, size, path):
    """RFC 9162, section 2.1.3.2."""
    place, last, root = index, size - 1, leaf_hash
    if not 0 <= place <= last:
        return None
    for other in path:
        if last == 0:
            return None
        if place % 2 or place == last:
            root = sha256(b"\1", other, root)
            while place % 2 == 0 and place:
                place, last = place >> 1, last >> 1
        else:
            root = sha256(b"\1", root, other)
        place, last = place >> 1, last >> 1
    return root if last == 0 else None


def main(source="-", expected=None):
    proof = json.load(sys.stdin if source == "-" else open(source, encoding="utf-8"))
    leaf = json.loads(proof["leaf"])
    leaf_hash = sha256(b"\0", proof["leaf"].encode())
    path = [bytes.fromhex(step) for step in proof["path"]]
    root = root_of(leaf_hash, proof["leaf_index"], proof["tree_size"], path)
    expected = (expected or proof["root_hash"]).lower().removeprefix("0x")
    wrong = [what for what, differs in [
        ("the leaf is of another transaction", leaf["id"] != proof["transaction_id"]),
        ("the leaf is of another revision", leaf["revision"] != str(proof["revision"])),
        ("the leaf does not have its hash", leaf_hash.hex() != proof["leaf_hash"]),
        (f"leaf and path come to {root.hex() if root else 'no root'}, not {expected}", not root or root.hex() != expected),
    ] if differs]
    print("\n".join(wrong) or f"proven: {proof['leaf']} is in the tree {expected}")
    return 1 if wrong else 0


if __name__ == "__main__":
    try:
        sys.exit(main(*sys.argv[1:3]))
    except (AttributeError, KeyError, OSError, TypeError, ValueError) as error:
        sys.exit(f"not a proof: {error!r}")
