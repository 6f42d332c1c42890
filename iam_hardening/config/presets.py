"""Groups, users and roles that one line of a stack file stands for, as if the file spelled them out."""

from iam_hardening.aws import naming
from iam_hardening.config.schema import BreakGlassGroup, CrossAccountRole, Group, ProjectConfig, User


def groups(config: ProjectConfig) -> dict[str, Group]:
    """The break-glass user's own group, in which no one else can be."""
    if config.break_glass is None:
        return {}
    return {
        naming.BREAK_GLASS_GROUP: BreakGlassGroup.model_validate(
            {"managedPolicies": [naming.ADMINISTRATOR_ACCESS]}
        )
    }


def users(config: ProjectConfig) -> dict[str, User]:
    if config.break_glass is None:
        return {}
    wanted = {"groups": [naming.BREAK_GLASS_GROUP], "pgpKey": config.break_glass.pgp_key}
    return {config.break_glass.user: User.model_validate(wanted)}


def roles(config: ProjectConfig) -> dict[str, CrossAccountRole]:
    """Roles with an AWS managed policy, assumed with MFA by the people that the central account's groups
    allow."""
    return {
        role: CrossAccountRole.model_validate({"managedPolicies": [naming.STANDARD_ROLES[role]]})
        for role in config.standard_roles
    }
