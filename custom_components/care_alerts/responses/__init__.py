"""What a house does about an episode: who is told, how loud, until somebody answers.

`plan`, `duty`, `steps`, `message` and `log` are pure Python: nothing there knows Home Assistant or a clock,
and the time is always an argument.
"""
