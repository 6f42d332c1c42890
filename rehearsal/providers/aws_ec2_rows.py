"""The row of EC2: an instance with its root volume."""

from typing import Any

from rehearsal.providers.rows import (
    ID,
    ITEM,
    Call,
    Field,
    GoneError,
    ListOf,
    Literal,
    Made,
    Read,
    Row,
    Sweep,
    Switch,
    Tags,
    Taken,
    Wait,
)
from rehearsal.providers.shapes import property_case, wire_case
from rehearsal.providers.values import Properties

_METADATA_FIELDS = {
    "HttpTokens": "httpTokens",
    "HttpEndpoint": "httpEndpoint",
    "HttpPutResponseHopLimit": "httpPutResponseHopLimit",
    "HttpProtocolIpv6": "httpProtocolIpv6",
    "InstanceMetadataTags": "instanceMetadataTags",
}
_ROOT_VOLUME_FIELDS = (
    "volumeSize",
    "volumeType",
    "encrypted",
    "kmsKeyId",
    "iops",
    "throughput",
    "deleteOnTermination",
)


def _root_volume(properties: Properties, api: Any, id: str) -> Any:
    wanted = properties.get("rootBlockDevice")
    if not wanted:
        return None
    image = api.call("ec2.describe_images", {"ImageIds": [properties["ami"]]})["Images"]
    device = (image[0].get("RootDeviceName") if image else None) or "/dev/sda1"
    settings = {name: value for name, value in wanted.items() if name in _ROOT_VOLUME_FIELDS}
    return [{"DeviceName": device, "Ebs": wire_case(settings)}]


def _volume_tags_at_launch(properties: Properties, api: Any, id: str) -> Any:
    tags = properties.get("volumeTags")
    if not tags:
        return None
    return [{"ResourceType": "volume", "Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}]


def _network_interface(properties: Properties, api: Any, id: str) -> Any:
    """With a say on the public address, EC2 takes subnet and groups on the interface only."""
    if properties.get("associatePublicIpAddress") is None:
        return None
    interface = {
        "DeviceIndex": 0,
        "AssociatePublicIpAddress": properties["associatePublicIpAddress"],
        "SubnetId": properties.get("subnetId"),
        "Groups": properties.get("vpcSecurityGroupIds"),
    }
    return [{name: value for name, value in interface.items() if value is not None}]


def _without_interface(name: str) -> Made:
    def make(properties: Properties, api: Any, id: str) -> Any:
        return properties.get(name) if properties.get("associatePublicIpAddress") is None else None

    return Made((name, "associatePublicIpAddress"), make)


def _of_metadata_options(name: str) -> Made:
    return Made(
        ("metadataOptions",), lambda properties, api, id: (properties.get("metadataOptions") or {}).get(name)
    )


def _volumes(properties: Properties, api: Any, id: str) -> list[str]:
    attached = [{"Name": "attachment.instance-id", "Values": [id]}]
    return [
        volume["VolumeId"] for volume in api.call("ec2.describe_volumes", {"Filters": attached})["Volumes"]
    ]


def _state_unless_terminated(value: Any, known: Properties, api: Any) -> Any:
    # EC2 goes on describing a terminated instance for about an hour.
    if value in ("shutting-down", "terminated"):
        raise GoneError("the instance is terminated")
    return value


def _root_volume_id(instance: Any, known: Properties, api: Any) -> Any:
    mappings = {mapping["DeviceName"]: mapping for mapping in instance.get("BlockDeviceMappings", [])}
    return mappings.get(instance.get("RootDeviceName"), {}).get("Ebs", {}).get("VolumeId")


def _root_block_device(volume: Any, known: Properties, api: Any) -> Any:
    if not volume:
        return None
    attachment = (volume.get("Attachments") or [{}])[0]
    return {
        "volumeId": volume["VolumeId"],
        "volumeSize": volume.get("Size"),
        "volumeType": volume.get("VolumeType"),
        "encrypted": volume.get("Encrypted"),
        "kmsKeyId": volume.get("KmsKeyId"),
        "iops": volume.get("Iops"),
        "throughput": volume.get("Throughput"),
        "deleteOnTermination": attachment.get("DeleteOnTermination"),
        "deviceName": attachment.get("Device"),
    }


def _profile_name(value: Any, known: Properties, api: Any) -> Any:
    return value.rsplit("/", 1)[-1] if value else None


def _instance_arn(instance: Any, known: Properties, api: Any) -> str:
    return f"arn:{api.partition}:ec2:{api.region}:{api.account_id}:instance/{instance['InstanceId']}"


_EC2_TAGS = Tags(
    live=Call("ec2.describe_tags", {"Filters": Made((), lambda properties, api, id: _tags_of(id))}, "Tags"),
    tag=Call("ec2.create_tags", {"Resources": ListOf(ID), "Tags": ITEM}),
    untag=Call(
        "ec2.delete_tags",
        {"Resources": ListOf(ID), "Tags": ITEM},
    ),
    keys_as_tags=True,
)


def _tags_of(id: str) -> list[dict[str, Any]]:
    return [{"Name": "resource-id", "Values": [id]}]


_INSTANCE = Row(
    type="aws:ec2/instance:Instance",
    source="internal/service/ec2/ec2_instance.go",
    replaces=frozenset(
        {"ami", "associatePublicIpAddress", "ebsOptimized", "keyName", "rootBlockDevice", "subnetId"}
    ),
    sent_with={"associatePublicIpAddress": "subnetId"},
    unlike={
        "rootBlockDevice": "only encrypted and kmsKeyId replace; the others change in place (ModifyVolume)",
        "vpcSecurityGroupIds": "changed on the primary network interface (ModifyNetworkInterfaceAttribute)",
    },
    id="{InstanceId}",
    computed=frozenset(
        {
            "subnetId",
            "vpcSecurityGroupIds",
            "keyName",
            "metadataOptions",
            "rootBlockDevice",
            "monitoring",
            "associatePublicIpAddress",
            "volumeTags",
            "ebsOptimized",
        }
    ),
    refused={
        name: (
            f"the fake provider has no row for {name}: an emulated instance does not boot, nothing "
            "would run it"
        )
        for name in ("userData", "userDataBase64")
    },
    create=(
        Call(
            "ec2.run_instances",
            {
                "ImageId": "ami",
                "InstanceType": "instanceType",
                "SubnetId": _without_interface("subnetId"),
                "SecurityGroupIds": _without_interface("vpcSecurityGroupIds"),
                "NetworkInterfaces": Made(
                    ("associatePublicIpAddress", "subnetId", "vpcSecurityGroupIds"), _network_interface
                ),
                "KeyName": "keyName",
                "EbsOptimized": "ebsOptimized",
                "IamInstanceProfile": Made(
                    ("iamInstanceProfile",),
                    lambda properties, api, id: (
                        {"Name": properties["iamInstanceProfile"]}
                        if properties.get("iamInstanceProfile")
                        else None
                    ),
                ),
                "MetadataOptions": Made(
                    ("metadataOptions",),
                    lambda properties, api, id: wire_case(properties.get("metadataOptions")),
                ),
                "Monitoring": Made(
                    ("monitoring",),
                    lambda properties, api, id: (
                        {"Enabled": properties["monitoring"]} if "monitoring" in properties else None
                    ),
                ),
                "BlockDeviceMappings": Made(("rootBlockDevice", "ami"), _root_volume),
                "TagSpecifications": Made(("volumeTags",), _volume_tags_at_launch),
                "MinCount": Literal(1),
                "MaxCount": Literal(1),
            },
            "Instances.0",
        ),
        Wait("ec2.instance_running", {"InstanceIds": ListOf(ID)}),
    ),
    reads=(
        Read(
            Call("ec2.describe_instances", {"InstanceIds": ListOf(ID)}, "Reservations.0.Instances.0"),
            {
                "instanceState": Taken("State.Name", _state_unless_terminated),
                "arn": Taken("", _instance_arn),
                "ami": "ImageId",
                "instanceType": "InstanceType",
                "subnetId": "SubnetId",
                "vpcSecurityGroupIds": Taken(
                    "SecurityGroups", lambda groups, known, api: [group["GroupId"] for group in groups or []]
                ),
                "keyName": "KeyName",
                "ebsOptimized": "EbsOptimized",
                "iamInstanceProfile": Taken("IamInstanceProfile.Arn", _profile_name),
                "metadataOptions": Taken("MetadataOptions", property_case),
                "monitoring": Taken(
                    "Monitoring.State",
                    lambda state, known, api: None if state is None else state == "enabled",
                ),
                "associatePublicIpAddress": Taken(
                    "PublicIpAddress", lambda address, known, api: bool(address)
                ),
                "privateIp": "PrivateIpAddress",
                "privateDns": "PrivateDnsName",
                "publicIp": "PublicIpAddress",
                "publicDns": "PublicDnsName",
                "availabilityZone": "Placement.AvailabilityZone",
                "_rootVolume": Taken("", _root_volume_id),
            },
        ),
        Read(
            Call(
                "ec2.describe_volumes", {"VolumeIds": ListOf("_rootVolume")}, "Volumes.0", needs="_rootVolume"
            ),
            {"rootBlockDevice": Taken("", _root_block_device)},
        ),
    ),
    update={
        "instanceType": (
            Call("ec2.stop_instances", {"InstanceIds": ListOf(ID)}),
            Wait("ec2.instance_stopped", {"InstanceIds": ListOf(ID)}),
            Call(
                "ec2.modify_instance_attribute",
                {
                    "InstanceId": ID,
                    "InstanceType": Made(
                        ("instanceType",), lambda properties, api, id: {"Value": properties["instanceType"]}
                    ),
                },
            ),
            Call("ec2.start_instances", {"InstanceIds": ListOf(ID)}),
            Wait("ec2.instance_running", {"InstanceIds": ListOf(ID)}),
        ),
        "vpcSecurityGroupIds": (
            Call("ec2.modify_instance_attribute", {"InstanceId": ID, "Groups": "vpcSecurityGroupIds"}),
        ),
        "metadataOptions": (
            Call(
                "ec2.modify_instance_metadata_options",
                {
                    "InstanceId": ID,
                    **{wire: _of_metadata_options(name) for wire, name in _METADATA_FIELDS.items()},
                },
            ),
        ),
        "monitoring": (
            Switch(
                "monitoring",
                then=Call("ec2.monitor_instances", {"InstanceIds": ListOf(ID)}),
                otherwise=Call("ec2.unmonitor_instances", {"InstanceIds": ListOf(ID)}),
            ),
        ),
        "iamInstanceProfile": (
            Sweep(
                Call(
                    "ec2.describe_iam_instance_profile_associations",
                    {
                        "Filters": Made(
                            (),
                            lambda properties, api, id: [
                                {"Name": "instance-id", "Values": [id]},
                                {"Name": "state", "Values": ["associated"]},
                            ],
                        )
                    },
                    "IamInstanceProfileAssociations",
                ),
                (Call("ec2.disassociate_iam_instance_profile", {"AssociationId": Field("AssociationId")}),),
            ),
            Call(
                "ec2.associate_iam_instance_profile",
                {
                    "InstanceId": ID,
                    "IamInstanceProfile": Made(
                        ("iamInstanceProfile",),
                        lambda properties, api, id: {"Name": properties["iamInstanceProfile"]},
                    ),
                },
                needs="iamInstanceProfile",
            ),
        ),
    },
    tags=(
        _EC2_TAGS,
        Tags(
            property="volumeTags",
            live=Call(
                "ec2.describe_volumes",
                {
                    "Filters": Made(
                        (), lambda properties, api, id: [{"Name": "attachment.instance-id", "Values": [id]}]
                    )
                },
                "Volumes.0.Tags",
            ),
            tag=Call("ec2.create_tags", {"Resources": Made((), _volumes), "Tags": ITEM}),
            untag=Call("ec2.delete_tags", {"Resources": Made((), _volumes), "Tags": ITEM}),
            keys_as_tags=True,
        ),
    ),
    delete=(
        Call("ec2.terminate_instances", {"InstanceIds": ListOf(ID)}),
        Wait("ec2.instance_terminated", {"InstanceIds": ListOf(ID)}),
    ),
)

EC2_ROWS = (_INSTANCE,)
