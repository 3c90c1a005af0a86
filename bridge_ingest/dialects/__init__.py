"""What an alert's body says. Pure: bytes and a mapping in, an `Alert` or a `Refused` out.

One module for each form that alerts arrive in; each turns a body into named values. What those
values mean (`understand`) is the same for all of them.
"""
