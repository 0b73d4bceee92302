"""Print the credentials and the region that botocore finds, as the SAM CLI does:
environment, profiles, single sign-on, a role that a workflow assumes.

    credentials.py      {"access_key", "secret_key", "token", "region"}
"""

import json
import sys

from botocore.exceptions import BotoCoreError
from botocore.session import get_session


def main() -> None:
    session = get_session()
    try:
        found = session.get_credentials()
        frozen = found.get_frozen_credentials() if found else None
    except BotoCoreError as error:
        sys.exit(f"AWS: {error}")
    if frozen is None:
        sys.exit("AWS: no credentials in the environment, in a profile or from a role")
    said = {"access_key": frozen.access_key, "secret_key": frozen.secret_key, "token": frozen.token}
    json.dump({**said, "region": session.get_config_variable("region")}, sys.stdout)


if __name__ == "__main__":
    main()
