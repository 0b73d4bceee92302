"""Compares the commands of pages with AWS's own description of its calls: `aws_commands.py FILE…`.

A block marked `console aws` cannot be run without an account. So that it works all the same on the day it is needed, each
command's service, operation and options are looked up in botocore, which the AWS command line is made of; what must be given
has to be given, and a value of which there are only some has to be one of them.
"""

import re
import shlex
import sys
from pathlib import Path

import botocore.session
from botocore import xform_name

# Of the command line itself, not of a service.
COMMON = {"output", "query", "region", "profile", "no-cli-pager", "cli-input-json", "page-size", "max-items", "starting-token"}

session = botocore.session.get_session()
services = set(session.get_available_services())
models = {}


def commands(text):
    """Those of the blocks marked `console aws`, each with the number of its line."""
    inside, number, command, begun = False, 0, "", 0
    for line in text.splitlines():
        number += 1
        if line.startswith("```"):
            inside = line == "```console aws"
        elif inside:
            begun = begun if command else number
            command += line.removeprefix("$ ").removesuffix("\\") + " "
            if not line.endswith("\\"):
                yield begun, command.strip()
                command = ""


def call(command):
    """The words of its call of aws: alone, before a pipe, or inside of `NAME=$(…)`."""
    inner = re.fullmatch(r"\w+=\$\((aws .*)\)", command)
    # A quoted word may hold a bar; shlex knows.
    lexer = shlex.shlex(inner[1] if inner else command, posix=True, punctuation_chars="|>;")
    lexer.whitespace_split = True
    words = list(lexer)
    end = next((n for n, word in enumerate(words) if word and set(word) <= set("|>;")), len(words))
    return words[:end]


def faults(words):
    if len(words) < 3 or words[0] != "aws":
        yield "it is no call of aws"
        return
    _, service, action, *rest = words
    if service not in services:
        yield f"there is no service {service}"
        return
    model = models.setdefault(service, session.get_service_model(service))
    operations = {xform_name(name, "-"): name for name in model.operation_names}
    if action not in operations:
        yield f"{service} has no {action}"
        return
    shape = model.operation_model(operations[action]).input_shape
    members = {xform_name(name, "-"): (name, member) for name, member in (shape.members if shape else {}).items()}
    given = {}
    option = None
    for word in rest:
        if word.startswith("--"):
            option, _, value = word[2:].partition("=")
            given[option] = [value] if value else []
        elif option:
            given[option].append(word)
        else:
            yield f"{word} stands before any option"
    for name, values in given.items():
        plain = name.removeprefix("no-") if name not in members else name
        if name in COMMON:
            continue
        if plain not in members:
            yield f"{service} {action} has no --{name}"
            continue
        member = members[plain][1]
        is_switch = member.type_name == "boolean"
        if not values and not is_switch:
            yield f"--{name} is without a value"
        enum = getattr(member, "enum", None)
        for value in values:
            if enum and not value.startswith("$") and value not in enum:
                yield f"--{name} is never {value}"
    for name in shape.required_members if shape else []:
        if xform_name(name, "-") not in given:
            yield f"--{xform_name(name, '-')} is missing"


def main(files):
    checked, wrong = 0, 0
    for file in files:
        for number, command in commands(Path(file).read_text()):
            checked += 1
            for fault in faults(call(command)):
                wrong += 1
                print(f"{file}:{number}: {fault}\n    {command}", file=sys.stderr)
    if not checked:
        sys.exit("no commands were found: are the blocks still marked `console aws`?")
    print(f"{checked} commands of aws are ones")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main(sys.argv[1:])
