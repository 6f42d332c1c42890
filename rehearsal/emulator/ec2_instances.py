"""EC2 instances and images, as far as hardening shows on them.

Gap: MiniStack drops MetadataOptions and root-volume settings, gives every instance a public address, launches
images and profiles that do not exist, also without a network, keeps no creation date of an image (so "the
latest" means nothing), and has one Ubuntu image under a name that Canonical never used.

AWS ("RunInstances", "DescribeInstances", "DescribeImages", "ModifyInstanceMetadataOptions"); Canonical
("Find Ubuntu images on AWS": owner 099720109477 and the name pattern).
"""

import hashlib
import re
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any

from rehearsal.emulator import account_defaults
from rehearsal.emulator.upstream import Parameters, Response, ec2, ec2_handlers, parameter, responses

CANONICAL = "099720109477"
_ROOT_DEVICE = "/dev/sda1"
# Name without the date, the dates that exist.
_UBUNTU = {
    "ubuntu/images/hvm-ssd/ubuntu-jammy-22.04-amd64-server": ("20250822", "20251015"),
    "ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-amd64-server": ("20250821", "20251001", "20251022"),
    "ubuntu/images/hvm-ssd-gp3/ubuntu-resolute-26.04-amd64-server": ("20260423", "20260619"),
}
_METADATA_DEFAULTS = {
    "HttpTokens": "optional",
    "HttpEndpoint": "enabled",
    "HttpPutResponseHopLimit": "1",
    "HttpProtocolIpv6": "disabled",
    "InstanceMetadataTags": "disabled",
}
_METADATA_VALUES = {
    "HttpTokens": ("optional", "required"),
    "HttpEndpoint": ("enabled", "disabled"),
    "HttpProtocolIpv6": ("enabled", "disabled"),
    "InstanceMetadataTags": ("enabled", "disabled"),
}

_launching: ContextVar[Parameters | None] = ContextVar("emulated_aws_run_instances", default=None)


class _Images:
    """The public images, in the region of the request: an image id exists in one region only."""

    def __init__(self, others: list[tuple[Any, ...]]) -> None:
        self._others = [image for image in others if image[5] != CANONICAL]

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        yield from self._others
        for base, dates in _UBUNTU.items():
            for date in dates:
                name = f"{base}-{date}"
                yield (
                    self._image_id(name),
                    name,
                    f"Canonical, Ubuntu, {name[-8:]}",
                    "",
                    _ROOT_DEVICE,
                    CANONICAL,
                    None,
                )

    @staticmethod
    def _image_id(name: str) -> str:
        seed = f"{responses.get_region()}/{name}".encode()
        return f"ami-{hashlib.sha256(seed).hexdigest()[:17]}"


def _created(name: str) -> str:
    date = re.search(r"(20\d{2})(\d{2})(\d{2})", name)
    year, month, day = date.groups() if date else ("2024", "01", "01")
    return f"{year}-{month}-{day}T06:00:00.000Z"


def _with_creation_dates(handler: Callable[[Parameters], Response]) -> Callable[[Parameters], Response]:
    def dated(parameters: Parameters) -> Response:
        status, headers, body = handler(parameters)
        text = re.sub(
            r"<name>([^<]*)</name>",
            lambda match: f"{match.group(0)}<creationDate>{_created(match.group(1))}</creationDate>",
            body.decode(),
        )
        return status, headers, text.encode()

    return dated


def _image_exists(image_id: str) -> bool:
    return any(image[0] == image_id for image in ec2._STUB_AMIS)


def _refuse(code: str, message: str) -> Response:
    answer: Response = ec2._error(code, message, 400)
    return answer


def _metadata_options(parameters: Parameters, prefix: str, current: dict[str, str]) -> dict[str, str]:
    return {name: parameter(parameters, f"{prefix}{name}") or value for name, value in current.items()}


def _metadata_refusal(options: dict[str, str]) -> Response | None:
    for name, allowed in _METADATA_VALUES.items():
        if options[name] not in allowed:
            return _refuse(
                "InvalidParameterValue", f"Value ({options[name]}) for parameter {name} is invalid."
            )
    hops = options["HttpPutResponseHopLimit"]
    if not hops.isdigit() or not 1 <= int(hops) <= 64:
        return _refuse(
            "InvalidParameterValue", f"Value ({hops}) for HttpPutResponseHopLimit is not in 1 to 64."
        )
    return None


def metadata_options(instance: dict[str, Any]) -> dict[str, str]:
    """The instance's metadata options; those of AWS's own default where nothing was set."""
    options: dict[str, str] = instance.get("MetadataOptions") or _METADATA_DEFAULTS
    return options


def _root_mapping(parameters: Parameters, root_device: str) -> str | None:
    number = 1
    while device := parameter(parameters, f"BlockDeviceMapping.{number}.DeviceName"):
        if device == root_device:
            return f"BlockDeviceMapping.{number}.Ebs."
        number += 1
    return None


def _apply_root_volume(instance: dict[str, Any], parameters: Parameters) -> None:
    image = next((image for image in ec2._STUB_AMIS if image[0] == instance["ImageId"]), None)
    root_device = image[4] if image else instance["RootDeviceName"]
    mapping = instance["BlockDeviceMappings"][0]
    volume = ec2._volumes[mapping["Ebs"]["VolumeId"]]
    instance["RootDeviceName"] = mapping["DeviceName"] = volume["Attachments"][0]["Device"] = root_device
    ec2._parse_tag_specs(parameters, "volume", volume["VolumeId"])
    prefix = _root_mapping(parameters, root_device)
    volume["Encrypted"] = account_defaults.volumes_are_encrypted()
    if prefix is None:
        return
    volume["Encrypted"] |= parameter(parameters, f"{prefix}Encrypted").lower() == "true"
    volume["KmsKeyId"] = parameter(parameters, f"{prefix}KmsKeyId")
    volume["Size"] = int(parameter(parameters, f"{prefix}VolumeSize") or volume["Size"])
    volume["VolumeType"] = parameter(parameters, f"{prefix}VolumeType") or volume["VolumeType"]
    keep = parameter(parameters, f"{prefix}DeleteOnTermination").lower() == "false"
    mapping["Ebs"]["DeleteOnTermination"] = volume["Attachments"][0]["DeleteOnTermination"] = not keep


def _apply_network(instance: dict[str, Any], parameters: Parameters) -> None:
    subnet = ec2._subnets.get(instance["SubnetId"]) or {}
    zone = subnet.get("AvailabilityZone") or instance["Placement"]["AvailabilityZone"]
    instance["Placement"]["AvailabilityZone"] = zone
    wanted = parameter(parameters, "NetworkInterface.1.AssociatePublicIpAddress").lower()
    public = wanted == "true" if wanted else bool(subnet.get("MapPublicIpOnLaunch"))
    if not public:
        instance["PublicIpAddress"] = instance["PublicDnsName"] = ""


def _defaults() -> dict[str, str]:
    """AWS's own metadata options, and over them those of the account."""
    return _METADATA_DEFAULTS | account_defaults.instance_metadata()


def _launch(original: Callable[..., list[dict[str, Any]]]) -> Callable[..., list[dict[str, Any]]]:
    def launch(*args: Any, **options: Any) -> list[dict[str, Any]]:
        instances = original(*args, **options)
        parameters = _launching.get()
        if parameters is None:
            return instances
        for instance in instances:
            instance["MetadataOptions"] = _metadata_options(parameters, "MetadataOptions.", _defaults())
            instance["EbsOptimized"] = parameter(parameters, "EbsOptimized").lower() == "true"
            if parameter(parameters, "Monitoring.Enabled").lower() == "true":
                instance["Monitoring"] = {"State": "enabled"}
            _apply_root_volume(instance, parameters)
            _apply_network(instance, parameters)
        return instances

    return launch


def _run(original: Callable[[Parameters], Response]) -> Callable[[Parameters], Response]:
    def run(parameters: Parameters) -> Response:
        image_id = parameter(parameters, "ImageId")
        if not _image_exists(image_id):
            return _refuse("InvalidAMIID.NotFound", f"The image id '[{image_id}]' does not exist")
        name, arn = (
            parameter(parameters, "IamInstanceProfile.Name"),
            parameter(parameters, "IamInstanceProfile.Arn"),
        )
        _, refused = ec2._resolve_iam_instance_profile(iam_arn=arn, iam_name=name, allow_missing=False)
        options = _metadata_options(parameters, "MetadataOptions.", _defaults())
        refused = refused or _metadata_refusal(options)
        subnet = parameter(parameters, "SubnetId") or parameter(parameters, "NetworkInterface.1.SubnetId")
        if subnet and subnet not in ec2._subnets:
            refused = refused or _refuse(
                "InvalidSubnetID.NotFound", f"The subnet ID '{subnet}' does not exist"
            )
        if not subnet and not any(vpc.get("IsDefault") for vpc in ec2._vpcs.values()):
            refused = refused or _refuse(
                "VPCIdNotSpecified",
                "No default VPC for this user. GroupName is only supported for EC2-Classic and default VPC.",
            )
        if refused:
            answer: Response = refused
            return answer
        launch = {**parameters, **({"SubnetId": subnet} if subnet else {})}
        number = 1
        while group := parameter(parameters, f"NetworkInterface.1.SecurityGroupId.{number}"):
            launch[f"SecurityGroupId.{number}"] = group
            number += 1
        token = _launching.set(launch)
        try:
            return original(launch)
        finally:
            _launching.reset(token)

    return run


def _metadata_options_xml(options: dict[str, str]) -> str:
    fields = "".join(
        f"<{name[0].lower()}{name[1:]}>{value}</{name[0].lower()}{name[1:]}>"
        for name, value in options.items()
    )
    return f"<state>applied</state>{fields}"


def _modify_metadata_options(parameters: Parameters) -> Response:
    identifier = parameter(parameters, "InstanceId")
    instance = ec2._instances.get(identifier)
    if instance is None:
        return _refuse("InvalidInstanceID.NotFound", f"The instance ID '{identifier}' does not exist")
    options = _metadata_options(parameters, "", metadata_options(instance))
    refused = _metadata_refusal(options)
    if refused:
        return refused
    instance["MetadataOptions"] = options
    answer: Response = ec2._xml(
        200,
        "ModifyInstanceMetadataOptionsResponse",
        f"<instanceId>{identifier}</instanceId>"
        f"<instanceMetadataOptions>{_metadata_options_xml(options)}</instanceMetadataOptions>",
    )
    return answer


def _console_output(parameters: Parameters) -> Response:
    identifier = parameter(parameters, "InstanceId")
    if identifier not in ec2._instances:
        return _refuse("InvalidInstanceID.NotFound", f"The instance ID '{identifier}' does not exist")
    inner = f"<instanceId>{identifier}</instanceId><timestamp>{ec2._now_ts()}</timestamp><output></output>"
    answer: Response = ec2._xml(200, "GetConsoleOutputResponse", inner)
    return answer


def _terminate(original: Callable[[Parameters], Response]) -> Callable[[Parameters], Response]:
    def terminate(parameters: Parameters) -> Response:
        answer = original(parameters)
        if answer[0] < 300:
            for instance in ec2._instances.values():
                if instance["State"]["Name"] == "terminated":
                    for mapping in instance["BlockDeviceMappings"]:
                        if mapping["Ebs"].get("DeleteOnTermination", True):
                            ec2._volumes.pop(mapping["Ebs"]["VolumeId"], None)
                    instance["BlockDeviceMappings"] = []
        return answer

    return terminate


def apply() -> None:
    instance_xml = ec2._instance_xml
    volume_xml = ec2._volume_inner_xml

    def instance_xml_with_options(instance: dict[str, Any]) -> str:
        text = str(instance_xml(instance)).replace("<ipAddress></ipAddress>", "")
        options = _metadata_options_xml(metadata_options(instance))
        optimized = str(bool(instance.get("EbsOptimized"))).lower()
        extra = f"<metadataOptions>{options}</metadataOptions><ebsOptimized>{optimized}</ebsOptimized></item>"
        return text[: text.rindex("</item>")] + extra

    def volume_xml_with_key(volume: dict[str, Any]) -> str:
        key = volume.get("KmsKeyId")
        return str(volume_xml(volume)) + (f"<kmsKeyId>{key}</kmsKeyId>" if key else "")

    ec2._STUB_AMIS = _Images(ec2._STUB_AMIS)
    ec2._launch_instances_internal = _launch(ec2._launch_instances_internal)
    ec2._instance_xml = instance_xml_with_options
    ec2._volume_inner_xml = volume_xml_with_key
    ec2_handlers["DescribeImages"] = _with_creation_dates(ec2_handlers["DescribeImages"])
    ec2_handlers["RunInstances"] = _run(ec2_handlers["RunInstances"])
    ec2_handlers["TerminateInstances"] = _terminate(ec2_handlers["TerminateInstances"])
    ec2_handlers["ModifyInstanceMetadataOptions"] = _modify_metadata_options
    ec2_handlers["GetConsoleOutput"] = _console_output
