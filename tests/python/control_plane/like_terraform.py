"""The calls that Terraform's provider makes for its resources of clusters and HSMs, in its order, with what it takes for an
error: any state while it waits that is neither the one it comes from nor the one it waits for, and any attribute that is
another the next time it looks."""

from aws import SUBNETS, activate, client, sign, until

PENDING = ("CREATE_IN_PROGRESS", "INITIALIZE_IN_PROGRESS")


class Missing(Exception):
    """What was looked for isn't there: the resource goes from Terraform's state."""


class Provider:
    def __init__(self, hsm):
        self.hsm = hsm
        self.missing = hsm.exceptions.CloudHsmResourceNotFoundException

    def clusters(self, **more):
        pages = self.hsm.get_paginator("describe_clusters").paginate(**more)
        return [one for page in pages for one in page["Clusters"]]

    def find_cluster(self, name):
        found = self.clusters(Filters={"clusterIds": [name]})
        if not found or found[0]["State"] == "DELETED":
            raise Missing
        [one] = found
        assert one["ClusterId"] == name
        return one

    def find_hsm(self, name, interface=""):
        """By either id: an HSM that was replaced has another of its own, and its interface's. Nor may any lack one: it would be
        taken for every HSM that is looked for without."""
        for one in self.clusters():
            for hsm in one["Hsms"]:
                if hsm["HsmId"] == name or hsm.get("EniId", "") == interface:
                    return hsm
        raise Missing

    @staticmethod
    def wait(what, find, pending, target):
        """`target` is None for what is to be gone."""
        seen = []

        def there():
            try:
                found = find()
            except Missing:
                assert target is None, f"{what} is gone"
                return True
            seen.append(found["State"])
            if found["State"] == target:
                return True
            assert found["State"] in pending, f"{what}: unexpected state {found['State']}"
            return False

        until(what, there)
        return seen

    def create_cluster(self, tags, source=None, mode=None):
        request = {"HsmType": "hsm2m.medium", "SubnetIds": SUBNETS}
        request |= {"TagList": [{"Key": key, "Value": value} for key, value in tags.items()]} if tags else {}
        request |= {"Mode": mode} if mode else {}
        request |= {"SourceBackupId": source} if source else {}
        name = self.hsm.create_cluster(**request)["Cluster"]["ClusterId"]
        target = "ACTIVE" if source else "UNINITIALIZED"
        seen = self.wait(f"{name} {target}", lambda: self.find_cluster(name), PENDING, target)
        assert "CREATE_IN_PROGRESS" in seen, "the test's states take their time"
        return name

    def read_cluster(self, name):
        one = self.find_cluster(name)
        papers, shown = one.get("Certificates", {}), {}
        if one["State"] == "UNINITIALIZED":
            shown = {key: papers.get(key, "") for key in (
                "ClusterCsr", "AwsHardwareCertificate", "HsmCertificate", "ManufacturerHardwareCertificate")}
        elif one["State"] == "ACTIVE":
            shown = {"ClusterCertificate": papers["ClusterCertificate"]}
        return {
            "cluster_certificates": shown, "cluster_state": one["State"], "hsm_type": one["HsmType"], "mode": one["Mode"],
            "security_group_id": one["SecurityGroup"], "source_backup_identifier": one.get("SourceBackupId"),
            "subnet_ids": set(one["SubnetMapping"].values()), "vpc_id": one["VpcId"],
            "tags": {tag["Key"]: tag["Value"] for tag in one.get("TagList", [])},
        }

    def update_tags(self, name, old, new):
        removed = [key for key in old if key not in new]
        if removed:
            self.hsm.untag_resource(ResourceId=name, TagKeyList=removed)
        updated = [{"Key": key, "Value": value} for key, value in new.items() if old.get(key) != value]
        if updated:
            self.hsm.tag_resource(ResourceId=name, TagList=updated)

    def list_tags(self, name):
        pages = self.hsm.get_paginator("list_tags").paginate(ResourceId=name)
        return {tag["Key"]: tag["Value"] for page in pages for tag in page["TagList"]}

    def delete_cluster(self, name):
        try:
            self.hsm.delete_cluster(ClusterId=name)
        except self.missing:
            return
        self.wait(f"the end of {name}", lambda: self.find_cluster(name), ("DELETE_IN_PROGRESS",), None)

    def create_hsm(self, cluster, subnet=None, zone=None, address=None):
        if subnet:
            [zone] = [zone for zone, of in self.find_cluster(cluster)["SubnetMapping"].items() if of == subnet]
        more = {"IpAddress": address} if address else {}
        name = self.hsm.create_hsm(ClusterId=cluster, AvailabilityZone=zone, **more)["Hsm"]["HsmId"]
        self.wait(f"{name} ACTIVE", lambda: self.find_hsm(name), ("CREATE_IN_PROGRESS",), "ACTIVE")
        return name

    def read_hsm(self, name, interface=""):
        one = self.find_hsm(name, interface)
        return {
            "availability_zone": one["AvailabilityZone"], "cluster_id": one["ClusterId"], "hsm_eni_id": one["EniId"],
            "hsm_id": one["HsmId"], "hsm_state": one["State"], "ip_address": one["EniIp"], "subnet_id": one["SubnetId"],
        }

    def delete_hsm(self, cluster, name):
        try:
            self.hsm.delete_hsm(ClusterId=cluster, HsmId=name)
        except self.missing:
            return
        self.wait(f"the end of {name}", lambda: self.find_hsm(name), ("DELETE_IN_PROGRESS",), None)


def gone(find, *arguments):
    try:
        find(*arguments)
    except Missing:
        return
    raise AssertionError(f"{arguments} is still there")


hsm = client()
provider = Provider(hsm)

# apply
name = provider.create_cluster({"stage": "test", "team": "a"}, mode="NON_FIPS")
cluster = provider.read_cluster(name)
assert cluster["tags"] == {"stage": "test", "team": "a"} and cluster["subnet_ids"] == set(SUBNETS)
assert cluster["source_backup_identifier"] is None and cluster["mode"] == "NON_FIPS"
first = provider.create_hsm(name, subnet=SUBNETS[1])
one = provider.read_hsm(first)
assert one["subnet_id"] == SUBNETS[1] and one["cluster_id"] == name and one["hsm_id"] == first

# plan: nothing has changed but what the first HSM brought
again = provider.read_cluster(name)
assert all(again["cluster_certificates"].values()) and len(again["cluster_certificates"]) == 4
assert {**again, "cluster_certificates": {}} == {**cluster, "cluster_certificates": {}}
assert provider.read_cluster(name) == again and provider.read_hsm(first) == one

# What Terraform leaves to others: certificates and the first officer.
signed, anchor = sign(again["cluster_certificates"]["ClusterCsr"])
hsm.initialize_cluster(ClusterId=name, SignedCert=signed, TrustAnchor=anchor)
until("the certificate", lambda: provider.find_cluster(name)["State"] == "INITIALIZED")
activate(name)
until("activation", lambda: provider.find_cluster(name)["State"] == "ACTIVE")

# refresh, and apply with other tags and a second HSM
now = provider.read_cluster(name)
assert now["cluster_certificates"]["ClusterCertificate"].strip() == signed.strip()
wanted = {"stage": "production", "owner": "b"}
provider.update_tags(name, now["tags"], wanted)
assert provider.read_cluster(name)["tags"] == wanted == provider.list_tags(name)
second = provider.create_hsm(name, zone=one["availability_zone"])
assert provider.read_hsm(first) == one

# import: there is an id and nothing else
assert provider.read_cluster(name) == {**now, "tags": wanted}
two = provider.read_hsm(second)
assert two["hsm_id"] == second and two["hsm_eni_id"] != one["hsm_eni_id"]

# A replaced HSM is found by its interface, if its address was kept.
assert provider.read_hsm("hsm-abcdefg2345", two["hsm_eni_id"]) == two

# Another by a backup: ACTIVE without an HSM.
[backup, *_] = hsm.describe_backups(Filters={"clusterIds": [name], "states": ["READY"]}, SortAscending=True)["Backups"]
clone = provider.create_cluster({}, source=backup["BackupId"])
assert provider.read_cluster(clone)["source_backup_identifier"] == backup["BackupId"]
assert provider.read_cluster(clone)["tags"] == {}

# destroy, and once more by who hasn't heard of it
for cluster_id, hsms in ((name, (second, first)), (clone, ())):
    for each in hsms:
        provider.delete_hsm(cluster_id, each)
        gone(provider.read_hsm, each)
        provider.delete_hsm(cluster_id, each)
    provider.delete_cluster(cluster_id)
    gone(provider.read_cluster, cluster_id)
    provider.delete_cluster(cluster_id)
assert provider.clusters() == []
