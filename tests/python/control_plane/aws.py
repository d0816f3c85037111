"""What the programs share: clients, and what they must be refused."""

import os

import boto3
import botocore.model
from botocore.config import Config

if os.environ.get("PROTOCOL"):
    # botocore speaks both and prefers JSON.
    botocore.model.PRIORITY_ORDERED_SUPPORTED_PROTOCOLS = (os.environ["PROTOCOL"],)


def client(region="us-east-1", account=None):
    more = {"aws_access_key_id": account, "aws_secret_access_key": "unused"} if account else {}
    made = boto3.client("cloudhsmv2", region_name=region, config=Config(retries={"total_max_attempts": 1}), **more)
    asked = os.environ.get("PROTOCOL")
    assert not asked or made.meta.service_model.resolved_protocol == asked
    return made


def refused(error, part, call, **request):
    """Asserts that a call raises this exception of the client, and that its message says so."""
    try:
        call(**request)
    except error as raised:
        message = raised.response["Error"]["Message"]
        assert part in message, message
        return message
    raise AssertionError(f"{request} should have been refused")
