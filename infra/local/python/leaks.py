"""Looks for secrets in every line that was ever added, and in what is not committed yet: `leaks.py ALLOWED`.

A secret that was taken out again is still in the history, so the history is what is looked at. Each line is looked at once,
however often it was added; and by detect-secrets only where there is anything to see, because it takes a millisecond a line.
ALLOWED names what only looks like a secret: a path and a kind a line, either with `*`, and the reason after `#`.
"""

import re
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from fnmatch import fnmatch

# Not `scan_line`, which is made for trying out a line and takes every word for a key.
from detect_secrets.core.scan import _process_line_based_plugins as scan_lines
from detect_secrets.settings import default_settings

# Made by tools from what is looked at elsewhere, or hashes by nature.
PASSED_OVER = (".sqlx/*", "Cargo.lock", "*/package-lock.json", "*.snap", "infra/plans/*")
# A word of secrecy with something in quotes, or sixteen letters and digits in a row.
WORTH_IT = re.compile(
    r"(pass|secret|token|credential|api_?key|private).*[\"'`]|PRIVATE|://[^/\s]*:[^/\s]*@|(?=[A-Za-z+/_=-]{0,40}\d)[A-Za-z0-9+/_=-]{16}",
    re.IGNORECASE,
)
# So much of one line is looked at; no key is longer.
LONGEST = 5000


def lines():
    """Each line with the first file it was added to."""
    found = {}
    log = ["git", "log", "--all", "--no-color", "-p", "--unified=0", "--no-renames", "--diff-merges=off", "--format="]
    for command in (log, ["git", "diff", "HEAD", "--no-color", "--unified=0", "--no-renames"]):
        path = ""
        out = subprocess.run(command, check=True, capture_output=True).stdout.decode(errors="replace")
        for line in out.splitlines():
            if line.startswith("+++ "):
                path = line[4:].removeprefix("b/")
            elif line.startswith("+") and not any(fnmatch(path, glob) for glob in PASSED_OVER):
                text = line[1 : LONGEST + 1].strip()
                if WORTH_IT.search(text):
                    found.setdefault(text, path)
    return list(found.items())


def look(some):
    with default_settings():
        return [(path, one.type, text) for text, path in some for one in scan_lines([(1, text)], path)]


def main(allowed):
    rules = []
    for line in open(allowed):
        rule = line.split("#")[0].strip()
        if rule:
            path, kind = rule.split(maxsplit=1)
            rules.append((path, kind))
    everything = lines()
    parts = [everything[n::8] for n in range(8)]
    used = set()
    bad = []
    with ProcessPoolExecutor(max_workers=2) as pool:
        for path, kind, text in (one for part in pool.map(look, parts) for one in part):
            rule = next((rule for rule in rules if fnmatch(path, rule[0]) and fnmatch(kind, rule[1])), None)
            used.add(rule)
            if not rule:
                bad.append((path, kind, text))
    for path, kind, text in sorted(set(bad)):
        print(f"{path}: {kind}: {text[:100]}", file=sys.stderr)
    for rule in rules:
        if rule not in used:
            print(f"{allowed}: nothing looks like {' '.join(rule)} any more: take it out", file=sys.stderr)
            bad.append(rule)
    if bad:
        sys.exit(f"If one is real, it has leaked: rotate it first (docs/runbooks/rotate.md). Else add it to {allowed} with the reason")
    print(f"no secrets in {len(everything)} lines that might hold one")


if __name__ == "__main__":
    main(sys.argv[1])
