"""Calls every operation with every member, and pages through every list; what's behind the API answers with all it has."""

from datetime import datetime, timezone

from aws import client
from samples import CALLS, CLUSTER


def members(hsm, operation, side):
    """The members that the client's own model of the operation has."""
    name = hsm.meta.method_to_api_mapping[operation]
    shape = getattr(hsm.meta.service_model.operation_model(name), side)
    return set(shape.members) if shape else set()


def complete(shape, value, path):
    """Asserts that an answer has every member of the client's model."""
    if shape.type_name == "structure":
        for name, member in shape.members.items():
            assert name in value, f"{path} lacks {name}"
            complete(member, value[name], f"{path}.{name}")
    elif shape.type_name == "list":
        complete(shape.member, value[0], f"{path}[0]")
    elif shape.type_name == "timestamp":
        assert isinstance(value, datetime) and value.tzinfo is not None, f"{path} is {value!r}"


hsm = client()
assert set(CALLS) == {name for name in hsm.meta.method_to_api_mapping}, "all operations that the client knows"
for operation, request in CALLS.items():
    assert members(hsm, operation, "input_shape") - set(request) <= {"NextToken"}, operation
    answer = getattr(hsm, operation)(**request)
    assert len(answer["ResponseMetadata"]["RequestId"]) == 36
    # There's no token after the last page, and no policy is an empty answer.
    optional = {"NextToken", "Policy"} if operation != "put_resource_policy" else {"NextToken"}
    shape = hsm.meta.service_model.operation_model(hsm.meta.method_to_api_mapping[operation]).output_shape
    for name, member in shape.members.items() if shape else ():
        if name in answer or name not in optional:
            complete(member, answer[name], f"{operation}.{name}")

cluster = hsm.describe_clusters(MaxResults=1)["Clusters"][0]
assert cluster["CreateTimestamp"] == datetime(2026, 11, 22, 3, 40, 59, tzinfo=timezone.utc)
assert cluster["HsmTypeRollbackExpiration"].microsecond == 250_000

for operation, items, request in [
    ("describe_clusters", "Clusters", {}),
    ("describe_backups", "Backups", {}),
    ("list_tags", "TagList", {"ResourceId": CLUSTER}),
]:
    found = list(hsm.get_paginator(operation).paginate(PaginationConfig={"PageSize": 3}, **request))
    assert [len(page[items]) for page in found] == [3, 3, 1], operation
    assert "NextToken" not in found[-1]
