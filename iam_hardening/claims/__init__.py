"""Claims: who may do what, and who may not, derived from a stack's settings and judged by real calls.

Depends on settings, names and a stack's outputs, never on components: a claim must not be wrong in the same
way as the code that it judges.
"""
