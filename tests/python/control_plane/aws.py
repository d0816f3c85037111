"""What the programs share: clients, waiting, certificates by OpenSSL, and a cluster that's in use."""

import os
import subprocess
import time

import boto3
import botocore.model
from botocore.config import Config

SUBNETS = ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"]

if os.environ.get("PROTOCOL"):
    # botocore speaks both and prefers JSON.
    botocore.model.PRIORITY_ORDERED_SUPPORTED_PROTOCOLS = (os.environ["PROTOCOL"],)


def client(region="us-east-1", account=None):
    more = {"aws_access_key_id": account, "aws_secret_access_key": "unused"} if account else {}
    made = boto3.client("cloudhsmv2", region_name=region, config=Config(retries={"total_max_attempts": 1}), **more)
    asked = os.environ.get("PROTOCOL")
    assert not asked or made.meta.service_model.resolved_protocol == asked
    return made


def until(what, check, seconds=25):
    """Polls as scripts do, since the API has no waiters."""
    end = time.monotonic() + seconds
    while True:
        found = check()
        if found:
            return found
        assert time.monotonic() < end, f"{what} didn't come about in {seconds} seconds"
        time.sleep(0.05)


def cluster(hsm, name):
    [found] = hsm.describe_clusters(Filters={"clusterIds": [name]})["Clusters"]
    return found


def until_state(hsm, name, state):
    return until(f"{name} {state}", lambda: (found := cluster(hsm, name))["State"] == state and found)


def until_hsms(hsm, name, count):
    def there():
        found = cluster(hsm, name)
        states = [one["State"] for one in found["Hsms"]]
        return states == ["ACTIVE"] * count and found

    return until(f"{count} HSMs", there)


def openssl(*arguments):
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


def read(path):
    with open(path, encoding="ascii") as file:
        return file.read()


def write(path, text):
    with open(path, "w", encoding="ascii") as file:
        file.write(text)


def sign(csr, name="customer", days="365", digest="-sha256"):
    """The customer's part, as the vendor's guide has it: a CA of one's own signs the cluster's request."""
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.crt",
            "-days", days, digest, "-subj", f"/CN={name}")
    write(f"{name}.csr", csr)
    openssl("x509", "-req", "-in", f"{name}.csr", "-CA", f"{name}.crt", "-CAkey", f"{name}.key", "-CAcreateserial",
            "-days", days, digest, "-out", f"{name}-cluster.crt")
    return read(f"{name}-cluster.crt"), read(f"{name}.crt")


def uninitialized(hsm, **more):
    """A cluster with one HSM that waits for its certificates."""
    made = hsm.create_cluster(HsmType="hsm2m.medium", SubnetIds=SUBNETS, Mode="NON_FIPS", **more)["Cluster"]
    name = made["ClusterId"]
    found = until_state(hsm, name, "UNINITIALIZED")
    hsm.create_hsm(ClusterId=name, AvailabilityZone=sorted(found["SubnetMapping"])[0])
    return until_hsms(hsm, name, 1)


def strongroom(*arguments):
    subprocess.run([os.environ["STRONGROOM"], *arguments], check=True, capture_output=True)


def activate(name):
    strongroom("cluster", "activate", "--cluster", name, "--password", "officers-password")


def active(hsm, **more):
    """A cluster in use, with one HSM."""
    found = uninitialized(hsm, **more)
    name = found["ClusterId"]
    signed, anchor = sign(found["Certificates"]["ClusterCsr"])
    hsm.initialize_cluster(ClusterId=name, SignedCert=signed, TrustAnchor=anchor)
    until_state(hsm, name, "INITIALIZED")
    activate(name)
    return until_state(hsm, name, "ACTIVE")


def backups_of(hsm, name, **more):
    return hsm.describe_backups(Filters={"clusterIds": [name]}, **more)["Backups"]


def ready_backup(hsm, name):
    return until("a backup", lambda: next((one for one in backups_of(hsm, name) if one["BackupState"] == "READY"), None))


def refused(error, part, call, **request):
    """Asserts that a call raises this exception of the client, and that its message says so."""
    try:
        call(**request)
    except error as raised:
        message = raised.response["Error"]["Message"]
        assert part in message, message
        return message
    raise AssertionError(f"{request} should have been refused")
