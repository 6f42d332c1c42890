"""Changing the type and the security groups of an instance that is there.

Gap: MiniStack has no ModifyInstanceAttribute.

AWS ("ModifyInstanceAttribute"): one attribute in each call; the type of a stopped instance only; the groups
of one in any state, at least one group. Every other attribute is refused here: nothing in the rehearsal shows
it afterwards.
"""

from rehearsal.emulator.upstream import Parameters, Response, ec2, ec2_handlers, members, parameter

_NAMES_THE_INSTANCE = frozenset({"Action", "Version", "InstanceId"})


def _refuse(code: str, message: str) -> Response:
    answer: Response = ec2._error(code, message, 400)
    return answer


def _modify(parameters: Parameters) -> Response:
    identifier = parameter(parameters, "InstanceId")
    instance = ec2._instances.get(identifier)
    if instance is None:
        return _refuse("InvalidInstanceID.NotFound", f"The instance ID '{identifier}' does not exist")
    asked = {name.split(".", 1)[0] for name in parameters} - _NAMES_THE_INSTANCE
    if len(asked) > 1:
        return _refuse("InvalidParameterCombination", "Fields for multiple attribute types specified")
    if asked == {"InstanceType"}:
        if instance["State"]["Name"] != "stopped":
            message = f"The instance '{identifier}' is not in the 'stopped' state."
            return _refuse("IncorrectInstanceState", message)
        instance["InstanceType"] = parameter(parameters, "InstanceType.Value")
    elif asked == {"GroupId"}:
        groups = members(parameters, "GroupId")
        for group in groups:
            if group not in ec2._security_groups:
                return _refuse("InvalidGroup.NotFound", f"The security group '{group}' does not exist")
        instance["SecurityGroups"] = [
            {"GroupId": group, "GroupName": ec2._security_groups[group]["GroupName"]} for group in groups
        ]
    else:
        what = ", ".join(sorted(asked)) or "nothing"
        return _refuse("UnsupportedOperation", f"The emulated AWS cannot change {what} of an instance.")
    answer: Response = ec2._xml(200, "ModifyInstanceAttributeResponse", "<return>true</return>")
    return answer


def apply() -> None:
    ec2_handlers["ModifyInstanceAttribute"] = _modify
