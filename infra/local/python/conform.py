"""Compare what the running API answers with what its OpenAPI document says.

    conform.py TOOLS EXAMPLES [SEED]

Made-up requests, good and bad, go to every route: first as an administrator with
a few things to ask for, then without a token to the routes that would end that
administrator's session. No answer may be a server error, and each has the
status, headers, content type and body that the document says. Ends with 1 if one is not.
"""

import json
import os
import subprocess
import sys
import tempfile
import urllib.request
import uuid

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,response_headers_conformance"
# What ends the session that asks: nothing could be asked after it.
ENDING = r"^/auth/logout$"


def call(method: str, path: str, token: str | None = None, body=None) -> dict:
    headers = {"content-type": "application/json", **({"authorization": f"Bearer {token}"} if token else {})}
    data = json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(os.environ["API_URL"] + path, data, headers, method=method)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.loads(answer.read() or b"{}")


def administrator(tools: str) -> str:
    """A user's token, with one of each thing that ids can name."""
    email, password = f"conform-{uuid.uuid4().hex}@example.com", uuid.uuid4().hex
    account = {"email": email, "password": password, "full_name": "Conformance"}
    call("POST", "/auth/register", body=account)
    # With room for many requests a minute: else most would be answered 429.
    for command in (["make-admin", email], ["make-tier", email, "internal"]):
        subprocess.run([tools, *command], check=True, stdout=subprocess.DEVNULL)
    token = call("POST", "/auth/login", body={"email": email, "password": password})["access_token"]
    call("POST", "/transactions", token, {"amount": "12.50", "date": "2026-01-31", "merchant_raw": "Corner shop"})
    month = {"category": "Groceries", "amount": "400", "start_date": "2026-01-01", "end_date": "2026-01-31"}
    call("POST", "/budgets", token, month)
    holding = {"asset_type": "stock", "identifier": "ACME", "units": "1.5", "cost_basis": "100", "last_valuation": "120"}
    call("POST", "/portfolio/holdings", token, holding)
    return token


def schemathesis(document: str, examples: str, seed: str, *options: str) -> int:
    command = [sys.executable, "-m", "schemathesis.cli", "run", document, "--url", os.environ["API_URL"]]
    command += ["--checks", CHECKS, "--phases", "examples,fuzzing", "--max-examples", examples, "--seed", seed]
    command += ["--continue-on-failure", "--generation-database", "none", "--warnings", "off", "--suppress-health-check", "all"]
    return subprocess.run([*command, *options]).returncode


def main(tools: str, examples: str, seed: str = "1") -> int:
    token = administrator(tools)
    with tempfile.TemporaryDirectory() as folder:
        document = os.path.join(folder, "openapi.json")
        with open(document, "w", encoding="utf-8") as file:
            json.dump(call("GET", "/openapi.json"), file)
        header = f"Authorization: Bearer {token}"
        known = schemathesis(document, examples, seed, "-H", header, "--exclude-path-regex", ENDING)
        ending = schemathesis(document, examples, seed, "--include-path-regex", ENDING)
    return int(known != 0 or ending != 0)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
