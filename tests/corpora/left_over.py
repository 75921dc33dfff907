"""The cases of the open corpora that are left, each with the reason why it is not met.

A case that fails and is not here fails the test; so does one that is here and is met: strike it then.
"""

LEFT_OVER = {
    "talon_quotes/standard.iphone": "its source leaves a device's line at the end of a reply in; to us it is signature",
}
