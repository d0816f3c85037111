"""Has the API refuse by each exception that the arguments name, and looks what becomes of it."""

import sys

from aws import client, refused

hsm = client()
for name in sys.argv[1:]:
    tags = [{"Key": name, "Value": ""}]
    refused(getattr(hsm.exceptions, name), f"Refused as {name}.", hsm.tag_resource, ResourceId="cluster-abcdefg2345", TagList=tags)
