"""Every member of every operation that boto3's model has: missing, of another type, out of the model's own bounds; ids of
nothing. Each is refused by the daemon with the API's own exception, which names the member, and nothing has changed.

The calls are made by hand: boto3 itself refuses some of them before they're sent."""

import json
import os
import re
import urllib.error
import urllib.request

from aws import active, client, ready_backup
from samples import CALLS

INVALID, NOT_FOUND = "CloudHsmInvalidRequestException", "CloudHsmResourceNotFoundException"
WRONG = ["", " ", "x", "nonsense", "\u00e9", "0", "a b", "../../etc", "x" * 300, "cluster-", "\0"]
# What the model says in words only, and patterns that Python's `re` doesn't know.
IN_WORDS = {
    "BackupRetentionValue": ["6", "380", "0", "999", "-7", "90 "],
    "TagKey": ["a#", "\u0007", "aws:mine"],
    "TagValue": ["a#", "\u0007"],
    "HsmType": ["hsm3x.large", "HSM2M.MEDIUM"],
    "Cert": ["*", "-----BEGIN!"],
}

hsm = client()
count = 0


def call(operation, request):
    made = urllib.request.Request(
        os.environ["AWS_ENDPOINT_URL_CLOUDHSM_V2"],
        json.dumps(request).encode(),
        {"X-Amz-Target": f"BaldrApiService.{operation}", "Content-Type": "application/x-amz-json-1.1"},
    )
    try:
        with urllib.request.urlopen(made, timeout=20) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def refused(operation, request, names, kinds=(INVALID,)):
    """Asserts that a request is refused with a sentence that names one of these."""
    global count
    count += 1
    status, answer = call(operation, request)
    context = f"{operation} {json.dumps(request)[:300]}: {status} {json.dumps(answer)[:500]}"
    assert status == 400 and answer["__type"] in kinds, context
    assert any(name in answer["Message"] for name in names) and len(answer["Message"]) > 20, context


def of_other_types(shape):
    kinds = {"string": "text", "integer": 7, "boolean": True, "list": ["x"], "map": {"x": ["y"]}, "structure": {"x": "y"}}
    same = {"map": ("map", "structure"), "structure": ("map", "structure")}.get(shape.type_name, (shape.type_name,))
    return [value for kind, value in kinds.items() if kind not in same] + [1.5]


def out_of_bounds(shape, good):
    """Values that the model's constraints of a shape don't allow."""
    about = shape.metadata
    least, most = about.get("min"), about.get("max")
    if shape.type_name == "string":
        if shape.enum:
            return [value for value in WRONG if value not in shape.enum] + [shape.enum[0].lower()]
        bad = IN_WORDS.get(shape.name, [])
        pattern = about.get("pattern")
        if pattern and "\\p" not in pattern:
            bad = bad + [value for value in [*WRONG, f"{good} ", f"{good}\n", f"{good}!"] if not re.fullmatch(pattern, value)]
        if least:
            bad = bad + [""]
        return bad + (["A" * (most + 1)] if most else [])
    if shape.type_name == "integer":
        return [least - 1, -1, most + 1, 2**63, -(2**63), 2**64]
    if shape.type_name == "list":
        return ([[]] if least else []) + ([(good or ["x"])[:1] * (most + 1)] if most else [])
    if shape.type_name == "map":
        return [{"nonsense": ["x"]}, {f"n{number}": ["x"] for number in range(most + 1)}]
    return []


def places(shape, value, path=()):
    """Every place in a request, with its shape and what is there."""
    if shape.type_name == "structure":
        for name, member in shape.members.items():
            there = value.get(name)
            yield (*path, name), member, there, name in shape.required_members
            if there is not None:
                yield from places(member, there, (*path, name))
    elif shape.type_name == "list":
        yield (*path, 0), shape.member, value[0], False
        yield from places(shape.member, value[0], (*path, 0))
    elif shape.type_name == "map":
        for name in value:
            yield (*path, name), shape.value, value[name], False


def put(request, path, value, remove=False):
    request = json.loads(json.dumps(request))
    at = request
    for step in path[:-1]:
        at = at[step]
    if remove:
        del at[path[-1]]
    else:
        at[path[-1]] = value
    return request


def everything():
    clusters = hsm.describe_clusters()["Clusters"]
    tags = [hsm.list_tags(ResourceId=one["ClusterId"])["TagList"] for one in clusters]
    return clusters, tags, hsm.describe_backups()["Backups"]


cluster = active(hsm, TagList=[{"Key": "a", "Value": "b"}])
[one] = cluster["Hsms"]
backup = ready_backup(hsm, cluster["ClusterId"])
real = {
    "ClusterId": cluster["ClusterId"], "ResourceId": cluster["ClusterId"], "BackupId": backup["BackupId"],
    "ResourceArn": backup["BackupArn"], "SourceBackupId": backup["BackupArn"],
}
before = everything()

operations = {hsm.meta.method_to_api_mapping[name]: request for name, request in CALLS.items()}
assert set(operations) == set(hsm.meta.service_model.operation_names) and len(operations) == 18
for operation, request in operations.items():
    # With ids of what is there, so that one thing is wrong with a call, and would change something if it weren't refused.
    request = {**request, **{name: real[name] for name in request if name in real}}
    shape = hsm.meta.service_model.operation_model(operation).input_shape
    for path, member, good, is_required in places(shape, request):
        name = next(step for step in reversed(path) if isinstance(step, str))
        if is_required:
            refused(operation, put(request, path, None, remove=True), [name])
            refused(operation, put(request, path, None), [name])
        for value in of_other_types(member):
            refused(operation, put(request, path, value), [name])
        for value in out_of_bounds(member, good):
            if operation == "UntagResource" and value == "aws:mine":
                # There can't be one, and to take away what isn't there is no fault.
                continue
            kinds = (INVALID, "CloudHsmTagException") if member.name == "TagKey" else (INVALID,)
            refused(operation, put(request, path, value), [name, "aws:"], kinds)
    # Ids of nothing, by every way to name it.
    for name, nothing in {
        "ClusterId": "cluster-abcdefg2345", "BackupId": "backup-abcdefg2345", "ResourceId": "backup-abcdefg2345",
        "SourceBackupId": "backup-abcdefg2345", "ResourceArn": backup["BackupArn"][:-16] + "abcdefg2345abcde",
    }.items():
        if name in request:
            unknown = {**request, name: nothing}
            if operation == "DeleteHsm":
                unknown = {"ClusterId": nothing, "HsmId": one["HsmId"]}
            refused(operation, unknown, [nothing, "abcdefg2345"], (NOT_FOUND,))
for by in ({"HsmId": "hsm-abcdefg2345"}, {"EniId": "eni-0123456789abcdef0"}, {"EniIp": "127.255.255.254"}):
    refused("DeleteHsm", {"ClusterId": cluster["ClusterId"], **by}, by.values(), (NOT_FOUND,))
refused("CreateHsm", {"ClusterId": cluster["ClusterId"], "AvailabilityZone": "us-east-1f"}, ["us-east-1f"])
for address in ("256.0.0.1", "999.999.999.999", "01.2.3.4"):
    refused("CreateHsm", {"ClusterId": cluster["ClusterId"], "AvailabilityZone": "us-east-1a", "IpAddress": address}, [address])
for policy in ("{", "[]", "{}", "null", '{"Statement": 5}', "\0"):
    refused("PutResourcePolicy", {"ResourceArn": backup["BackupArn"], "Policy": policy}, ["olicy"])

assert everything() == before
assert count > 800, count
print(count, "requests were refused")
