"""Looking for subnets.

Gap: MiniStack knows `default-for-az` and `availability-zone` in one of AWS's two spellings, and passes over
every filter that it does not know, so that a look-up finds too much.

AWS ("DescribeSubnets"): the filters below, several of them in two spellings. One that does not exist is
refused.
"""

from collections.abc import Callable
from typing import Any

from rehearsal.emulator.upstream import Parameters, Response, ec2, ec2_handlers

# AWS documents both spellings.
_SPELLINGS = {
    "availabilityZone": "availability-zone",
    "availabilityZoneId": "availability-zone-id",
    "cidr": "cidr-block",
    "cidrBlock": "cidr-block",
    "defaultForAz": "default-for-az",
}
_FIELDS = {
    "availability-zone": "AvailabilityZone",
    "availability-zone-id": "AvailabilityZoneId",
    "cidr-block": "CidrBlock",
    "default-for-az": "DefaultForAz",
    "map-public-ip-on-launch": "MapPublicIpOnLaunch",
    "owner-id": "OwnerId",
    "state": "State",
    "subnet-id": "SubnetId",
    "vpc-id": "VpcId",
}
_OF_TAGS = ("tag:", "tag-key", "tag-value")


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _describe(original: Callable[[Parameters], Response]) -> Callable[[Parameters], Response]:
    def describe(parameters: Parameters) -> Response:
        filters = {
            _SPELLINGS.get(name, name): values for name, values in ec2._parse_filters(parameters).items()
        }
        for name in filters:
            if name not in _FIELDS and not name.startswith(_OF_TAGS):
                refused: Response = ec2._error(
                    "InvalidParameterValue", f"The filter '{name}' is invalid", 400
                )
                return refused
        kept = {name: value for name, value in parameters.items() if not name.startswith("Filter.")}
        answer = original(kept)
        if answer[0] >= 300:
            return answer
        asked = ec2._parse_member_list(parameters, "SubnetId")
        items = "".join(
            ec2._subnet_xml(subnet)
            for identifier, subnet in ec2._subnets.items()
            if (not asked or identifier in asked) and _matches(subnet, filters)
        )
        described: Response = ec2._xml(200, "DescribeSubnetsResponse", f"<subnetSet>{items}</subnetSet>")
        return described

    return describe


def _matches(subnet: dict[str, Any], filters: dict[str, list[str]]) -> bool:
    return bool(ec2._resource_matches_tag_filters(subnet["SubnetId"], filters)) and all(
        any(ec2._glob_match(value, _text(subnet.get(_FIELDS[name]))) for value in values)
        for name, values in filters.items()
        if name in _FIELDS
    )


def apply() -> None:
    ec2_handlers["DescribeSubnets"] = _describe(ec2_handlers["DescribeSubnets"])
