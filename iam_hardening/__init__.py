"""Everything that the program and its operators' commands share: names and policies, the stack file's checks,
the desired state, the claims, and the commands.

Imports point one way: commands → claims → model → config → aws (`tests/unit/test_layout.py`).
"""
