"""On what, and with which condition keys, EC2 calls are authorised.

Gap: MiniStack authorises RunInstances on the image alone, a call on several instances on the first one only,
a Describe call that names an instance on that instance, what is made not at all, its tags neither, and knows
none of `ec2:MetadataHttpTokens`, `ec2:Encrypted`, `ec2:ResourceTag/…` or the request tags of a
TagSpecification.

AWS ("Actions, resources, and condition keys for Amazon EC2"): RunInstances needs permission on the instance,
image, network interface, security group, subnet, volume and key pair; a call on several instances on each of
them; most Describe calls have no resource (`*`); what a call makes is `volume/*` and the like. "Grant
permission to tag Amazon EC2 resources during creation": `ec2:CreateTags` with `ec2:CreateAction`, for each
kind of resource.
"""

from dataclasses import dataclass, field
from typing import Any

from rehearsal.emulator import action_table
from rehearsal.emulator.upstream import Parameters, account_id, ec2, members, parameter

# Parameters that name a resource, alone or numbered. Source: the API reference of the calls.
_NAMED = {
    "AllocationId": "elastic-ip",
    "CustomerGatewayId": "customer-gateway",
    "DhcpOptionsId": "dhcp-options",
    "EgressOnlyInternetGatewayId": "egress-only-internet-gateway",
    "GroupId": "security-group",
    "ImageId": "image",
    "InternetGatewayId": "internet-gateway",
    "KeyName": "key-pair",
    "LaunchTemplateId": "launch-template",
    "NatGatewayId": "natgateway",
    "NetworkAclId": "network-acl",
    "NetworkInterfaceId": "network-interface",
    "PrefixListId": "prefix-list",
    "RouteTableId": "route-table",
    "SecurityGroupId": "security-group",
    "SnapshotId": "snapshot",
    "SubnetId": "subnet",
    "VolumeId": "volume",
    "VpcEndpointId": "vpc-endpoint",
    "VpcId": "vpc",
    "VpcPeeringConnectionId": "vpc-peering-connection",
    "VpnConnectionId": "vpn-connection",
    "VpnGatewayId": "vpn-gateway",
}
_KIND_OF_ID = {
    "acl": "network-acl",
    "ami": "image",
    "eipalloc": "elastic-ip",
    "eni": "network-interface",
    "i": "instance",
    "igw": "internet-gateway",
    "key": "key-pair",
    "lt": "launch-template",
    "nat": "natgateway",
    "pcx": "vpc-peering-connection",
    "pl": "prefix-list",
    "rtb": "route-table",
    "sg": "security-group",
    "snap": "snapshot",
    "subnet": "subnet",
    "vol": "volume",
    "vpc": "vpc",
    "vpce": "vpc-endpoint",
}
# The ARNs of these have no account.
_OF_NO_ACCOUNT = frozenset({"image", "snapshot"})
_MAKES = ("Allocate", "Copy", "Create", "Import")


@dataclass(frozen=True)
class Check:
    action: str
    resource: str
    keys: dict[str, Any] = field(default_factory=dict)


def _arn(region: str, kind: str, identifier: str, *, owned: bool = True) -> str:
    return f"arn:aws:ec2:{region}:{account_id() if owned else ''}:{kind}/{identifier}"


def request_tags(parameters: Parameters, kind: str) -> dict[str, Any]:
    """`aws:RequestTag/…` and `aws:TagKeys` of the tags that the call gives to resources of a kind."""
    keys: dict[str, Any] = {}
    names: list[str] = []
    specification = 1
    while resource_type := parameter(parameters, f"TagSpecification.{specification}.ResourceType"):
        tag = 1
        while name := parameter(parameters, f"TagSpecification.{specification}.Tag.{tag}.Key"):
            if resource_type == kind:
                keys[f"aws:RequestTag/{name}"] = parameter(
                    parameters, f"TagSpecification.{specification}.Tag.{tag}.Value"
                )
                names.append(name)
            tag += 1
        specification += 1
    return keys | ({"aws:TagKeys": names} if names else {})


def resource_tags(identifier: str) -> dict[str, Any]:
    tags = ec2._tags.get(identifier) or []
    return {f"{prefix}:ResourceTag/{tag['Key']}": tag["Value"] for tag in tags for prefix in ("ec2", "aws")}


def _tagging(action: str, parameters: Parameters, region: str) -> list[Check]:
    """The permission to tag what the call makes, once for each kind that it gives tags to."""
    checks, number = [], 1
    while kind := parameter(parameters, f"TagSpecification.{number}.ResourceType"):
        tags = request_tags(parameters, kind)
        if tags:
            keys = {"ec2:CreateAction": action.split(":", 1)[1]} | tags
            checks.append(
                Check("ec2:CreateTags", _arn(region, kind, "*", owned=kind not in _OF_NO_ACCOUNT), keys)
            )
        number += 1
    return checks


def _root_volume_keys(parameters: Parameters) -> dict[str, Any]:
    encrypted = parameter(parameters, "BlockDeviceMapping.1.Ebs.Encrypted") or "false"
    return {"ec2:Encrypted": encrypted} | request_tags(parameters, "volume")


def _run_instances(parameters: Parameters, region: str) -> list[Check]:
    action = "ec2:RunInstances"
    interface = "NetworkInterface.1."
    subnet = parameter(parameters, "SubnetId") or parameter(parameters, f"{interface}SubnetId")
    groups = members(parameters, "SecurityGroupId") or members(parameters, f"{interface}SecurityGroupId")
    instance_keys = {
        "ec2:MetadataHttpTokens": parameter(parameters, "MetadataOptions.HttpTokens") or "optional",
        "ec2:InstanceType": parameter(parameters, "InstanceType"),
    } | request_tags(parameters, "instance")
    hop_limit = parameter(parameters, "MetadataOptions.HttpPutResponseHopLimit")
    if hop_limit:
        instance_keys["ec2:MetadataHttpPutResponseHopLimit"] = hop_limit
    checks = [
        Check(action, _arn(region, "instance", "*"), instance_keys),
        Check(action, _arn(region, "image", parameter(parameters, "ImageId"), owned=False)),
        Check(action, _arn(region, "subnet", subnet or ec2._DEFAULT_SUBNET_ID)),
        Check(
            action,
            _arn(region, "network-interface", "*"),
            {
                "ec2:AssociatePublicIpAddress": parameter(parameters, f"{interface}AssociatePublicIpAddress")
                or "true"
            },
        ),
        Check(action, _arn(region, "volume", "*"), _root_volume_keys(parameters)),
    ]
    checks += [
        Check(action, _arn(region, "security-group", group)) for group in groups or [ec2._DEFAULT_SG_ID]
    ]
    if parameter(parameters, "KeyName"):
        checks.append(Check(action, _arn(region, "key-pair", parameter(parameters, "KeyName"))))
    return checks + _tagging(action, parameters, region)


def _instance_ids(parameters: Parameters) -> list[str]:
    association = ec2._iam_instance_profile_associations.get(parameter(parameters, "AssociationId")) or {}
    named = [association.get("InstanceId"), parameter(parameters, "InstanceId")]
    return [*members(parameters, "InstanceId"), *(str(identifier) for identifier in named if identifier)]


def checks(action: str, resource: str, parameters: Parameters, region: str) -> list[Check]:
    """Every permission the EC2 call needs, the call's own first."""
    name = action.split(":", 1)[1]
    if name == "RunInstances":
        return _run_instances(parameters, region)
    if name in ("CreateTags", "DeleteTags"):
        tags = _tags_of_create_tags(parameters)
        return [
            _on_one(action, region, _KIND_OF_ID.get(identifier.rsplit("-", 1)[0], ""), identifier, tags)
            for identifier in members(parameters, "ResourceId")
        ]
    named = [("instance", identifier) for identifier in _instance_ids(parameters)]
    for name, kind in _NAMED.items():
        one = parameter(parameters, name)
        named += [(kind, identifier) for identifier in [*members(parameters, name), *([one] if one else [])]]
    types, tags = action_table.types(action), _tags_given(parameters)
    found = [_on_one(action, region, kind, identifier, tags) for kind, identifier in named if kind in types]
    missing = [kind for kind, required in types.items() if required and kind not in dict(named)]
    if action.split(":", 1)[1].startswith(_MAKES):
        found += [
            Check(
                action,
                _arn(region, kind, "*", owned=kind not in _OF_NO_ACCOUNT),
                request_tags(parameters, kind) | (_volume_keys(parameters) if kind == "volume" else {}),
            )
            for kind in missing
        ]
        missing = []
    if missing or not found:
        found.append(Check(action, resource, tags))
    return found + _tagging(action, parameters, region)


def _on_one(action: str, region: str, kind: str, identifier: str, tags: dict[str, Any]) -> Check:
    arn = _arn(region, kind, identifier, owned=kind not in _OF_NO_ACCOUNT)
    return Check(action, arn, tags | resource_tags(identifier))


def _volume_keys(parameters: Parameters) -> dict[str, Any]:
    given = {
        "ec2:Encrypted": parameter(parameters, "Encrypted").lower() or "false",
        "ec2:KmsKeyId": parameter(parameters, "KmsKeyId"),
        "ec2:VolumeSize": parameter(parameters, "Size"),
        "ec2:VolumeType": parameter(parameters, "VolumeType") or "gp2",
    }
    return {name: value for name, value in given.items() if value}


def _tags_given(parameters: Parameters) -> dict[str, Any]:
    """The tags of the call, for any kind of resource."""
    number, keys = 1, _tags_of_create_tags(parameters)
    while kind := parameter(parameters, f"TagSpecification.{number}.ResourceType"):
        keys |= request_tags(parameters, kind)
        number += 1
    return keys


def _tags_of_create_tags(parameters: Parameters) -> dict[str, Any]:
    names: list[str] = []
    keys: dict[str, Any] = {}
    while name := parameter(parameters, f"Tag.{len(names) + 1}.Key"):
        keys[f"aws:RequestTag/{name}"] = parameter(parameters, f"Tag.{len(names) + 1}.Value")
        names.append(name)
    return keys | ({"aws:TagKeys": names} if names else {})
