#!/bin/sh
# What cargo calls instead of rustc for our own crates while coverage is measured: every line is counted, and the counts
# are in the file at once, for functions do not end by themselves.
exec "$@" -C instrument-coverage -C llvm-args=-runtime-counter-relocation
